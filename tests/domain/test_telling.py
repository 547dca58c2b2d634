"""Events as they are told outside: names that do not change, and nothing that is secret."""

import re
from datetime import UTC, datetime
from typing import get_args

import pytest
from msgspec import json

from voltkeep.domain import events
from voltkeep.domain.accounts import Permission
from voltkeep.domain.authorization import Authorization
from voltkeep.domain.identity import DEFAULT_TENANT, Evse, IdToken, StationId, TransactionRef
from voltkeep.domain.telling import (
    KINDS,
    LIVE_ONLY,
    Choice,
    UnknownEventType,
    encoded,
    name_of,
    named,
    needs,
)

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
STATION = StationId(DEFAULT_TENANT, "CS-1")

# Others have programmed against these: a class may be renamed, its event may not.
PROMISED = {
    "alert.raised",
    "campaign.changed",
    "certificate.changed",
    "certificate.pinned",
    "certificate.requested",
    "command.completed",
    "connection.refused",
    "connector.status_changed",
    "energy.metered",
    "firmware.changed",
    "key.rotated",
    "log.changed",
    "remote_start.requested",
    "roots.changed",
    "security.event",
    "security_profile.raised",
    "station.added",
    "station.booted",
    "station.changed",
    "station.connected",
    "station.disconnected",
    "station.duplicate_connection",
    "station.quarantined",
    "station.removed",
    "station.renamed",
    "token.presented",
    "transaction.ended",
    "transaction.started",
    "transaction.updated",
}


def test_the_names_of_events_stay():
    assert PROMISED - KINDS.keys() == set()


def test_each_event_has_a_name_of_its_own_that_webhooks_may_have():
    kinds = get_args(events.Anything)

    assert len(KINDS) == len({name_of(kind) for kind in kinds}) == len(kinds)
    for name in KINDS:
        assert re.fullmatch(r"[a-z_]+\.[a-z_]+", name)
    assert KINDS.keys() >= LIVE_ONLY


def test_types_are_named_one_by_one_or_by_their_noun():
    assert named(["station.added"]) == {"station.added"}
    of_transactions = {name for name in KINDS if name.startswith("transaction.")}
    assert "transaction.ended" in of_transactions
    assert named(["transaction.*", "station.added"]) == {*of_transactions, "station.added"}
    assert named(["*"]) == KINDS.keys()


@pytest.mark.parametrize("type", ["", "station", "station*", "sta*", "*.added", "Station.added"])
def test_a_type_that_there_is_not_is_no_type(type):
    with pytest.raises(UnknownEventType):
        named([type])


def started(**fields):
    values = {
        "station": STATION,
        "at": NOON,
        "ref": TransactionRef("7"),
        "evse": Evse(1, 1),
        "id_token": IdToken("04AABBCCDD2210"),
        "authorization": Authorization.ACCEPTED,
        "started_at": NOON,
        "remote_start_id": None,
        "meter_start_wh": 10.0,
    }
    return events.TransactionStarted(**(values | fields))


def test_an_event_is_told_in_public_words():
    assert json.decode(encoded(started(), 12, shows_tokens=False)) == {
        "id": "12",
        "type": "transaction.started",
        "timestamp": "2026-05-01T12:00:00Z",
        "tenant": "default",
        "station": "CS-1",
        "data": {
            "ref": "7",
            "evse": {"id": 1, "connector_id": 1},
            "id_token": {"value": "…2210", "kind": "ISO14443"},
            "authorization": "Accepted",
            "started_at": "2026-05-01T12:00:00Z",
            "remote_start_id": None,
            "meter_start_wh": 10.0,
        },
    }


def test_a_token_is_told_in_full_only_to_who_may_read_tokens():
    assert b"04AABBCCDD2210" in encoded(started(), 1, shows_tokens=True)
    assert b"04AABBCCDD" not in encoded(started(), 1, shows_tokens=False)
    assert not Choice(tenant=DEFAULT_TENANT, permissions=frozenset()).shows_tokens


def test_what_concerns_the_whole_tenant_names_no_station():
    event = events.StationRenamed(
        station=StationId(DEFAULT_TENANT, ""), at=NOON, new=StationId(DEFAULT_TENANT, "B")
    )

    told = json.decode(encoded(event, None, shows_tokens=False))
    assert (told["id"], told["station"], told["data"]) == (None, None, {"new": "B"})


def test_who_may_read_events_sees_no_security_events():
    viewer = Choice(tenant=DEFAULT_TENANT, permissions=frozenset({Permission.READ_EVENTS}))

    assert "station.connected" in viewer.names()
    assert not {"security.event", "transaction.started", "key.rotated"} & viewer.names()
    assert {needs(name) for name in KINDS} <= {
        *(None, Permission.READ_SECURITY, Permission.READ_TRANSACTIONS, Permission.READ_WEBHOOKS)
    }
    everything = Choice(tenant=DEFAULT_TENANT, permissions=frozenset(Permission))
    assert everything.names() == KINDS.keys()
