"""What every store must do with lists: filters, sorts, and pages that leave nothing out."""

import itertools
from collections import Counter

import pytest
from msgspec import structs
from tests.contract import samples
from tests.contract.paging import pages
from tests.contract.samples import (
    ALPHA,
    BETA,
    ELSEWHERE,
    NOON,
    OTHER_TENANT,
    TENANT,
    after,
    connector,
    station,
    token,
    transaction,
)

from voltkeep.domain.availability import ConnectorStatus
from voltkeep.domain.identity import Evse, IdToken, StationId
from voltkeep.domain.stations import Make, Registration, SecurityProfile
from voltkeep.domain.transactions import Closing
from voltkeep.services.lists import (
    ConnectorFilter,
    StationFilter,
    TokenFilter,
    TransactionFilter,
)
from voltkeep.store import paging

GAMMA, DELTA = (StationId(TENANT, name) for name in ("GAMMA", "DELTA"))


async def names(store, which=None, sort="name", **options):
    found = await pages(store, "stations", TENANT, which or StationFilter(), sort, **options)
    return [row.id.name for row in found]


@pytest.fixture
async def stations(store):
    """ALPHA and BETA at a site each, GAMMA without, and one of another tenant."""
    async with store.begin() as work:
        for row in (
            station(ALPHA, site="north", created_at=after(3), passive=False),
            station(BETA, site="south", created_at=after(2), registration=Registration.ACCEPTED),
            station(GAMMA, created_at=after(1), security_profile=SecurityProfile.TLS_CERTIFICATE),
            station(DELTA, site="north", created_at=after(1)),
            station(ELSEWHERE, site="north"),
        ):
            assert await work.stations.add(row)
        for id, at in ((ALPHA, 10), (BETA, 20), (ELSEWHERE, 5)):
            epoch = await work.stations.connected(
                id, at=after(at), subprotocol="ocpp1.6", address="::1"
            )
        await work.stations.disconnected(BETA, epoch, after(30))
        await work.stations.seen({ALPHA: after(40), GAMMA: after(50)})
        await work.stations.booted(ALPHA, samples.BOOT, after(11))
    return store


async def test_stations_are_sorted_by_name_and_by_times_either_way(stations):
    assert await names(stations) == ["ALPHA", "BETA", "DELTA", "GAMMA"]
    assert await names(stations, sort="-name") == ["GAMMA", "DELTA", "BETA", "ALPHA"]
    assert await names(stations, sort="created_at") == ["DELTA", "GAMMA", "BETA", "ALPHA"]
    assert await names(stations, sort="-created_at") == ["ALPHA", "BETA", "GAMMA", "DELTA"]


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5])
async def test_what_has_no_such_time_comes_last_either_way(stations, limit):
    assert await names(stations, sort="connected_at", limit=limit) == [
        *("ALPHA", "BETA", "DELTA", "GAMMA")
    ]
    assert await names(stations, sort="-connected_at", limit=limit) == [
        *("BETA", "ALPHA", "GAMMA", "DELTA")
    ]
    assert await names(stations, sort="last_seen_at", limit=limit) == [
        *("ALPHA", "GAMMA", "BETA", "DELTA")
    ]
    assert await names(stations, sort="-last_seen_at", limit=limit) == [
        *("GAMMA", "ALPHA", "DELTA", "BETA")
    ]


@pytest.mark.parametrize(
    ("which", "found"),
    [
        ({"sites": ("north",)}, ["ALPHA", "DELTA"]),
        ({"sites": ("north", "south")}, ["ALPHA", "BETA", "DELTA"]),
        ({"sites": ("",)}, ["GAMMA"]),
        ({"sites": ()}, []),
        ({"names": ("ALPHA", "GAMMA", "nobody")}, ["ALPHA", "GAMMA"]),
        ({"names": ("ALPHA", "GAMMA"), "sites": ("north",)}, ["ALPHA"]),
        ({"prefix": "AL"}, ["ALPHA"]),
        ({"prefix": "al"}, []),
        ({"prefix": "%"}, []),
        ({"registration": Registration.ACCEPTED}, ["BETA"]),
        ({"connected": True}, ["ALPHA"]),
        ({"connected": False}, ["BETA", "DELTA", "GAMMA"]),
        ({"security_profile": SecurityProfile.TLS_CERTIFICATE}, ["GAMMA"]),
        ({"passive": False}, ["ALPHA"]),
        ({"vendor": "Voltgut"}, ["ALPHA"]),
        ({"model": "V1", "firmware": "1.2.3"}, ["ALPHA"]),
        ({"model": "V2"}, []),
        ({"subprotocol": "ocpp1.6"}, ["ALPHA", "BETA"]),
        ({"last_seen_since": after(40)}, ["ALPHA", "GAMMA"]),
        ({"last_seen_before": after(50)}, ["ALPHA", "BETA", "DELTA"]),
        ({"passive": True, "sites": ("north",)}, ["DELTA"]),
    ],
)
async def test_stations_that_fit_every_filter_are_found(stations, which, found):
    assert await names(stations, StationFilter(**which)) == found
    assert sorted(await names(stations, StationFilter(**which), "-last_seen_at")) == found


async def test_stations_are_counted_by_site(stations):
    async with stations.read() as work:
        everywhere = (await work.lists.stations(TENANT, StationFilter())).rows
        at = Counter(each.site for each in everywhere)
        assert await work.lists.at_sites(TENANT, ["north", "none"]) == {"north": at["north"]}
        assert await work.lists.at_sites(TENANT, list(at)) == at
        assert await work.lists.at_sites(TENANT, []) == {}


async def test_stations_are_counted_by_make_and_firmware(stations):
    make = Make(vendor="Acme", model="One", firmware="2.0")
    async with stations.begin() as work:
        for id in (BETA, GAMMA):
            await work.stations.booted(id, structs.replace(samples.BOOT, make=make), after(12))
    async with stations.read() as work:
        found = await work.lists.makes(TENANT, StationFilter())
        few = await work.lists.makes(TENANT, StationFilter(), limit=1)
        north = await work.lists.makes(TENANT, StationFilter(sites=("north",), connected=True))
        none = await work.lists.makes(TENANT, StationFilter(names=("NOBODY",)))

    assert (found.stations, found.connected) == (4, 1)
    made = [(row.vendor, row.model, row.firmware, row.stations) for row in found.rows]
    assert made[0] == ("Acme", "One", "2.0", 2)
    assert ("", "", "", 1) in made
    assert sum(row.stations for row in found.rows) == 4
    assert sum(row.passive for row in found.rows) == found.passive
    assert few.rows == found.rows[:1]
    assert (few.stations, few.connected, few.passive) == (4, 1, found.passive)
    assert (north.stations, [row.connected for row in north.rows]) == (1, [1])
    assert (none.stations, none.connected, none.rows) == (0, 0, [])


async def test_the_rows_are_whole(stations):
    async with stations.read() as work:
        page = await work.lists.stations(TENANT, StationFilter(names=("ALPHA",)))
        assert page.rows == [await work.stations.get(ALPHA)]
        assert page.rows[0].make == Make(
            **{f: getattr(samples.MAKE, f) for f in Make.__struct_fields__}
        )
        assert page.next is None


async def test_a_page_goes_on_where_it_ended_whatever_was_added_or_removed(stations):
    async with stations.read() as work:
        page = await work.lists.stations(TENANT, StationFilter(), limit=2)
    async with stations.begin() as work:
        await work.stations.remove(BETA)
        await work.stations.add(station(StationId(TENANT, "ABEL")))
        await work.stations.add(station(StationId(TENANT, "CAIN")))
    async with stations.read() as work:
        rest = await work.lists.stations(TENANT, StationFilter(), after=page.next)
    assert [row.id.name for row in rest.rows] == ["CAIN", "DELTA", "GAMMA"]


async def test_a_filter_that_few_fit_is_looked_for_a_stretch_at_a_time(stations, monkeypatch):
    monkeypatch.setattr(paging, "STRETCH", 2)
    monkeypatch.setattr(paging, "FEW", 0)

    assert await names(stations, StationFilter(registration=Registration.ACCEPTED)) == ["BETA"]
    for sort in ("connected_at", "-connected_at"):
        assert await names(stations, StationFilter(passive=True), sort) == (
            ["BETA", "DELTA", "GAMMA"] if sort == "connected_at" else ["BETA", "GAMMA", "DELTA"]
        )
    assert await names(stations, StationFilter(sites=("north",)), limit=1) == ["ALPHA", "DELTA"]
    assert await names(stations, StationFilter(model="V2")) == []


# Connectors.


@pytest.fixture
async def connectors(stations):
    async with stations.begin() as work:
        rows = [
            connector(evse, id, status=status)
            for id, status in (
                (ALPHA, ConnectorStatus.FAULTED),
                (BETA, ConnectorStatus.AVAILABLE),
                (ELSEWHERE, ConnectorStatus.FAULTED),
            )
            for evse in (None, Evse(1, 1), Evse(1, 2), Evse(2, 1))
        ]
        await work.connectors.save(rows)
    return stations


def places(rows):
    return [(row.station.name, row.update.evse) for row in rows]


EVSES = [None, Evse(1, 1), Evse(1, 2), Evse(2, 1)]


@pytest.mark.parametrize(
    ("which", "found"),
    [
        ({}, ["ALPHA", "BETA"]),
        ({"station": "BETA"}, ["BETA"]),
        ({"status": ConnectorStatus.FAULTED}, ["ALPHA"]),
        ({"status": ConnectorStatus.RESERVED}, []),
        ({"sites": ("south", "west")}, ["BETA"]),
        ({"sites": ()}, []),
        ({"heard_since": after(1)}, ["ALPHA", "BETA"]),
        ({"heard_before": after(1)}, []),
        ({"stale_before": after(1)}, ["BETA"]),
        ({"stale_before": after(2)}, ["ALPHA", "BETA"]),
    ],
)
async def test_connectors_over_the_fleet(connectors, which, found):
    rows = await pages(connectors, "connectors", TENANT, ConnectorFilter(**which), limit=3)
    expected = list(itertools.product(found, EVSES))
    assert places(rows) == expected

    turned = await pages(connectors, "connectors", TENANT, ConnectorFilter(**which), "-station")
    assert places(turned) == expected[::-1]


# Tokens.


@pytest.fixture
async def tokens(store):
    async with store.begin() as work:
        for n, row in enumerate(
            (
                token("A1", blocked=False, expires_at=None),
                token("a2", group="fleet"),
                token("B1", expires_at=after(30)),
                token("B2", group=None, blocked=False),
            )
        ):
            await work.tokens.save(TENANT, samples_at(row, 10 - n))
        await work.tokens.save(OTHER_TENANT, token("A9"))
    return store


def samples_at(row, seconds):
    return type(row)(
        **{name: getattr(row, name) for name in row.__struct_fields__}
        | {"created_at": after(seconds)}
    )


@pytest.mark.parametrize(
    ("which", "found"),
    [
        ({}, ["A1", "a2", "B1", "B2"]),
        ({"prefix": "A"}, ["A1", "a2"]),
        ({"prefix": "b"}, ["B1", "B2"]),
        ({"group": "family"}, ["A1", "B1"]),
        ({"blocked": True}, ["a2", "B1"]),
        ({"blocked": False}, ["A1", "B2"]),
        ({"expires_before": after(60)}, ["B1"]),
        ({"expires_before": after(61)}, ["a2", "B1", "B2"]),
    ],
)
async def test_tokens_that_fit_every_filter_are_found(tokens, which, found):
    async def values(sort):
        rows = await pages(tokens, "tokens", TENANT, TokenFilter(**which), sort)
        return [row.id_token.value for row in rows]

    assert await values("key") == found
    assert await values("-key") == found[::-1]
    assert await values("created_at") == found[::-1]
    assert await values("-created_at") == found


# Transactions.

CLOSING = Closing(at=after(90), by="ada", reason="lost", as_of=after(80), meter_wh=1.0)


@pytest.fixture
async def transactions(stations):
    async with stations.begin() as work:
        for row in (
            transaction("1", first_heard_at=after(1), started_at=after(9), ended_at=after(20)),
            transaction("2", first_heard_at=after(2), started_at=after(8), group="fleet"),
            transaction("3", BETA, first_heard_at=after(3), started_at=None, ended_at=after(10)),
            transaction("4", GAMMA, first_heard_at=after(4), started_at=after(7), evse=Evse(2)),
            transaction(
                "5",
                BETA,
                first_heard_at=after(4),
                started_at=after(7),
                id_token=IdToken("other"),
                closing=CLOSING,
            ),
            transaction("6", StationId(TENANT, "gone"), first_heard_at=NOON, ended_at=after(20)),
            transaction("1", ELSEWHERE),
        ):
            assert await work.transactions.add(row)
    return stations


async def refs(store, which=None, sort="first_heard_at", **options):
    found = await pages(
        store, "transactions", TENANT, which or TransactionFilter(), sort, **options
    )
    return "".join(row.ref for row in found)


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 9])
async def test_transactions_are_sorted_by_each_time_either_way(transactions, limit):
    for sort, found in (
        ("first_heard_at", "612354"),
        ("-first_heard_at", "453216"),
        ("started_at", "654213"),
        ("-started_at", "124563"),
        ("ended_at", "316254"),
        ("-ended_at", "613452"),
    ):
        assert await refs(transactions, sort=sort, limit=limit) == found, sort


FILTERS = [
    ({"station": "BETA"}, "35"),
    ({"station": "ALPHA", "evse_id": 1}, "12"),
    ({"evse_id": 2}, "4"),
    ({"ref": "1"}, "1"),
    ({"id_token": IdToken("OTHER", "eMAID")}, "5"),
    ({"group": "fleet"}, "2"),
    ({"active": True}, "24"),
    ({"active": False}, "6135"),
    ({"closed": True}, "5"),
    ({"closed": False}, "61234"),
    ({"started_since": after(8)}, "12"),
    ({"started_before": after(8)}, "654"),
    ({"started_since": after(7), "started_before": after(9)}, "254"),
    ({"ended_since": after(20)}, "61"),
    ({"ended_before": after(20)}, "3"),
    ({"sites": ("north",)}, "12"),
    ({"sites": ("south", "")}, "354"),
    ({"sites": ()}, ""),
    ({"sites": ("north",), "active": True}, "2"),
    ({"sites": ("north",), "station": "BETA"}, ""),
]


@pytest.mark.parametrize("stretch", [1, 10_000])
@pytest.mark.parametrize(("which", "found"), FILTERS)
async def test_transactions_that_fit_every_filter_are_found(
    transactions, monkeypatch, which, found, stretch
):
    monkeypatch.setattr(paging, "STRETCH", stretch)
    monkeypatch.setattr(paging, "FEW", 0 if stretch == 1 else 100)

    assert await refs(transactions, TransactionFilter(**which)) == found
    for sort in ("-first_heard_at", "started_at", "-started_at", "ended_at", "-ended_at"):
        assert sorted(await refs(transactions, TransactionFilter(**which), sort)) == sorted(found)
