"""Certificates: who sees which, what one says, the authority, the calendar and foreign roots."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from msgspec import structs

from tests.services.authority import authority, request, root
from tests.web.api.conftest import Api
from tests.web.api.people import active, browser_of, setup
from tests.web.pages.forms import check_forms, forms
from tests.web.pages.test_rendering import HOSTILE, see
from tests.web.pages.test_station import emit
from voltkeep.domain.accounts import Permission, Role
from voltkeep.domain.certificates import (
    CertificateRequest,
    CertificateState,
    RequestState,
    RevocationReason,
    RootUse,
    TrustAnchor,
)
from voltkeep.domain.events import CertificateRequested
from voltkeep.domain.identity import StationId
from voltkeep.pki.profiles import Kind
from voltkeep.web.pages import certificate_words as words
from voltkeep.web.pages.certificate_authority import tree

PAGES = ("", "/requests", "/expiries", "/authority", "/roots")
WHOLE = ("/expiries", "/authority", "/authority.pem", "/revoked/root")
NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
INLINE = r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle="


class Trusting(Api):
    """An installation with an authority."""

    authority = authority()


@pytest.fixture
async def api():
    return Trusting()


async def issued(api, station="CS-1", days=400, tenant="default", **changes):
    """A certificate that a station has."""
    now = datetime.now(UTC)
    made = authority().sign_station(
        request("SN-1"), organization="Acme", common_name="SN-1", at=now
    )
    values = {
        "station": StationId(tenant, station),
        "state": CertificateState.ACTIVE,
        "not_after": now + timedelta(days=days),
    }
    record = structs.replace(made, **values | changes)
    async with api.store.begin() as work:
        await work.certificates.put(record)
    return record


async def asked(api, number=1, station="CS-1", **changes):
    """A request that was in order."""
    values = {
        "station": StationId("default", station),
        "id": f"{number:064x}",
        "at": NOON + timedelta(minutes=number),
        "pem": "-----BEGIN CERTIFICATE REQUEST-----",
        "common_name": "SN-1",
        "organization": "Acme",
        "subject": "CN=SN-1,O=Acme",
    }
    async with api.store.begin() as work:
        await work.certificate_requests.put(CertificateRequest(**values | changes))


def anchor(id, not_after, station=""):
    """A foreign root that is trusted."""
    return TrustAnchor(
        station=StationId("default", station),
        id=id,
        at=NOON,
        use=RootUse.V2G_ROOT,
        pem="",
        subject="CN=x",
        not_after=not_after,
    )


def rows(text):
    return text.partition("<tbody>")[2].partition("</tbody>")[0].count("<tr>")


def test_everything_has_words():
    assert words.STATES.keys() == set(CertificateState)
    assert words.REQUESTS.keys() == set(RequestState)
    assert words.REASONS.keys() == set(RevocationReason)
    assert words.ROOT_USES.keys() == set(RootUse)
    assert words.PROFILES.keys() >= set(Kind)


async def test_who_may_sees_them(api):
    ada = await setup(api)
    other = api.by(await api.key(Permission.READ_STATIONS))
    for path in (*PAGES, "/authority.pem", "/revoked/root"):
        answer = await see(ada, f"/certificates{path}")
        assert answer.status_code == 200, path
        assert (await see(other, f"/certificates{path}")).status_code == 403
        assert (await see(browser_of(api), f"/certificates{path}")).status_code == 303
    for path in PAGES:
        text = (await see(ada, f"/certificates{path}")).text
        check_forms(api, text)
        assert not re.search(INLINE, text)
    reader = api.by(await api.key(Permission.READ_SECURITY))
    record = await issued(api)
    for path in (*PAGES, f"/{record.id}"):
        text = (await see(reader, f"/certificates{path}")).text
        assert forms(text) == ["POST /api/v1/sign-out"]


async def test_of_other_sites_or_tenants_nothing_is_seen(api):
    ada = await setup(api)
    await api.add("N-1", site="north")
    await api.add("S-1", site="south")
    north, south = await issued(api, "N-1"), await issued(api, "S-1")
    await asked(api, 1, "N-1", subject="CN=mine")
    await asked(api, 2, "S-1", subject="CN=theirs")
    nora = await active(api, ada, "nora", Role.ADMINISTRATOR, sites=["north"])
    await ada.post("/tenants", json={"id": "acme"})
    acme = api.by(await api.key(tenant="acme"))

    for who in (nora, acme):
        for query in ("", "?site=south", "?station=S-1"):
            assert south.id not in (await see(who, f"/certificates{query}")).text
        assert "CN=theirs" not in (await see(who, "/certificates/requests")).text
        assert (await see(who, f"/certificates/{south.id}")).status_code == 404
    assert "CN=mine" in (await see(nora, "/certificates/requests")).text
    assert (await see(nora, f"/certificates/{north.id}")).status_code == 200
    for path in (*WHOLE, "?within=30"):
        own = f"/certificates{path}"
        assert (await see(nora, own)).status_code == 403, path
    assert "/certificates/authority" not in (await see(nora, "/certificates")).text
    mine = authority().certificates()[0].id
    assert (await see(nora, f"/certificates/{mine}")).status_code == 404
    assert south.id not in (await see(acme, "/certificates/expiries")).text


async def test_certificates_are_filtered(api):
    ada = await setup(api)
    await api.add("CS-1")
    await api.add("CS-2", site="north")
    soon = await issued(api, days=20)
    await issued(api, days=10, state=CertificateState.REVOKED)
    await issued(api, "CS-2", days=60)

    for query, count in (
        ("station=&site=&state=&within=", 3),
        ("station=CS-1", 2),
        ("state=revoked", 1),
        ("within=30", 1),
        ("within=90", 2),
        ("within=90&station=CS-2", 1),
        ("within=90&state=accepted", 0),
        ("within=30&state=revoked", 1),
        ("within=90&site=north", 1),
        ("within=90&site=south", 0),
    ):
        assert rows((await see(ada, f"/certificates?{query}")).text) == count, query
    text = (await see(ada, "/certificates?within=30")).text
    assert f'href="/certificates/{soon.id}"' in text
    assert "19 days left" in text
    assert "No certificate fits" in (await see(ada, "/certificates?station=none")).text
    for bad in ("state=odd", "within=soon", "within=-1"):
        assert 'class="fault"' in (await see(ada, f"/certificates?{bad}")).text


@pytest.mark.parametrize("query", ["state=active", "within=365"])
async def test_more_than_a_page_goes_on(api, query):
    ada = await setup(api)
    await api.add("CS-1")
    record = await issued(api, days=100)
    async with api.store.begin() as work:
        for number in range(54):
            at = record.not_after + timedelta(days=number)
            await work.certificates.put(
                structs.replace(record, id=f"{number:x}", at=at, not_after=at)
            )
    text = (await see(ada, f"/certificates?{query}")).text
    (following,) = re.findall(r'class="button" href="(\?[^"]*cursor=[^"]*)"', text)[:1]
    rest = (await see(ada, "/certificates" + following.replace("&amp;", "&"))).text

    assert (rows(text), rows(rest)) == (50, 5)


async def test_one_says_everything_and_is_revoked_by_the_stations_name(api):
    ada = await setup(api)
    await api.add("CS-1")
    record = await issued(api)
    text = (await see(ada, f"/certificates/{record.id}")).text

    assert "EC, secp256r1, 256 bits" in text
    assert "ECDSA with SHA-256" in text
    assert "It proves who a client is" in text
    assert "It may issue no certificate." in text
    assert record.fingerprint in text
    assert "Acme Issuing CA EC 1" in text
    assert "Acme Root CA" in text
    assert "-----BEGIN CERTIFICATE-----" in text
    assert 'data-confirm="CS-1"' in text
    check_forms(api, text)
    assert not re.search(INLINE, text)

    said = {"reason": "key_compromise", "disconnect": True}
    assert (await ada.post(f"/certificates/{record.id}/revocation", json=said)).status_code == 200
    text = (await see(ada, f"/certificates/{record.id}")).text
    assert "in the wrong hands" in text
    assert "/revocation" not in "".join(forms(text))
    assert (await see(ada, "/certificates/4711")).status_code == 404


async def test_the_authority_is_a_tree_that_leads_to_each_of_its_certificates(api):
    [top] = tree(authority().certificates())
    assert (top.profile, top.crl) == ("root", "root")
    assert [each.crl for each in top.below] == ["rsa", "ec"]
    assert [[each.profile for each in issuer.below] for issuer in top.below] == [["server"]] * 2

    ada = await setup(api)
    text = (await see(ada, "/certificates/authority")).text
    for each in authority().certificates():
        assert each.fingerprint in text
        shown = await see(ada, f"/certificates/{each.id}")
        assert shown.status_code == 200
        assert "/revocation" not in "".join(forms(shown.text))
    for name in ("root", "rsa", "ec"):
        assert f"/certificates/revoked/{name}" in text
        content = (await see(ada, f"/certificates/revoked/{name}")).content
        assert len(x509.load_der_x509_crl(content)) == 0
    assert (await see(ada, "/certificates/revoked/none")).status_code == 404
    pem = (await see(ada, "/certificates/authority.pem")).text
    assert [each.name for each in words.read(pem)] == [
        "Acme Root CA",
        "Acme Issuing CA RSA 1",
        "Acme Issuing CA EC 1",
    ]
    assert "PRIVATE" not in pem


async def test_the_calendar_counts_months_and_leads_to_them(api, monkeypatch):
    ada = await setup(api)
    at = datetime(2030, 5, 2, tzinfo=UTC)
    own = structs.replace(authority().certificates()[-1], not_after=at)
    monkeypatch.setattr(api.authority, "certificates", lambda: [own])
    await issued(api, not_after=at)
    await issued(api, not_after=at, state=CertificateState.SUPERSEDED)
    async with api.store.begin() as work:
        await work.anchors.put(anchor("a2", at.replace(month=3)))
    text = (await see(ada, "/certificates/expiries")).text

    assert re.findall(r">(2030-\d\d)</a>", text) == ["2030-03", "2030-05"]
    assert 'href="/certificates/expiries?month=2030-05&amp;kind=issued&amp;station="' in text
    assert "By itself" in text
    assert "The station is asked" in text
    assert "A person" in text
    soonest = text.partition('id="soonest-title"')[2]
    assert soonest.index("Foreign root") < soonest.index("CS-1")
    for query, count in (("month=2030-05", 2), ("kind=anchor", 1), ("station=CS-1", 1)):
        found = (await see(ada, f"/certificates/expiries?{query}")).text
        assert rows(found.partition('id="soonest-title"')[2]) == count, query
    assert "Nothing here expires" in (await see(ada, "/certificates/expiries?station=no")).text
    for bad in ("month=May", "month=2030-13", "month=0000-01", "kind=odd"):
        assert 'class="fault"' in (await see(ada, f"/certificates/expiries?{bad}")).text


async def test_requests_say_what_became_of_them_and_why_they_were_refused(api):
    ada = await setup(api)
    await api.add("CS-1", "CS-2")
    await asked(api, 1, state=RequestState.SIGNED)
    await asked(api, 2, "CS-2", state=RequestState.REFUSED, problem="its key is weak")
    said = {"station": StationId("default", "CS-1"), "at": NOON, "subject": HOSTILE}
    await emit(
        api,
        CertificateRequested(**said),
        CertificateRequested(**said, problem=f"its name (CN) is not {HOSTILE}"),
    )
    text = (await see(ada, "/certificates/requests")).text

    assert rows(text) == 2
    assert "its key is weak" in text
    refused = text.partition('id="refused-title"')[2]
    assert "its name (CN) is not" in refused
    assert "<img" not in text
    assert "<script>" not in text
    assert rows((await see(ada, "/certificates/requests?state=signed")).text) == 1
    assert "No request fits" in (await see(ada, "/certificates/requests?station=none")).text
    assert 'class="fault"' in (await see(ada, "/certificates/requests?state=odd")).text
    reader = api.by(await api.key(Permission.READ_SECURITY))
    assert "refused-title" not in (await see(reader, "/certificates/requests")).text


async def test_foreign_roots_are_added_and_removed_by_forms_that_there_are(api):
    ada = await setup(api)
    await api.add("CS-1")
    assert "No foreign root" in (await see(ada, "/certificates/roots")).text
    hostile = root(HOSTILE[:60], at=datetime.now(UTC) - timedelta(days=1), days=20)
    for station in (None, "CS-1"):
        body = {"use": "ManufacturerRootCertificate", "pem": hostile, "station": station}
        answer = await ada.post("/trusted-roots", json=body)
        assert answer.status_code == 201, answer.text
    text = (await see(ada, "/certificates/roots")).text

    assert "&lt;script&gt;alert(1)" in text
    assert "<script>" not in text
    assert "<img" not in text
    assert rows(text) == 2
    assert "18 days left" in text
    assert {"POST /api/v1/trusted-roots", "DELETE /api/v1/trusted-roots/{fingerprint}"} <= set(
        forms(text)
    )
    check_forms(api, text)
    assert rows((await see(ada, "/certificates/roots?station=CS-1")).text) == 1
    fingerprint = answer.json()["fingerprint"]
    gone = await ada.delete(f"/trusted-roots/{fingerprint}", params={"station": "CS-1"})
    assert gone.status_code == 204
    assert rows((await see(ada, "/certificates/roots")).text) == 1


async def test_who_sees_some_sites_sees_their_roots_and_removes_none_of_everybody(api):
    ada = await setup(api)
    await api.add("N-1", site="north")
    await api.add("S-1", site="south")
    for station in (None, "N-1", "S-1"):
        pem = root(f"Maker {station}", at=datetime.now(UTC) - timedelta(days=1))
        body = {"use": "ManufacturerRootCertificate", "pem": pem, "station": station}
        assert (await ada.post("/trusted-roots", json=body)).status_code == 201
    nora = await active(api, ada, "nora", Role.ADMINISTRATOR, sites=["north"])
    text = (await see(nora, "/certificates/roots")).text

    assert "Maker N-1" in text
    assert "Maker S-1" not in text
    assert "Maker None" not in text


def test_what_cannot_be_read_is_not_there():
    bad = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    assert words.read("") == []
    assert words.read(bad) == []
