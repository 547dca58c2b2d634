"""A station's certificate, from its request to its end (whitepaper A02, A03; 2.x A02, A03)."""

import asyncio
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from msgspec import structs

from tests.services.authority import BEGAN, SETTINGS, authority, key, request, root
from voltkeep.domain.certificates import CertificateState, RequestState, RevocationReason
from voltkeep.domain.commands import Outcome, SendCertificate, SetOrganization, Trigger
from voltkeep.domain.events import CertificateChanged, CertificateRequested, StationChanged
from voltkeep.domain.identity import Sender, station_id
from voltkeep.domain.stations import Make, NameCheck, Registration, Station, Trust
from voltkeep.services.certificates import CertificateService, Names, UnknownCertificate
from voltkeep.services.issuing import LONGEST_CHAIN, chain_to_send
from voltkeep.services.ports import (
    StationLeft,
    StationOffline,
    StationRefused,
    StationSilent,
    Superseded,
)
from voltkeep.store import MemoryStore

ONE, OTHER = station_id("CS-1"), station_id("CS-2")
YES, NO = Outcome(accepted=True, status="Accepted"), Outcome(accepted=False, status="Rejected")


class Floor:
    """The service with its database in memory, and stations that answer as they are told to."""

    def __init__(self, settings=SETTINGS):
        self.store = MemoryStore()
        self.now = BEGAN + timedelta(days=1)
        self.answers = {}
        self.sent = []
        self.service = CertificateService(
            self.store.begin, self.store.read, self, authority(), lambda: self.now, settings
        )

    async def send(self, station, command, timeout=None):
        self.sent.append((station, command))
        answer = self.answers.get(type(command), YES)
        if isinstance(answer, Exception):
            raise answer
        return await answer() if callable(answer) else answer

    async def add(self, station=ONE, serial="SN-1", **changes):
        trust = changes.pop("trust", Trust(serial_number=serial))
        values = {"created_at": self.now, "trust": trust, "connected_at": self.now} | changes
        async with self.store.begin() as work:
            await work.stations.add(Station(id=station, **values))
        return self

    async def asks(self, pem=None, station=ONE, epoch=0, **more):
        sender = Sender(station, epoch, self.now)
        return await self.service.requested(sender, pem or request(), **more)

    async def certificates(self, station=ONE):
        return await self.service.all(station=station)

    async def alerts(self, station=ONE):
        async with self.store.read() as work:
            return [alert.kind for alert in await work.alerts.of(station)]

    async def deeds(self):
        async with self.store.read() as work:
            return [entry.deed.action for entry in await work.audit.since(ONE.tenant)]

    def events(self, kind):
        return [event for event in self.store.published if isinstance(event, kind)]

    @property
    def chains(self):
        return [command for _, command in self.sent if isinstance(command, SendCertificate)]


@pytest.fixture
async def floor():
    return await Floor().add()


@pytest.mark.parametrize("kind", ["ec", "rsa2048"])
async def test_a_request_is_accepted_then_signed_then_sent(floor, kind):
    """A02.FR.11."""
    pem = request(signed_by=key(kind))

    assert await floor.asks(pem) == ""
    assert floor.sent == []  # never before, or inside, the answer
    await floor.service.catch_up()

    (certificate,) = await floor.certificates()
    assert certificate.state is CertificateState.ACCEPTED
    leaf, issuer = x509.load_pem_x509_certificates(floor.chains[0].chain.encode())
    leaf.verify_directly_issued_by(issuer)
    assert leaf.public_key() == key(kind).public_key()
    assert type(issuer.public_key()) is type(leaf.public_key())
    assert leaf.subject == x509.load_pem_x509_csr(pem.encode()).subject
    assert format(leaf.serial_number, "x") == certificate.id
    assert [event.state for event in floor.events(CertificateChanged)] == [
        CertificateState.ISSUED,
        CertificateState.ACCEPTED,
    ]
    assert await floor.deeds() == ["certificate.issued"]


async def test_the_chain_is_pem_with_lf_from_the_leaf_up_without_the_root(floor):
    """A00.FR.507."""
    await floor.asks()
    await floor.service.catch_up()

    chain = floor.chains[0].chain
    assert "\r" not in chain
    assert chain.startswith("-----BEGIN CERTIFICATE-----\n")
    assert chain.endswith("-----END CERTIFICATE-----\n")
    assert len(chain) <= LONGEST_CHAIN
    root_certificate = x509.load_pem_x509_certificate(authority().root.pem.encode())
    assert root_certificate not in x509.load_pem_x509_certificates(chain.encode())


def test_a_chain_that_is_too_long_is_cut_from_above():
    blocks = [root(f"CA {number}") for number in range(40)]

    sent = chain_to_send("\r\n".join(blocks).replace("\n", "\r\n"), authority().root.pem)

    assert len(sent) <= LONGEST_CHAIN
    assert sent.startswith(blocks[0])
    assert "\r" not in sent


REFUSED = {
    "another CN": (request("SN-2"), "serial number"),
    "a longer CN": (request("SN-12"), "serial number"),
    "another O": (request(organization="Evil"), "organization"),
    "no O": (request(organization=""), "organization"),
    "no PEM": ("hello", ""),
    "trailing junk": (request() + "junk", ""),
    "a weak key": (request(signed_by=key("rsa1024")), ""),
    "an authority": (
        request(extensions=[x509.BasicConstraints(ca=True, path_length=None)]),
        "",
    ),
    "a megabyte": ("-----BEGIN CERTIFICATE REQUEST-----\n" + "A" * 1_000_000, ""),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_request_that_cannot_be_signed_is_refused_with_words_and_an_alert(floor, name):
    """A02.FR.12."""
    pem, words = REFUSED[name]

    problem = await floor.asks(pem)
    await floor.service.catch_up()

    assert problem
    assert words in problem
    assert floor.sent == []
    assert [event.problem for event in floor.events(CertificateRequested)] == [problem]
    assert await floor.alerts() == ["certificate request refused"]


@pytest.mark.parametrize(
    ("trust", "pem", "is_signed"),
    [
        (Trust(), request(), False),  # strict, and nobody knows the serial number
        (Trust(common_name=NameCheck.OFF), request("anything"), True),
        (Trust(common_name=NameCheck.VALUE, common_name_value="X"), request("X"), True),
        (Trust(common_name=NameCheck.VALUE, common_name_value="X"), request("X Y"), False),
        (Trust(serial_number="SN-1"), request("Acme SN-1"), True),
        (Trust(serial_number="SN-1", organization=NameCheck.OFF), request(organization="Z"), True),
        (Trust(serial_number="SN-1", organization=NameCheck.OFF), request(organization=""), True),
        (
            Trust(serial_number="S", organization=NameCheck.VALUE, organization_value="Z"),
            request("S", organization="Z"),
            True,
        ),
        (
            Trust(serial_number="S", organization=NameCheck.VALUE, organization_value="Z"),
            request("S"),
            False,
        ),
    ],
)
async def test_names_are_checked_by_the_rule_of_the_station(trust, pem, is_signed):
    floor = await Floor().add(trust=trust)

    assert (await floor.asks(pem) == "") is is_signed
    await floor.service.catch_up()

    assert bool(floor.chains) is is_signed
    for sent in floor.chains:  # A00.FR.509: there is always one
        subject = x509.load_pem_x509_certificate(sent.chain.encode()).subject
        assert subject.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME)


async def test_the_serial_number_said_at_boot_counts_until_one_is_commissioned():
    make = Make(vendor="V", model="M", serial_number="SN-1")
    booted = await Floor().add(trust=Trust(), make=make)
    commissioned = await Floor().add(trust=Trust(serial_number="SN-9"), make=make)

    assert await booted.asks() == ""
    assert await commissioned.asks() != ""


async def test_an_operator_says_which_names_count():
    floor = await Floor().add(trust=Trust(pin="ab"))
    assert await floor.asks() != ""

    await floor.service.expect(ONE, Names(serial_number="SN-1", forget_pin=True))

    assert await floor.asks() == ""
    async with floor.store.read() as work:
        station = await work.stations.get(ONE)
    assert station.trust == Trust(serial_number="SN-1")
    assert await floor.deeds() == ["station.names_set"]
    assert len(floor.events(StationChanged)) == 1


async def test_the_key_of_another_station_is_refused_for_ever(floor):
    """Hostile row 64: two stations with one key could pass for each other."""
    await floor.add(OTHER, "SN-2")
    await floor.asks(request("SN-1"))
    await floor.service.catch_up()

    assert "another station" in await floor.asks(request("SN-2"), OTHER)
    assert await floor.asks(request("SN-2", signed_by=key(number=2)), OTHER) == ""


async def test_a_hundred_requests_a_minute_cost_ten(floor):
    """Hostile row 64: the rest is not even read, and makes one event."""
    problems = [await floor.asks("not looked at") for _ in range(100)]

    assert sum("too many" in problem for problem in problems) == 90
    assert len(floor.events(CertificateRequested)) == 11
    floor.now += timedelta(seconds=61)
    assert await floor.asks() == ""


async def test_other_kinds_of_certificates_are_not_signed(floor):
    assert "V2GCertificate" in await floor.asks(use="V2GCertificate")
    assert await floor.asks(use="ChargingStationCertificate") == ""


async def test_what_the_station_asked_under_is_said_again(floor):
    """A02.FR.14."""
    await floor.asks(use="ChargingStationCertificate", request_id=7)
    await floor.service.catch_up()

    assert (floor.chains[0].use, floor.chains[0].request_id) == ("ChargingStationCertificate", 7)


async def test_a_superseded_connection_gets_nothing(floor):
    async with floor.store.begin() as work:
        await work.stations.connected(ONE, at=floor.now, subprotocol="", address="")

    with pytest.raises(Superseded):
        await floor.asks(epoch=0)

    async with floor.store.read() as work:
        assert await work.certificate_requests.of(ONE) == []


async def test_a_newer_request_replaces_one_that_is_not_signed_yet(floor):
    await floor.asks()
    await floor.asks(request(signed_by=key(number=2)))
    await floor.service.catch_up()

    assert len(floor.chains) == 1
    async with floor.store.read() as work:
        states = {each.state for each in await work.certificate_requests.of(ONE)}
    assert states == {RequestState.SIGNED, RequestState.REPLACED}


async def test_a_request_said_twice_makes_one_certificate(floor):
    """2.x A02.FR.17: the station asks again when the certificate does not come."""
    pem = request()
    floor.answers[SendCertificate] = StationLeft()
    await floor.asks(pem)
    await floor.service.catch_up()
    floor.answers[SendCertificate] = YES
    assert await floor.asks(pem, request_id=8) == ""
    await floor.service.catch_up()

    (certificate,) = await floor.certificates()
    assert certificate.state is CertificateState.ACCEPTED
    assert [sent.request_id for sent in floor.chains] == [None, 8]


async def test_it_is_sent_once_the_station_is_there(floor):
    floor.answers[SendCertificate] = StationOffline()
    await floor.asks()
    await floor.service.catch_up()
    await floor.service.catch_up()
    (waiting,) = await floor.certificates()
    assert (waiting.state, waiting.sends) == (CertificateState.ISSUED, 0)

    floor.answers[SendCertificate] = YES
    await floor.service.catch_up()

    assert (await floor.certificates())[0].state is CertificateState.ACCEPTED


async def test_a_station_that_comes_back_gets_it_at_once(floor):
    floor.answers[SendCertificate] = StationLeft()
    await floor.asks()
    await floor.service.catch_up()
    floor.now += timedelta(seconds=1)
    async with floor.store.begin() as work:
        await work.stations.connected(ONE, at=floor.now, subprotocol="", address="")
    floor.answers[SendCertificate] = YES
    await floor.service.catch_up()

    assert (await floor.certificates())[0].state is CertificateState.ACCEPTED


@pytest.mark.parametrize("lost", [StationSilent(), StationLeft()])
async def test_a_lost_answer_is_asked_for_again_a_few_times_and_then_told(floor, lost):
    floor.answers[SendCertificate] = lost
    await floor.asks()
    await floor.service.catch_up()
    await floor.service.catch_up()  # not again at once
    assert len(floor.chains) == 1

    for _ in range(10):
        floor.now += timedelta(hours=1)
        await floor.service.catch_up()

    assert len(floor.chains) == 5
    (certificate,) = await floor.certificates()
    assert certificate.state is CertificateState.REJECTED
    assert await floor.alerts() == ["certificate not taken"]


@pytest.mark.parametrize("answer", [NO, StationRefused("InternalError")])
async def test_a_rejected_certificate_is_told_and_not_tried_again(floor, answer):
    """A02, error handling: an operator must look, and runs A02 anew."""
    floor.answers[SendCertificate] = answer
    await floor.asks()
    await floor.service.catch_up()
    floor.now += timedelta(days=2)
    await floor.service.catch_up()

    assert len(floor.chains) == 1
    (certificate,) = await floor.certificates()
    assert certificate.state is CertificateState.REJECTED
    assert certificate.problem
    assert await floor.alerts() == ["certificate not taken"]


async def test_what_is_asked_and_issued_survives_a_restart(floor):
    await floor.asks()
    second = Floor()
    second.store = floor.store
    second.service = CertificateService(
        floor.store.begin,
        floor.store.read,
        second,
        authority(),
        lambda: floor.now,
        SETTINGS,
    )

    await second.service.catch_up()

    assert len(second.chains) == 1


async def test_a_station_that_is_back_with_it_already_keeps_it_active(floor):
    """Some connect anew before they answer: whoever settles the connection is right."""

    async def answers_late():
        async with floor.store.begin() as work:
            (certificate,) = await work.certificates.of(ONE)
            await work.certificates.put(structs.replace(certificate, state=CertificateState.ACTIVE))
        raise StationLeft

    floor.answers[SendCertificate] = answers_late
    await floor.asks()
    await floor.service.catch_up()

    assert (await floor.certificates())[0].state is CertificateState.ACTIVE


async def test_a_slow_station_holds_up_no_other(floor):
    await floor.add(OTHER, "SN-2")
    answered = asyncio.Event()

    async def waits():
        if floor.sent[-1][0] == ONE:
            await answered.wait()
        else:
            answered.set()
        return YES

    floor.answers[SendCertificate] = waits
    job = asyncio.create_task(floor.service.run())
    await floor.asks()
    await floor.asks(request("SN-2", signed_by=key(number=2)), OTHER)

    async with asyncio.timeout(10):
        await answered.wait()
        while (await floor.certificates())[0].state is not CertificateState.ACCEPTED:  # noqa: ASYNC110  # what it looks at is no event
            await asyncio.sleep(0.01)
    job.cancel()
    await asyncio.gather(job, return_exceptions=True)


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
        assert floor.events(CertificateChanged)[-1].state is CertificateState.REVOKED
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

    lines = await floor.service.calendar()

    assert lines == sorted(lines, key=lambda line: line.not_after)
    assert {line.kind for line in lines} == {"own", "issued"}
    assert [line.kind for line in await floor.service.calendar(400)].count("issued") == 1
    assert await floor.service.calendar(1) == []
