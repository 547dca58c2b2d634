"""What every store must do with records that end: certificates, and foreign roots."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from msgspec import structs
from tests.contract.samples import ALPHA, BETA, ELSEWHERE, NOON, TENANT, record, station

from voltkeep.domain.certificates import CertificateState
from voltkeep.services.records import Look

IN_USE = (CertificateState.ACCEPTED, CertificateState.ACTIVE)


def certificate(id, at, state=CertificateState.ACTIVE, station=ALPHA):
    return structs.replace(record("certificates", id, station), not_after=at, state=state)


async def put(store, *rows):
    async with store.begin() as work:
        await work.stations.add(structs.replace(station(), site="north"))
        for row in rows:
            await work.certificates.put(row)


async def test_the_soonest_come_first_whatever_their_state_in_pages(store):
    rows = [
        certificate(str(number), NOON + timedelta(days=days), state, at)
        for number, (days, state, at) in enumerate(
            [
                (3, IN_USE[0], ALPHA),
                (1, IN_USE[1], BETA),
                (1, IN_USE[0], ALPHA),
                (2, IN_USE[1], ALPHA),
                (0, CertificateState.REVOKED, ALPHA),
            ]
        )
    ]
    await put(store, *rows, certificate("9", NOON, station=ELSEWHERE))

    async with store.read() as work:

        async def told(**look):
            found = await work.certificates.soonest(TENANT, Look(**{"states": IN_USE, **look}))
            return "".join(each.id for each in found)

        assert await work.certificates.soonest(TENANT, Look(states=IN_USE)) == [
            rows[each] for each in (2, 1, 3, 0)
        ]
        assert await told(limit=2) == "21"
        first = rows[2]
        assert await told(after=(first.not_after, first.station.name, first.id)) == "130"
        assert await told(station="BETA") == "1"
        assert await told(sites=("north",)) == "230"
        assert await told(sites=("south",)) == ""
        assert await told(states=("revoked",)) == "4"
        since, until = NOON + timedelta(days=2), NOON + timedelta(days=3)
        assert await told(since=since, until=until) == "3"


async def test_months_are_counted_in_utc_as_far_as_time_goes(store):
    in_india = timezone(timedelta(hours=5, minutes=30))
    last = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    await put(
        store,
        certificate("1", datetime(2027, 1, 1, 3, tzinfo=in_india)),
        certificate("2", datetime(2026, 12, 1, tzinfo=UTC), IN_USE[0]),
        certificate("3", datetime(2027, 1, 1, tzinfo=UTC), station=BETA),
        certificate("4", datetime(2028, 2, 29, tzinfo=UTC), station=BETA),
        certificate("5", datetime(2029, 2, 1, tzinfo=UTC), CertificateState.REVOKED),
        certificate("6", last),
        certificate("7", last, station=ELSEWHERE),
    )

    async with store.read() as work:
        counts = await work.certificates.months(TENANT, IN_USE)
        assert list(counts.items()) == [
            ("2026-12", 2),
            ("2027-01", 1),
            ("2028-02", 1),
            ("9999-12", 1),
        ]
        few = await work.certificates.months(TENANT, IN_USE, limit=2)
        assert few == {"2026-12": 2, "2027-01": 1}
        of_beta = await work.certificates.months(TENANT, IN_USE, "BETA")
        assert of_beta == {"2027-01": 1, "2028-02": 1}
        assert await work.certificates.months(TENANT, (CertificateState.ISSUED,)) == {}


@pytest.mark.parametrize("days", [1, 400])
async def test_what_changes_is_found_where_it_ends_now(store, days):
    row = record("anchors")
    async with store.begin() as work:
        await work.anchors.put(row)
        moved = structs.replace(row, not_after=row.not_after + timedelta(days=days))
        assert await work.anchors.replace(moved)

    async with store.read() as work:
        look = Look(states=("trusted",), since=moved.not_after)
        assert await work.anchors.soonest(TENANT, look) == [moved]
        assert sum((await work.anchors.months(TENANT, ("trusted",))).values()) == 1
