"""What the tests of the report share: a plan, a few cases, and judgements of them."""

from datetime import UTC, datetime

from voltkeep.lab.case import Case, Functionality
from voltkeep.lab.plan import Account, Csms, Laboratory, Plan, Product, Tokens
from voltkeep.lab.report import report_on
from voltkeep.lab.verdicts import Entry, Judgement, Kind, Verdict

AT = datetime(2026, 3, 1, 12, 30, 15, 999, tzinfo=UTC)
KEY = "AbCdEf0123456789"
HEX_KEY = "00112233445566778899aabbccddeeff01234567"
PLAN = Plan(
    product=Product(name="Gridmind", vendor="Wattson & Co", version="4.2"),
    laboratory=Laboratory(name="Bench in the cellar"),
    csms=Csms(urls={1: "ws://csms/ocpp", 2: "wss://csms/ocpp", 3: "wss://csms/mtls"}),
    stations={
        "1": Account(identity="LAB-1", serial_number="1", key=KEY),
        "2": Account(identity="LAB-2", serial_number="2", key=HEX_KEY),
    },
    tokens=Tokens(valid="A", expired="B", blocked="C", unknown="D", parent="E", sibling="F"),
)
LOG = (
    Entry(0.0001, Kind.STEP, "The station boots"),
    Entry(0.0002, Kind.CONNECTION, "GET ws://csms/ocpp/LAB-1 (Authorization: Basic •••)"),
    Entry(0.01, Kind.SENT, '[2,"s1","BootNotification",{"chargePointVendor":"Voltkeep"}]'),
    Entry(0.02, Kind.RECEIVED, '[3,"s1",{"status":"Accepted","interval":300}]'),
    Entry(0.03, Kind.ORDER, "reset"),
    Entry(0.04, Kind.RECEIVED, '[2,"c1","Reset",{"type":"Hard"}]'),
    Entry(0.05, Kind.SENT, '[4,"c1","NotSupported","no",{}]'),
    Entry(0.06, Kind.NOTE, "the driver says: no"),
)


async def script(bench):
    """It does what it must.

    And no more.
    """
    bench.step("The station boots")


def a_case(id, functionality=Functionality.CORE, **changed):
    return Case(
        **{
            "id": id,
            "name": f"Name of {id}",
            "functionality": functionality,
            "source": "OCPP 1.6 edition 2, section 4.2",
            "profiles": (1, 2, 3),
            "script": script,
        }
        | changed
    )


CASES = (
    a_case("TC_001"),
    a_case("TC_013"),
    a_case("TC_046", Functionality.RESERVATION),
    a_case("TC_074", Functionality.SECURITY, profiles=(3,)),
    a_case("TC_085", Functionality.SECURITY, profiles=(1, 2)),
    a_case("LAB_01", Functionality.SECURITY, official=False),
)


def judged(case, profile=1, verdict=Verdict.PASS, **more):
    return Judgement(case=case, profile=profile, verdict=verdict, **({"log": LOG} | more))


def failed(case, profile=1, **more):
    told = {"step": "The station boots", "expected": "Accepted", "came": "came Rejected"}
    return judged(case, profile, Verdict.FAIL, **(told | more))


def all_passed(cases=CASES, profiles=(1, 2, 3)):
    return [
        judged(case.id, profile)
        if profile in case.profiles
        else judged(case.id, profile, Verdict.NOT_APPLICABLE, remark="not here", log=())
        for profile in profiles
        for case in cases
    ]


def instead(judgements, *others):
    """The judgements, with these in the place of those of the same case and profile."""
    by_place = {(each.case, each.profile): each for each in others}
    return [by_place.get((each.case, each.profile), each) for each in judgements]


def a_report(judgements=None, *, plan=PLAN, cases=CASES, at=AT, profiles=(1, 2, 3), chosen=None):
    if judgements is None:
        judgements = all_passed()
    return report_on(plan, cases, judgements, at, profiles, chosen)
