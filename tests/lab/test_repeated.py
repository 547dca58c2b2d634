"""Two runs of the same against the same write the same report, but for times."""

import re
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from tests.lab.csms.running import NAME, make, running
from tests.lab.fault import CASES
from voltkeep.lab.report import report_on, write
from voltkeep.lab.run import run

FILES = ("report.json", "report.html", "junit.xml")
PLAYED = ("TC_011_1", "TC_046", "TC_073", "TC_074", "TC_076", "TC_077", "TC_079", "TC_080")
TIMES = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}( |T)[0-9:.]+(Z|\+00:00)?"  # anywhere
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"|<time>[^<]*</time>"
    r'|(?<=time=")[0-9.]+'
    r'|(?<="at": )[0-9.e-]+|(?<="seconds": )[0-9.e-]+'  # of JSON
    r"|^(<system-out>|[^<]*<system-out>)? *[0-9]+\.[0-9]{3} ",  # of a line of JUnit's
    re.MULTILINE,
)


async def reported(folder, profiles, cases):
    make.cache_clear()  # other keys, other certificates
    async with running() as tested:
        csms = tested.plan.csms
        ports = {
            profile: int(url.split(":")[2].split("/")[0]) for profile, url in csms.urls.items()
        }
        urls = {profile: f"{url.split(':')[0]}://{NAME}/ocpp" for profile, url in csms.urls.items()}
        plan = replace(tested.plan, csms=replace(csms, urls=urls, ports=ports))
        judgements = await run(plan, tested.driver, cases, profiles)
    write(report_on(plan, cases, judgements, datetime.now(UTC), profiles), folder)
    return {name: TIMES.sub("", (folder / name).read_text()) for name in FILES}


@pytest.mark.parametrize("profile", [1, 3])
async def test_two_runs_differ_in_nothing_but_times(profile, tmp_path):
    cases = [CASES[id] for id in PLAYED]

    first = await reported(tmp_path / "1", [profile], cases)
    second = await reported(tmp_path / "2", [profile], cases)

    for name in FILES:
        assert first[name].splitlines() == second[name].splitlines()
    assert '"verdict": "pass"' in first["report.json"]
