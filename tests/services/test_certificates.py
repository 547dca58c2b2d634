"""A station's certificate, from its request to its end (whitepaper A02, A03; 2.x A02, A03)."""

import asyncio
import threading
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from cryptography import x509
from msgspec import structs

from tests.services.authority import SETTINGS, authority, key, request, root
from tests.services.floor import NO, ONE, OTHER, YES, Floor
from voltkeep.domain.certificates import CertificateState, RequestState
from voltkeep.domain.commands import SendCertificate
from voltkeep.domain.events import CertificateChanged, CertificateRequested, StationChanged
from voltkeep.domain.stations import Make, NameCheck, Trust
from voltkeep.services.authority import BadCertificate
from voltkeep.services.certificates import CertificateService, Names
from voltkeep.services.issuing import LONGEST_CHAIN, chain_to_send
from voltkeep.services.ports import (
    StationLeft,
    StationOffline,
    StationRefused,
    StationSilent,
    Superseded,
)


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
    assert await floor.deeds() == ["certificate.issued", "certificate.accepted"]


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


def test_a_chain_goes_up_to_the_root_and_not_further():
    """What a station trusts it has; or it must not trust it because we say so."""
    leaf, ours = root("Issuer"), authority().root.pem

    assert chain_to_send(leaf + ours, ours.replace("\n", "\r\n")) == leaf


async def test_the_certificate_never_overtakes_the_answer(floor):
    """Whoever looks for work between the commit and the answer leaves this station alone."""

    @asynccontextmanager
    async def begin():
        async with floor.store.begin() as work:
            yield work
        if floor.sent == [] and not looked:
            looked.append(True)
            await floor.service.catch_up()

    looked: list[bool] = []
    floor.service = CertificateService(
        begin, floor.store.read, floor, authority(), lambda: floor.now, SETTINGS
    )
    await floor.asks()

    assert (looked, floor.sent) == ([True], [])
    await floor.service.catch_up()
    assert len(floor.chains) == 1


class SlowAuthority:
    """The real one, which takes its time to sign."""

    def __init__(self):
        self.has_begun, self.may_end = asyncio.Event(), threading.Event()
        self._loop = asyncio.get_running_loop()

    def __getattr__(self, name):
        return getattr(authority(), name)

    def sign_station(self, *args, **names):
        self._loop.call_soon_threadsafe(self.has_begun.set)
        assert self.may_end.wait(10)
        return authority().sign_station(*args, **names)


async def test_what_was_asked_anew_while_it_was_signed_is_thrown_away(floor):
    slow = SlowAuthority()
    floor.service = CertificateService(
        floor.store.begin, floor.store.read, floor, slow, lambda: floor.now, SETTINGS
    )
    await floor.asks()
    signing = asyncio.create_task(floor.service.catch_up())
    await slow.has_begun.wait()
    await floor.asks(request(signed_by=key(number=2)))
    slow.may_end.set()
    await signing
    await floor.service.catch_up()

    (sent,) = floor.chains
    leaf = x509.load_pem_x509_certificate(sent.chain.encode())
    assert leaf.public_key() == key(number=2).public_key()


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


async def test_a_station_gets_no_more_than_a_hundred_certificates_a_day(floor):
    """Hostile row 64: at ten a minute it would fill the database."""
    answers = []
    for _ in range(120):
        floor.now += timedelta(seconds=10)
        answers.append(await floor.asks())

    assert 100 <= answers.count("") <= 103
    assert "a day" in answers[-1]


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
    assert await floor.deeds() == ["certificate.issued", "certificate.rejected"]
    told = floor.events(CertificateChanged)[-1]
    assert (told.state, told.reason) == (CertificateState.REJECTED, certificate.problem)
    assert certificate.problem
    assert await floor.alerts() == ["certificate not taken"]


async def test_a_certificate_that_was_never_sent_gives_way_to_a_newer_one(floor):
    floor.answers[SendCertificate] = StationOffline("x")
    for number in (1, 2):
        await floor.asks(request(signed_by=key(number=number)))
        await floor.service.catch_up()
        floor.now += timedelta(hours=1)

    issued = ["certificate.issued"]
    assert await floor.deeds() == [*issued, "certificate.superseded", *issued]
    reasons = [event.reason for event in floor.events(CertificateChanged)]
    assert reasons == ["", "a newer one was issued", ""]


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
        # Whichever is signed first: that of the slow one may not be there yet.
        while [each.state for each in await floor.certificates()] != [CertificateState.ACCEPTED]:  # noqa: ASYNC110  # what it looks at is no event
            await asyncio.sleep(0.01)
    job.cancel()
    await asyncio.gather(job, return_exceptions=True)


async def test_what_is_refused_after_all_says_why(floor, monkeypatch):
    """The station was told "Accepted"."""

    def refuse(*_, **__):
        raise BadCertificate("the issuer has expired")

    await floor.asks()
    monkeypatch.setattr(floor.service._issuing._authority, "sign_station", refuse)
    await floor.service.catch_up()

    async with floor.store.read() as work:
        [refused] = await work.certificate_requests.of(ONE)
    assert (refused.state, refused.problem) == (RequestState.REFUSED, "the issuer has expired")
