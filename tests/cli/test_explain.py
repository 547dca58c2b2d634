"""`voltkeep station explain` and `release`, as an operator types them."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec import structs

from tests.cli.conftest import connected
from voltkeep.domain.identity import station_id
from voltkeep.domain.security import TlsFault, Verdict
from voltkeep.services.refusals import NOBODY

CS = station_id("CS-01")


@pytest.fixture(autouse=True)
def _database(voltkeep):
    voltkeep.ok("station", "list")


def refuse(voltkeep, station, reason, host="192.0.2.1", detail=""):
    async def note(app):
        app.services.security.refused(station, f"{host}:4711", reason, detail)
        await app.services.security.refusals.flush()

    voltkeep.inside(note)


def quarantine(voltkeep):
    async def hold(app):
        await app.services.intrusion.quarantine(CS, 4, ("192.0.2.1:1", "192.0.2.2:1"))

    voltkeep.inside(hold)


def test_an_id_that_nobody_registered_is_explained(voltkeep):
    said = voltkeep.ok("station", "explain", "CS-01")

    assert "CS-01 is not registered" in said.out
    assert "-> voltkeep station add CS-01" in said.out


def test_a_refused_station_is_explained_on_one_page(voltkeep):
    voltkeep.ok("station", "add", "CS-01")
    for _ in range(3):
        refuse(voltkeep, CS, Verdict.WRONG_PASSWORD)
    refuse(voltkeep, NOBODY, TlsFault.HTTP)

    said = voltkeep.ok("station", "explain", "CS-01").out
    assert said.splitlines()[0] == "CS-01 is refused: wrong password."
    assert "ws://127.0.0.1:9000/ocpp/CS-01" in said
    assert "wrong password (3 times, last 0 s ago from 192.0.2.1)" in said
    assert "The key that it sent is not the one we know." in said
    assert "voltkeep station rotate-key CS-01" in said
    assert "perhaps this one" in said
    assert "HTTP without TLS was spoken to a TLS port" in said
    assert len(said.splitlines()) < 40


def test_who_was_let_in_since_is_not_told_of_old_failures_unasked(voltkeep):
    voltkeep.ok("station", "add", "CS-01")
    refuse(voltkeep, NOBODY, TlsFault.HTTP)

    async def an_hour_ago(app):
        async with app.store.begin() as work:
            (found,) = await work.refusals.of(NOBODY)
            await work.refusals.put(structs.replace(found, at=found.at - timedelta(hours=1)))
            await connected(work, "CS-01")

    voltkeep.inside(an_hour_ago)
    assert "perhaps this one" not in voltkeep.ok("station", "explain", "CS-01").out
    assert "perhaps this one" in voltkeep.ok("station", "explain", "CS-01", "--all").out


def test_programs_get_the_same_as_json(voltkeep):
    voltkeep.ok("station", "add", "CS-01")
    refuse(voltkeep, CS, Verdict.WRONG_PASSWORD)

    said = voltkeep.ok("station", "explain", "CS-01", "--json").json
    assert (said["station"], said["registered"], said["connected"]) == ("CS-01", True, False)
    (refusal,) = said["refusals"]
    assert (refusal["reason"], refusal["count"]) == ("wrong password", 1)
    assert {finding["topic"] for finding in said["findings"]} >= {"Address", "Connection", "Key"}


def test_what_a_stranger_said_is_shown_escaped(voltkeep):
    refuse(voltkeep, CS, "no \x1b[2Jreason", "\x1b[31mhost", "CN=\u202eEvil")

    said = voltkeep.ok("station", "explain", "CS-01").out
    assert said.replace("\n", "").isprintable()
    assert "\\x1b[2J" in said


def test_a_name_that_no_station_can_have_is_refused(voltkeep):
    assert voltkeep("station", "explain", "../etc").code == 2


def test_a_quarantine_is_said_and_ended(voltkeep):
    voltkeep.ok("station", "add", "CS-01")
    quarantine(voltkeep)
    assert "station release CS-01" in voltkeep.ok("station", "explain", "CS-01").out

    assert "is released" in voltkeep.ok("station", "release", "CS-01").out
    assert "Quarantine" not in voltkeep.ok("station", "explain", "CS-01").out
    again = voltkeep.ok("station", "release", "CS-01", "--json").json
    assert again == {"station": "CS-01", "done": False}
    assert voltkeep("station", "release", "NOBODY").code == 3


def test_a_quarantine_that_is_over_is_no_longer_said(voltkeep):
    voltkeep.ok("station", "add", "CS-01")
    quarantine(voltkeep)

    async def long_ago(app):
        async with app.store.begin() as work:
            known = await work.stations.get(CS)
            until = datetime.now(UTC) - timedelta(hours=1)
            trust = structs.replace(known.trust, quarantined_until=until)
            await work.stations.set_trust(CS, trust)

    voltkeep.inside(long_ago)
    assert "Quarantine" not in voltkeep.ok("station", "explain", "CS-01").out
