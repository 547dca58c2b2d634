"""Firmware is checked before it is sent, and updates are followed whatever comes when: L01."""

import asyncio
import base64
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.web.certificates import NOW, signed
from tests.web.conftest import STATION, Place
from voltkeep.domain.certificates import RootUse, TrustAnchor
from voltkeep.domain.commands import Outcome
from voltkeep.domain.firmware import UpdateState
from voltkeep.domain.identity import Sender, StationId
from voltkeep.domain.stations import SecurityProfile
from voltkeep.services.firmware import UnsoundUpdate, Wish
from voltkeep.services.images import BadImage
from voltkeep.services.ports import CommandUnfit, StationOffline, StationRefused, StationSilent
from voltkeep.services.transfers import BadLocation, NoListener, Via

CONTENT = b"firmware " * 50_000


@pytest.fixture
async def place(tmp_path):
    place = Place(tmp_path)
    await place.add()
    return place


class Maker:
    """A manufacturer who signs firmware."""

    def __init__(self, kind="rsa", **options):
        makers: dict[str, Callable[[], Any]] = {
            "rsa": lambda: rsa.generate_private_key(65537, 2048),
            "ec": lambda: ec.generate_private_key(ec.SECP256R1()),
            "weak": lambda: rsa.generate_private_key(65537, 1024),
            "other": ed25519.Ed25519PrivateKey.generate,
        }
        self.key = makers[kind]()
        if kind == "other":
            signer = makers["ec"]()
            self.certificate = signed(self.key, "maker", issuer=(signed(signer, "m"), signer))
        else:
            self.certificate = signed(self.key, "maker", **options)

    @property
    def pem(self):
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def secret(self):
        return self.key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
        )


async def blocks(content=CONTENT):
    yield content


async def add(place, maker=None, name="fw"):
    images = place.firmware.images
    await images.add(STATION.tenant, name, "fw.bin", blocks())
    if maker is not None:
        await images.sign(
            STATION.tenant,
            name,
            key=maker.secret,
            password=b"secret",
            signing_certificate=maker.pem,
        )


async def audited(place):
    async with place.store.read() as work:
        return [entry.deed.action for entry in await work.audit.last(STATION.tenant)]


# A00.FR.706: what is sent was checked.


@pytest.mark.parametrize("kind", ["rsa", "ec"])
async def test_a_signed_image_is_sent_with_its_certificate(place, kind):
    """L01.FR.04, L01.FR.11."""
    maker = Maker(kind)
    await add(place, maker)

    asked = await place.firmware.update(STATION, Wish(image="fw"))

    command = place.stations.asked[-1]
    assert command.signing_certificate == maker.pem
    assert len(base64.b64decode(command.signature)) >= 64
    assert (asked.update.is_signed, asked.update.state) == (True, UpdateState.REQUESTED)
    assert await audited(place) == ["firmware.added", "firmware.signed", "firmware.requested"]


UNSOUND = {
    "another's signature": lambda: (Maker(), Maker()),
    "expired": lambda: (Maker(begins=NOW - timedelta(days=9)),) * 2,
    "not yet valid": lambda: (Maker(begins=NOW + timedelta(days=9)),) * 2,
    "for clients": lambda: (
        (Maker(extensions=[x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])]),) * 2
    ),
    "of a key that may not sign": lambda: (
        (
            Maker(
                extensions=[x509.KeyUsage(*[each == 5 for each in range(9)])],
            ),
        )
        * 2
    ),
}


@pytest.mark.parametrize("why", UNSOUND)
async def test_what_would_not_stand_is_sent_only_by_force(place, why):
    signer, shown = UNSOUND[why]()
    await add(place)
    digest = (await place.firmware.images.get(STATION.tenant, "fw")).sha256
    signature = place.firmware._signatures.sign(digest, signer.secret, b"secret", signer.pem)
    wish = Wish(image="fw", signature=signature, signing_certificate=shown.pem)

    with pytest.raises(UnsoundUpdate):
        await place.firmware.update(STATION, wish)
    assert place.stations.asked == []

    forced = Wish(image="fw", signature=signature, signing_certificate=shown.pem, force=True)
    await place.firmware.update(STATION, forced)
    assert place.stations.asked[-1].signature == signature


@pytest.mark.parametrize("signature", ["", "no base64!", "AAAA", "ä"])
async def test_tc_081_a_wrong_signature_is_sent_only_by_force(place, signature):
    maker = Maker()
    await add(place, maker)

    with pytest.raises(UnsoundUpdate):
        await place.firmware.update(STATION, Wish(image="fw", signature=signature))
    await place.firmware.update(STATION, Wish(image="fw", signature=signature, force=True))

    assert place.stations.asked[-1].signature == signature


@pytest.mark.parametrize(
    "pem",
    ["", "PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "two", "\x00"],
)
async def test_a_certificate_is_one_certificate(place, pem):
    """Whitepaper 6.2: no intermediate certificates."""
    maker = Maker()
    await add(place, maker)
    pem = maker.pem + Maker().pem if pem == "two" else pem

    with pytest.raises(UnsoundUpdate):
        await place.firmware.update(STATION, Wish(image="fw", signing_certificate=pem))


@pytest.mark.parametrize("kind", ["weak", "other"])
async def test_weak_and_unknown_keys_sign_nothing(place, kind):
    with pytest.raises(BadImage):
        await add(place, Maker(kind))


async def test_a_key_signs_for_its_own_certificate_only(place):
    maker, other = Maker(), Maker()
    other.key = maker.key

    maker.certificate = Maker().certificate
    with pytest.raises(BadImage, match="not the certificate's"):
        await add(place, maker)
    with pytest.raises(BadImage, match="cannot be read"):
        await place.firmware.images.sign(
            STATION.tenant, "fw", key=other.secret, password=b"x", signing_certificate=other.pem
        )


@pytest.mark.parametrize("whose", [STATION, StationId(STATION.tenant, "")])
async def test_where_manufacturers_are_known_nobody_else_signs(place, whose):
    root = Maker("ec")
    maker = Maker("ec", issuer=(root.certificate, root.key))
    await add(place, maker)
    await add(place, Maker("ec"), "foreign")
    async with place.store.begin() as work:
        await work.anchors.put(
            TrustAnchor(
                station=whose,
                id="1",
                at=NOW,
                use=RootUse.MANUFACTURER_ROOT,
                pem=root.pem,
                subject="maker",
                not_after=NOW,
            )
        )

    await place.firmware.update(STATION, Wish(image="fw"))
    with pytest.raises(UnsoundUpdate, match="none of the manufacturers"):
        await place.firmware.update(STATION, Wish(image="foreign"))


# Where the station goes.


async def test_a_station_on_tls_is_sent_to_tls(place):
    """L01.FR.08."""
    await add(place)
    async with place.store.begin() as work:
        await work.stations.set_profile(STATION, SecurityProfile.TLS_BASIC)

    await place.firmware.update(STATION, Wish(image="fw"))

    assert place.stations.asked[-1].location.startswith("https://127.0.0.1:9081/firmware/")


async def test_no_station_on_tls_is_sent_elsewhere(tmp_path):
    place = Place(tmp_path, files_tls="off", ftp="off")
    await place.add()
    await add(place)
    async with place.store.begin() as work:
        await work.stations.set_profile(STATION, SecurityProfile(3))

    with pytest.raises(NoListener, match="files_tls"):
        await place.firmware.update(STATION, Wish(image="fw"))
    await place.firmware.update(STATION, Wish(image="fw", via=Via.HTTP))  # somebody has said so


@pytest.mark.parametrize("url", ["", "x", "http://", "https://h/" + "x" * 600, "https://h/\n"])
async def test_an_address_that_no_station_could_use_is_not_sent(place, url):
    await add(place)

    with pytest.raises(BadLocation):
        await place.firmware.update(STATION, Wish(image="fw", location=url))


async def test_an_operators_own_address_is_kept_without_its_password(place):
    await add(place)

    asked = await place.firmware.update(
        STATION, Wish(image="fw", location="ftp://me:secret@example.org/fw.bin")
    )

    assert place.stations.asked[-1].location == "ftp://me:secret@example.org/fw.bin"
    assert asked.update.location == "ftp://example.org/fw.bin"


# What stations answer.


def answers(place, *outcomes):
    queue = list(outcomes)

    async def send(station, command, timeout=None):
        place.stations.asked.append(command)
        answer = queue.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    place.stations.send = send


@pytest.mark.parametrize(
    ("failure", "state"),
    [
        (StationOffline(), UpdateState.REFUSED),
        (CommandUnfit(), UpdateState.REFUSED),
        (StationSilent(), UpdateState.UNKNOWN),
        (StationRefused("InternalError"), UpdateState.REFUSED),
    ],
)
async def test_an_answer_that_is_lost_leaves_the_update_open(place, failure, state):
    await add(place)
    answers(place, failure)

    with pytest.raises(type(failure)):
        await place.firmware.update(STATION, Wish(image="fw"))

    [update] = await place.firmware.updates(STATION)
    assert (update.state, update.status) == (state, failure.result)


@pytest.mark.parametrize(
    ("is_signed", "advice"), [(True, "--unsigned"), (False, "takes only signed firmware")]
)
async def test_l01_fr_20_the_other_way_is_named_and_not_taken(place, is_signed, advice):
    await add(place, Maker("ec") if is_signed else None)
    answers(place, StationRefused("NotSupported"))

    with pytest.raises(StationRefused, match=advice):
        await place.firmware.update(STATION, Wish(image="fw"))

    assert len(place.stations.asked) == 1


async def test_a_station_may_be_quicker_than_its_answer(place):
    await add(place)

    async def send(station, command, timeout=None):
        await place.firmware.status(sender(place), "Downloading", command.request_id)
        return Outcome(accepted=True, status="Accepted")

    place.stations.send = send
    asked = await place.firmware.update(STATION, Wish(image="fw"))

    assert (asked.update.state, asked.update.status) == (UpdateState.RUNNING, "Downloading")


def sender(place):
    return Sender(STATION, 0, place.clock())


async def test_what_is_said_late_opens_nothing_again(place):
    await add(place)
    update = (await place.firmware.update(STATION, Wish(image="fw"))).update
    for status in ("Downloading", "Installed", "Installing", "DownloadFailed"):
        await place.firmware.status(sender(place), status, int(update.id))

    update = await place.firmware.get(STATION, update.id)

    assert update.state is UpdateState.INSTALLED
    assert [each.status for each in update.said] == [
        *("Downloading", "Installed", "Installing", "DownloadFailed")
    ]


async def test_a_failure_may_be_followed_by_another_try(place):
    await add(place)
    update = (await place.firmware.update(STATION, Wish(image="fw"))).update
    for status in ("DownloadFailed", "Downloading", "Installed"):
        await place.firmware.status(sender(place), status, None)

    assert (await place.firmware.get(STATION, update.id)).state is UpdateState.INSTALLED


async def test_a_station_that_chatters_fills_no_table(place):
    for number in range(100):
        await place.firmware.status(sender(place), f"Downloading{number % 2}", number)

    updates = await place.firmware.updates(STATION)

    assert [(each.id, len(each.said)) for each in updates] == [("unasked", 50)]


async def test_numbers_are_positive_and_never_the_same(place):
    await add(place)
    await asyncio.gather(*(place.firmware.update(STATION, Wish(image="fw")) for _ in range(20)))

    numbers = {each.request_id for each in place.stations.asked}

    assert len(numbers) == 20
    assert all(0 < number < 2**31 for number in numbers)
