"""What stations reported, were asked for and were given, over the API."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.services.authority import authority
from tests.web.api.conftest import Api
from voltkeep.domain.accounts import Permission
from voltkeep.domain.certificates import CertificateRequest, RequestState, RootUse, TrustAnchor
from voltkeep.domain.diagnostics import LogKind, LogState, LogUpload
from voltkeep.domain.firmware import FirmwareImage, FirmwareUpdate, UpdateState
from voltkeep.domain.identity import DEFAULT_TENANT, StationId, TenantId, station_id
from voltkeep.domain.security import Alert, Refusal, SecurityEvent
from voltkeep.services.ports import Exchange

NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
CP1, CP2 = station_id("CP1"), station_id("CP2")


def security_event(station, minutes, **values):
    at = NOON + timedelta(minutes=minutes)
    return SecurityEvent(
        station=station,
        id=f"{station.name}-{minutes}",
        at=at,
        happened_at=at,
        type="TamperDetectionActivated",
        **{"state": "critical"} | values,
    )


def alert(station, id, **values):
    return Alert(station=station, id=id, at=NOON, first_at=NOON, kind="clone", text="!", **values)


async def put(api, name, *records):
    async with api.store.begin() as work:
        for record in records:
            await getattr(work, name).put(record)


class Trusting(Api):
    """An installation with an authority."""

    authority = authority()


@pytest.fixture
async def two(api):
    """A station at each of two sites."""
    await api.add("CP1", site="north")
    await api.add("CP2", site="south")
    return api


async def test_security_events_come_in_pages_the_latest_first(two):
    events = [security_event(CP1, minutes) for minutes in range(5)]
    await put(two, "security_events", *events, security_event(CP2, 9, state="noted"))

    seen: list[str] = []
    query: dict[str, object] | None = {"limit": 2, "station": "CP1"}
    while query:
        page = await two.request("GET", "/security-events", params=query)
        seen += [each["id"] for each in page["items"]]
        query = {**query, "cursor": page["next"]} if page["next"] else None
    assert seen == ["CP1-4", "CP1-3", "CP1-2", "CP1-1", "CP1-0"]

    for filters, ids in (
        ("state=noted", ["CP2-9"]),
        ("site=south", ["CP2-9"]),
        ("sort=at&limit=1", ["CP1-0"]),
        ("since=2026-05-01T12:03:00Z&until=2026-05-01T12:09:00Z", ["CP1-4", "CP1-3"]),
    ):
        page = await two.request("GET", f"/security-events?{filters}")
        assert [each["id"] for each in page["items"]] == ids


async def test_who_is_limited_to_sites_sees_what_is_of_them_only(two):
    await put(two, "security_events", security_event(CP1, 1), security_event(CP2, 2))
    await put(two, "alerts", alert(CP1, "a"), alert(CP2, "b"), alert(StationId("default", ""), "c"))
    north = two.by(await two.key(sites=["north"]))
    for path, ids in (
        ("/security-events", ["CP1-1"]),
        ("/security-events?site=south", []),
        ("/alerts", ["a"]),
    ):
        assert [each["id"] for each in (await north.get(path)).json()["items"]] == ids
    for id, status in (("a", 200), ("b", 404), ("c", 404), ("d", 404)):
        answer = await north.post(f"/alerts/{id}/acknowledge")
        assert (id, answer.status_code) == (id, status)
    for path in ("/stations/CP2/explanation", "/stations/CP2/roots", "/stations/CP2", "/audit"):
        assert (await north.get(path)).status_code in {403, 404}, path


async def test_an_alert_is_acknowledged_by_whoever_does_it(two):
    await put(two, "alerts", alert(CP1, "a"))
    shown = await two.request("POST", "/alerts/a/acknowledge")
    assert (shown["state"], shown["acknowledged_by"]) == ("acknowledged", "test")
    assert (await two.request("GET", "/alerts?state=open"))["items"] == []


async def test_what_somebody_found_out_about_an_alert_is_kept_with_it(two):
    await put(two, "alerts", alert(CP1, "a"))
    note = {"note": "the lid was open for service"}
    shown = await two.request("POST", "/alerts/a/acknowledge", params=note)
    assert shown["note"] == note["note"]
    assert shown["acknowledged_at"] is not None
    await two.request("POST", "/alerts/a/acknowledge", 400, params={"note": "x" * 501})
    deed = (await two.request("GET", "/audit?action=alert."))["items"][0]["deed"]
    assert deed["after"] == note["note"]


async def test_a_station_is_released_from_quarantine_once_by_who_may(two):
    await two.services.intrusion.quarantine(CP1, 3, ("192.0.2.1:1", "192.0.2.2:1"))
    reader = two.by(await two.key(Permission.READ_SECURITY))
    assert (await reader.post("/stations/CP1/release")).status_code == 403
    south = two.by(await two.key(sites=["south"]))
    assert (await south.post("/stations/CP1/release")).status_code == 404

    for was in (True, False):
        told = await two.request("POST", "/stations/CP1/release")
        assert told == {"station": "CP1", "was_quarantined": was}


async def test_a_station_that_is_refused_is_explained_also_if_nobody_registered_it(two):
    refusal = Refusal(
        station=station_id("CP9"),
        id="r",
        at=datetime.now(UTC),
        first_at=NOON,
        count=3,
        host="192.0.2.1",
        reason="unknown station",
    )
    await put(two, "refusals", refusal)
    page = await two.request("GET", "/refusals")
    assert [(each["station"], each["count"]) for each in page["items"]] == [("CP9", 3)]
    explained = await two.request("GET", "/stations/CP9/explanation")
    assert (explained["is_registered"], len(explained["refusals"])) == (False, 1)


async def test_a_key_is_told_once_and_never_shown(two):
    made = await two.request("POST", "/stations/CP1/key")
    assert len(made["key"]) == 40
    async with two.store.read() as work:
        known = await work.stations.get(CP1)
    assert known.key_hash is not None
    assert made["key"] not in (await two.client.get("/stations/CP1")).text
    assert "hash" not in (await two.client.get("/stations/CP1")).text

    await two.request("PUT", "/stations/CP1/password", 204, json={"password": "x" * 20})
    problem = await two.request("PUT", "/stations/CP1/password", 400, json={"password": "short"})
    assert problem["errors"][0]["field"] == "password"
    await two.request("PUT", "/stations/CP1/security-profile", 204, json={"security_profile": 3})
    assert (await two.request("GET", "/stations/CP1"))["security_profile"] == 3


async def test_logs_and_updates_are_shown_without_what_opens_them(two):
    log = LogUpload(
        station=CP1,
        id="7",
        state=LogState.REQUESTED,
        at=NOON,
        kind=LogKind.DIAGNOSTICS,
        location="https://here/upload",
        requested_at=NOON,
        token_hash="secret-hash",
    )
    update = FirmwareUpdate(
        station=CP1,
        id="8",
        state=UpdateState.RUNNING,
        at=NOON,
        image="fw",
        location="https://here/fw",
        is_signed=True,
        requested_at=NOON,
        token_hash="secret-hash",
    )
    await put(two, "logs", log)
    await put(two, "updates", update)
    for path in ("/logs", "/stations/CP1/logs/7", "/firmware-updates"):
        answer = await two.client.get(path)
        assert answer.status_code == 200
        assert "secret-hash" not in answer.text
    assert (await two.request("GET", "/stations/CP1/firmware-updates/8"))["image"] == "fw"
    await two.request("GET", "/stations/CP2/firmware-updates/8", 404)
    problem = await two.request("GET", "/stations/CP1/logs/7/content", 404)
    assert "nothing of log 7" in problem["detail"]


async def test_images_are_the_tenants_and_not_of_another(two):
    shelf = StationId(DEFAULT_TENANT, "")
    image = FirmwareImage(station=shelf, id="fw", at=NOON, filename="fw.bin", size=3)
    await put(two, "images", image)
    assert (await two.request("GET", "/firmware-images/fw"))["size_bytes"] == 3
    await two.request("GET", "/firmware-images/other", 404)
    await two.add("CP1", tenant="acme")
    other = two.by(await two.key(tenant=TenantId("acme")))
    assert (await other.get("/firmware-images/fw")).status_code == 404
    assert (await other.get("/firmware-images")).json()["items"] == []
    await two.request("DELETE", "/firmware-images/fw", 204)


async def test_messages_are_shown_as_they_crossed_the_wire(two):
    for number, (call, answer) in enumerate(
        ((b'[2,"1","Heartbeat",{}]', b'[3,"1",{}]'), (b"\xff no json", None))
    ):
        two.store.journal.exchange(
            Exchange(
                station=CP1,
                direction="in",
                message_id=str(number),
                action="Heartbeat",
                call=call,
                called_at=NOON,
                answer=answer,
                answered_at=NOON + timedelta(milliseconds=5) if answer else None,
                verdict="ok" if answer else "unreadable",
            )
        )
    unreadable, beat = (await two.request("GET", "/messages?station=CP1"))["items"]
    assert (beat["call"], beat["latency_ms"]) == ([2, "1", "Heartbeat", {}], 5.0)
    assert unreadable["call"] == "� no json"
    assert len((await two.request("GET", "/messages?verdict=ok"))["items"]) == 1


async def test_the_audit_log_is_shown_and_verified(two):
    await two.request("PATCH", "/stations/CP1", json={"note": "x"})
    page = await two.request("GET", "/audit", params={"action": "station.note"})
    assert [each["deed"]["after"] for each in page["items"]] == ["x"]
    verdict = await two.request("POST", "/audit/verification")
    assert (verdict["is_intact"], verdict["last_seq"] > 0) == (True, True)


async def test_settings_are_shown_without_secrets_and_to_the_installation_only(two):
    shown = await two.request("GET", "/settings")
    values = {each["name"]: each["value"] for each in shown["settings"]}
    assert values["http"] == "127.0.0.1:8080"
    assert values["pki_key"] in {"", "***"}
    await two.add("CP1", tenant="acme")
    other = two.by(await two.key(Permission.READ_SETTINGS, tenant=TenantId("acme")))
    assert (await other.get("/settings")).status_code == 403


async def test_what_expires_comes_in_pages_the_soonest_first():
    trusting = Trusting()
    trusting.client = trusting.by(await trusting.key())
    at = datetime(2030, 1, 1, tzinfo=UTC)
    root = {"at": at, "use": RootUse.V2G_ROOT, "pem": "", "subject": "root"}
    roots = [
        TrustAnchor(
            station=StationId(DEFAULT_TENANT, ""),
            id=str(number),
            not_after=at + timedelta(days=number // 2),
            **root,
        )
        for number in range(5)
    ]
    await put(trusting, "anchors", *roots[::-1])
    seen: list[str] = []
    cursor: dict[str, str] | None = {}
    while cursor is not None:
        page = await trusting.request("GET", "/certificate-expiries", params={"limit": 2, **cursor})
        seen += [each["id"] for each in page["items"]]
        cursor = page["next"] and {"cursor": page["next"]}
    assert [each for each in seen if len(each) == 1] == ["0", "1", "2", "3", "4"]
    assert set(seen) > {each.id for each in authority().certificates()}
    within = await trusting.request("GET", "/certificate-expiries", params={"days": 1})
    assert {each["kind"] for each in within["items"]} <= {"own"}
    limited = trusting.by(await trusting.key(sites=["north"]))
    assert (await limited.get("/certificate-expiries")).json()["items"] == []


async def test_requests_for_certificates_say_what_became_of_them(two):
    asked = {"at": NOON, "pem": "-----BEGIN", "common_name": "A", "organization": "O"}
    problem = "its key is weak"
    requests = [
        CertificateRequest(station=CP1, id="1", subject="CN=A", **asked),
        CertificateRequest(
            station=CP2,
            id="2",
            subject="CN=B",
            state=RequestState.REFUSED,
            problem=problem,
            **asked,
        ),
    ]
    await put(two, "certificate_requests", *requests)
    north = two.by(await two.key(sites=["north"]))

    [refused] = (await two.request("GET", "/certificate-requests?state=refused"))["items"]
    assert (refused["station"], refused["problem"]) == ("CP2", problem)
    [own] = (await north.get("/certificate-requests")).json()["items"]
    assert (own["station"], own["state"], own["key_fingerprint"]) == ("CP1", "requested", "1")
