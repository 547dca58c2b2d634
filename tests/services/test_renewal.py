"""Stations' certificates as they grow old, and when they are revoked."""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from tests.services.authority import key, request
from tests.services.floor import NO, ONE, Floor
from voltkeep.domain.certificates import CertificateState, RevocationReason
from voltkeep.domain.commands import SendCertificate, SetOrganization, Trigger
from voltkeep.domain.events import CertificateChanged, StationChanged
from voltkeep.domain.stations import Registration
from voltkeep.services.certificates import UnknownCertificate
from voltkeep.services.ports import StationOffline


@pytest.fixture
async def floor():
    return await Floor().add()


async def test_a_station_is_asked_for_a_request_and_told_its_organization_first(floor):
    assert (await floor.service.renew(ONE, prepare=True)).accepted

    assert [type(command) for _, command in floor.sent] == [SetOrganization, Trigger]
    assert floor.sent[0][1].name == "Acme"
    assert await floor.deeds() == ["certificate.renewal_asked"]


class TestRenewal:
    @pytest.fixture
    async def old(self, floor):
        """A station whose certificate has seen two thirds of its life, and more."""
        await floor.asks()
        await floor.service.catch_up()
        floor.now += timedelta(days=365 * 3 / 4 + 1)
        floor.sent.clear()
        return floor

    async def test_at_two_thirds_of_its_life_the_station_is_asked_once_a_day(self, old):
        old.answers[Trigger] = NO
        await old.service.renew_due()
        await old.service.renew_due()
        assert [type(command) for _, command in old.sent] == [Trigger]
        assert await old.alerts() == ["certificate not renewed"]

        old.now += timedelta(days=1)
        await old.service.renew_due()
        assert len(old.sent) == 2

    async def test_what_expires_first_is_known_after_a_look(self, old):
        assert old.service.soonest == {}
        await old.service.renew_due()

        async with old.store.read() as work:
            [certificate] = await work.certificates.of(ONE)
        assert old.service.soonest == {"station": certificate.not_after}

    async def test_not_before(self, old):
        old.now -= timedelta(days=40)
        await old.service.renew_due()

        assert old.sent == []

    @pytest.mark.parametrize(
        "changes",
        [
            {"passive": True},
            {"registration": Registration.REJECTED},
            {"connected_at": None},
        ],
    )
    async def test_not_a_station_that_is_to_be_left_alone(self, old, changes):
        async with old.store.begin() as work:
            await work.stations.remove(ONE)
        await old.add(**changes)
        await old.service.renew_due()

        assert old.sent == []

    async def test_not_one_that_has_a_newer_certificate(self, old):
        await old.asks(request(signed_by=key(number=2)))
        await old.service.catch_up()
        old.sent.clear()
        await old.service.renew_due()

        assert old.sent == []

    async def test_people_hear_of_what_was_not_renewed_30_7_and_1_days_before(self, old):
        old.answers[Trigger] = StationOffline()
        heard = []
        for days in (60, 29, 28, 6, 5, 0.5):
            (certificate,) = await old.certificates()
            old.now = certificate.not_after - timedelta(days=days)
            await old.service.renew_due()
            heard.append([kind for kind in await old.alerts() if "expires" in kind])

        assert [len(kinds) for kinds in heard] == [0, 1, 1, 2, 2, 3]


class TestRevocation:
    @pytest.fixture
    async def issued(self, floor):
        await floor.asks()
        await floor.service.catch_up()
        return (await floor.certificates())[0]

    async def test_a_revoked_certificate_is_on_the_list_and_audited(self, floor, issued):
        before = x509.load_der_x509_crl(await floor.service.crl(issued.issuer))
        await floor.service.revoke(issued.id.upper(), RevocationReason.KEY_COMPROMISE)

        crl = x509.load_der_x509_crl(await floor.service.crl(issued.issuer))
        serial = int(issued.id, 16)
        assert before.get_revoked_certificate_by_serial_number(serial) is None
        assert crl.get_revoked_certificate_by_serial_number(serial) is not None
        assert (await floor.deeds())[-1] == "certificate.revoked"
        told = floor.events(CertificateChanged)[-1]
        assert (told.state, told.reason) == (CertificateState.REVOKED, "key_compromise")
        assert floor.events(StationChanged) == []  # 2.6.3: the connection may stay

    async def test_revoked_twice_it_keeps_its_first_time(self, floor, issued):
        first = await floor.service.revoke(issued.id)
        floor.now += timedelta(days=1)

        again = await floor.service.revoke(issued.id, disconnect=True)

        assert again.revoked_at == first.revoked_at
        assert len(floor.events(StationChanged)) == 1

    async def test_it_is_not_sent_any_more(self, floor):
        floor.answers[SendCertificate] = StationOffline()
        await floor.asks()
        await floor.service.catch_up()
        await floor.service.revoke((await floor.certificates())[0].id)
        floor.sent.clear()
        await floor.service.catch_up()

        assert floor.sent == []

    async def test_ocsp_says_good_revoked_and_unknown(self, floor, issued):
        leaf, issuer = x509.load_pem_x509_certificates(issued.pem.encode())
        builder = x509.ocsp.OCSPRequestBuilder().add_certificate(leaf, issuer, hashes.SHA256())
        asked = builder.build().public_bytes(serialization.Encoding.DER)
        stranger = await Floor().add()

        said = []
        for service in (floor.service, stranger.service):
            answer = x509.ocsp.load_der_ocsp_response(await service.ocsp(asked))
            said.append(answer.certificate_status.name)
        await floor.service.revoke(issued.id)
        answer = x509.ocsp.load_der_ocsp_response(await floor.service.ocsp(asked))

        assert said == ["GOOD", "UNKNOWN"]
        assert answer.certificate_status.name == "REVOKED"

    async def test_nonsense_gets_an_answer_too(self, floor):
        answer = x509.ocsp.load_der_ocsp_response(await floor.service.ocsp(b"\0" * 100))

        assert answer.response_status.name == "MALFORMED_REQUEST"

    async def test_what_we_never_issued_cannot_be_revoked(self, floor):
        with pytest.raises(UnknownCertificate):
            await floor.service.revoke("abc")


async def test_the_calendar_tells_own_and_issued_the_soonest_first(floor):
    await floor.asks()
    await floor.service.catch_up()

    lines = await floor.service.expiries.calendar()

    assert lines == sorted(lines, key=lambda line: line.not_after)
    assert {line.kind for line in lines} == {"own", "issued"}
    assert [line.kind for line in await floor.service.expiries.calendar(400)].count("issued") == 1
    assert await floor.service.expiries.calendar(1) == []
