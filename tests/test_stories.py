"""Each story, in each version it is told in, ends as it should: see `tests.stories.play`."""

import re
from collections.abc import Iterator

import pytest

from tests.stories.play import STORIES, Story, spoken

PATHS = sorted(path for path in STORIES.iterdir() if ".ocpp" in path.name)


def tellings() -> Iterator[object]:
    for path in PATHS:
        cases = [
            word
            for line in path.read_text().splitlines()
            if line.startswith("# tc ")
            for word in line.split()[2:]
        ]
        for version in spoken(path):
            yield pytest.param(
                path,
                version,
                id=f"{path.name.split('.', 1)[0]}-{version}",
                marks=[pytest.mark.tc(case) for case in cases],
            )


each_story = pytest.mark.parametrize(("path", "version"), list(tellings()))


def expected(path) -> list[str]:
    """The same in every version: that is what a dialect is for. No file: nothing to tell."""
    told = path.with_name(f"{path.name.split('.', 1)[0]}.told")
    return told.read_text().splitlines() if told.exists() else []


@each_story
async def test_a_story_is_told_as_it_went(path, version):
    story = Story(version)

    await story.play(path.read_text())

    assert await story.told() == expected(path)


RESENT = {
    "Authorize",
    "ClearedChargingLimit",
    "DiagnosticsStatusNotification",
    "FirmwareStatusNotification",
    "LogStatusNotification",
    "MeterValues",
    "NotifyChargingLimit",
    "NotifyEVChargingNeeds",
    "NotifyEVChargingSchedule",
    "ReportChargingProfiles",
    "SignedFirmwareStatusNotification",
    "StartTransaction",
    "StatusNotification",
    "StopTransaction",
    "TransactionEvent",
}
ANEW, AS_BEFORE, RECONNECTED = "under a new id", "under the same id", "after a new connection"


class Stammerer(Story):
    """Every report of a station is said again, as after an outage."""

    def __init__(self, version: str, how: str) -> None:
        super().__init__(version)
        self._how = how
        self.repeated = 0

    async def receive(self, line, frame) -> None:
        await super().receive(line, frame)
        if frame[0] != 2 or frame[2] not in RESENT or len(line.session.outbox) != 1:
            return
        answer = line.session.outbox.popleft()
        again = list(frame)
        if self._how == ANEW:
            again[1] += "-again"
        elif self._how == RECONNECTED:
            await self._drop(line.id.name)
            await self._connect(line.id.name)
        await super().receive(line, again)
        assert line.session.outbox.pop() == answer.replace(
            frame[1].encode() + b'"', again[1].encode() + b'"'
        )
        line.session.outbox.append(answer)
        self.repeated += 1


@pytest.mark.parametrize("how", [ANEW, AS_BEFORE, RECONNECTED])
@each_story
async def test_what_is_said_twice_is_answered_twice_and_counted_once(path, version, how):
    """1.6 section 3.7.1, 2.x E04: a station that was not answered says it again."""
    story = Stammerer(version, how)

    await story.play(path.read_text())

    reports = re.findall(r"^(?:CS-\d )?< (\w+)", path.read_text(), re.MULTILINE)
    assert story.repeated == sum(action in RESENT for action in reports)
    # Showing a card is no report: each time is one more.
    assert [line for line in await story.told() if "was shown" not in line] == [
        line for line in expected(path) if "was shown" not in line
    ]
