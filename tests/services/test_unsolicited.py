"""A passive station is sent nothing that nobody asked for: every sender that runs by itself.

Whatever in `voltkeep.services` runs by itself stands in one of two tables here, so that a new one
must take its place.
"""

import ast
import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

import voltkeep.services
from tests.contract import samples
from tests.services.authority import SETTINGS, authority, request
from tests.services.here import ALICE, CS, Here
from voltkeep.domain.campaigns import Terms
from voltkeep.domain.certificates import CertificateState
from voltkeep.domain.commands import Reset, SendCertificate
from voltkeep.domain.configuration import Template
from voltkeep.domain.device_model import VariableValue, variable
from voltkeep.domain.events import StationBooted
from voltkeep.domain.identity import StationId
from voltkeep.domain.stations import Boot, Make, SecurityProfile, Trust
from voltkeep.services.audit import acting_as
from voltkeep.services.lists import StationFilter
from voltkeep.services.orders import OrderService
from voltkeep.services.ports import StationPassive
from voltkeep.services.unsolicited import ConsiderateStations

SERVICES = Path(voltkeep.services.__file__).parent
MAKE = Make(vendor="V", model="M")


async def renewal(here):
    """A certificate grows old."""
    values = {
        "state": CertificateState.ACTIVE,
        "not_before": here.now - timedelta(days=300),
        "not_after": here.now + timedelta(days=1),
        "renewal_at": None,
    }
    async with here.store.begin() as work:
        await work.certificates.put(samples.record("certificates", station=CS, **values))
    await here.services.certificates.renew_due()


async def campaigns(here):
    """A person has started it for the fleet, and not for a station that is passive."""
    async with here.store.begin() as work:
        await work.stations.set_key(CS, "a key")
    with acting_as(ALICE):
        await here.services.campaigns.start(
            CS.tenant, SecurityProfile.TLS_BASIC, StationFilter(), Terms()
        )
    await here.services.campaigns.move_on()


async def templates(here):
    """A station boots, for which a template has other values."""
    template = Template(
        station=StationId(CS.tenant, ""),
        id="interval",
        at=here.now,
        values=(VariableValue(variable=variable("OCPPCommCtrlr.HeartbeatInterval"), value="60"),),
        after_boot=True,
    )
    with acting_as(ALICE):
        await here.services.templates.add(template)
        await here.services.templates.assign("interval", CS)
    booted = StationBooted(
        station=CS, at=here.now, make=MAKE, registration="Accepted", reason="PowerUp"
    )
    here.services.templates.booted(booted)
    task = asyncio.create_task(here.services.templates.run(after_s=0))
    for _ in range(100):
        await asyncio.sleep(0)
    task.cancel()


async def list_keeper(here):
    """A local list is to be kept in step."""
    with acting_as(ALICE):
        await here.services.local_lists.set(CS, is_on=True)
    here.later(minutes=5)
    await here.services.list_keeper.keep()


AUTOMATIC = {
    "renewal.Renewal": renewal,
    "campaigns.CampaignService": campaigns,
    "templates.TemplateService": templates,
    "list_keeper.ListKeeper": list_keeper,
}
QUIET = {
    "accounts.AccountService": "asks stations nothing",
    "audit.AuditService": "asks stations nothing",
    "availability_plans.AvailabilityPlans": "does what a person has planned, as that person",
    "batches.BatchService": "does what a person has ordered, as that person",
    "day_counting.DayCounter": "asks stations nothing",
    "imports.ImportService": "takes files in, and asks no station",
    "certificates.CertificateService": "runs Issuing and Renewal",
    "closing.ClosingService": "asks stations nothing",
    "issuing.Issuing": "answers what a station has asked for",
    "order_queue.OrderQueue": "does what a person has ordered, as that person",
    "refusals.Refusals": "asks stations nothing",
    "reservations.ReservationService": "asks stations nothing by itself",
    "sessions.SessionService": "asks stations nothing",
}


@pytest.fixture
async def here():
    here = Here(authority(), SETTINGS)
    await here.add(
        "CS-1", security_profile=SecurityProfile.BASIC, trust=Trust(serial_number="SN-1")
    )
    await here.connect()
    async with here.store.begin() as work:
        await work.stations.booted(CS, Boot(make=MAKE), here.now)
    return here


async def make_passive(here):
    async with here.store.begin() as work:
        await work.stations.set_passive(CS, passive=True)


def run_by_themselves():
    for path in sorted(SERVICES.glob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if not isinstance(node, ast.ClassDef):
                continue
            names = {each.name for each in node.body if isinstance(each, ast.AsyncFunctionDef)}
            if "run" in names:
                yield f"{path.stem}.{node.name}"


def test_every_service_that_runs_by_itself_is_in_one_table():
    assert sorted(run_by_themselves()) == sorted({*AUTOMATIC, *QUIET})


@pytest.mark.parametrize("name", AUTOMATIC)
async def test_what_runs_by_itself_asks_others_and_leaves_a_passive_station_alone(here, name):
    await AUTOMATIC[name](here)
    assert here.asked != []

    left_alone = Here(authority(), SETTINGS)
    await left_alone.add("CS-1", security_profile=SecurityProfile.BASIC)
    await left_alone.connect()
    await make_passive(left_alone)
    await AUTOMATIC[name](left_alone)
    assert left_alone.asked == []


def reached(service, seen):
    """Every object that a service holds, but for what is behind the guard."""
    if id(service) in seen or isinstance(service, ConsiderateStations):
        return
    seen[id(service)] = service
    held = list(getattr(service, "__dict__", {}).values())
    held += [getattr(service, name, None) for name in getattr(type(service), "__slots__", ())]
    held += [getattr(service, "__self__", None)]
    held += list(service.values()) if isinstance(service, dict) else []
    held += [cell.cell_contents for cell in getattr(service, "__closure__", None) or ()]
    for each in held:
        module = getattr(type(each), "__module__", "")
        if callable(each) or isinstance(each, dict) or module.startswith(("voltkeep", "tests")):
            reached(each, seen)


async def test_every_service_reaches_stations_through_the_guard_only():
    here = Here(authority(), SETTINGS)
    services = here.services
    seen: dict[int, object] = {}
    for name in type(services).__dataclass_fields__:
        reached(getattr(services, name), seen)
    assert any(isinstance(each, OrderService) for each in seen.values())
    ways = [
        type(each).__name__
        for each in seen.values()
        if here in list(getattr(each, "__dict__", {}).values())
    ]
    assert ways == []


async def test_a_person_is_heard_by_a_passive_station(here):
    await make_passive(here)
    with acting_as(ALICE):
        assert (await here.services.provisioning.reset(CS, "OnIdle")).accepted
    with pytest.raises(StationPassive):
        await here.services.provisioning.reset(CS, "OnIdle")
    assert [type(command) for _, command in here.asked] == [Reset]


async def test_what_a_passive_station_asks_for_itself_it_gets(here):
    await make_passive(here)
    sender = await here.connect()
    assert not await here.services.certificates.requested(sender, request())
    await here.services.certificates.catch_up()
    assert [type(command) for _, command in here.asked] == [SendCertificate]


async def test_what_a_person_has_planned_is_done_at_a_passive_station(here):
    await make_passive(here)
    with acting_as(ALICE):
        await here.services.availability.plans.add(CS, operative=False, due_at=here.now)
    here.later(minutes=1)
    await here.services.availability.plans.carry_out()
    assert len(here.asked) == 1


async def test_a_campaign_passes_over_a_passive_station(here):
    await make_passive(here)
    await campaigns(here)
    [campaign] = await here.services.campaigns.all(CS.tenant)
    progress = await here.services.campaigns.progress(CS.tenant, campaign.id)
    assert progress.counts["skipped"] == 1
