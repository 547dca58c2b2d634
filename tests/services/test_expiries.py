"""The calendar of what expires, by pages."""

from datetime import UTC, datetime, timedelta

from msgspec import structs

from tests.services.floor import ONE, Floor
from voltkeep.domain.certificates import CertificateState, RootUse, TrustAnchor
from voltkeep.domain.identity import DEFAULT_TENANT, StationId
from voltkeep.services.expiries import KINDS, Wanted

AT = datetime(2030, 12, 31, 23, tzinfo=UTC)


async def filled(monkeypatch):
    """Two of each kind end at the same instant, and one of each in another year."""
    floor = Floor()
    own = floor.service.own()[0]
    times = (AT, AT, AT + timedelta(hours=1))
    mine = [structs.replace(own, id=f"{n}", not_after=at) for n, at in enumerate(times)]
    monkeypatch.setattr(floor.service.expiries._authority, "certificates", lambda: mine)
    async with floor.store.begin() as work:
        for each in mine:
            state = CertificateState.ACTIVE
            await work.certificates.put(structs.replace(each, station=ONE, state=state))
            root = TrustAnchor(
                station=StationId(DEFAULT_TENANT, ""),
                id=each.id,
                at=AT,
                use=RootUse.V2G_ROOT,
                pem="",
                subject="",
                not_after=each.not_after,
            )
            await work.anchors.put(root)
    return floor.service.expiries


async def test_pages_go_on_whatever_ends_at_the_same_instant(monkeypatch):
    expiries = await filled(monkeypatch)
    whole = await expiries.page(DEFAULT_TENANT, Wanted())

    assert len(whole) == 9
    assert whole == sorted(whole, key=lambda each: each.place)
    assert whole == await expiries.calendar(None, DEFAULT_TENANT)
    for number, each in enumerate(whole):
        rest = await expiries.page(DEFAULT_TENANT, Wanted(after=each.place, limit=2))
        assert rest == whole[number + 1 : number + 3]


async def test_pages_are_narrowed_and_months_counted(monkeypatch):
    expiries = await filled(monkeypatch)

    for kind in KINDS:
        found = await expiries.page(DEFAULT_TENANT, Wanted(kind=kind))
        assert [each.kind for each in found] == [kind] * 3
        counts = await expiries.months(DEFAULT_TENANT, kind=kind)
        assert [each[kind] for each in counts.values()] == [2, 1]
        assert sum(sum(each.values()) for each in counts.values()) == 3
    of_one = await expiries.page(DEFAULT_TENANT, Wanted(station=ONE.name))
    assert {each.kind for each in of_one} == {"issued"}
    year = datetime(2031, 1, 1, tzinfo=UTC)
    for wanted in (Wanted(since=year), Wanted(until=year)):
        found = await expiries.page(DEFAULT_TENANT, wanted)
        assert len(found) == (3 if wanted.since else 6)
    months = await expiries.months(DEFAULT_TENANT)
    assert months == {name: dict.fromkeys(KINDS, n) for name, n in (("2030-12", 2), ("2031-01", 1))}
