"""Asking others whether a certificate is revoked, and what they may answer (hostile row 65)."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID
from msgspec import structs

from tests.gateway.csms import clock
from tests.gateway.trust import DAY, client_of, maker
from tests.pki import making
from voltkeep.domain.certificates import ClientCertificate, Standing
from voltkeep.gateway.revocation import OnlineRevocations

SIGNS_OCSP = ((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), False),)
ROOT = maker()
SHOWN = client_of(ROOT)
OTHER = client_of(ROOT, subject=making.name("SN-2"))


def judged(party, issuer=ROOT):
    return ClientCertificate(
        standing=Standing.TRUSTED,
        common_names=("SN-1",),
        organizations=("Operator",),
        serial_number=f"{party.certificate.serial_number:x}",
        fingerprint=party.certificate.fingerprint(hashes.SHA256()).hex(),
        issuer_fingerprint=issuer.certificate.fingerprint(hashes.SHA256()).hex(),
        not_after=party.certificate.not_valid_after_utc,
    )


def answer(
    party=SHOWN,
    status=ocsp.OCSPCertStatus.GOOD,
    *,
    issuer=ROOT,
    signer=None,
    this=None,
    following=None,
    shows=(),
):
    is_revoked = status is ocsp.OCSPCertStatus.REVOKED
    builder = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            cert=party.certificate,
            issuer=issuer.certificate,
            algorithm=hashes.SHA1(),  # as responders do
            cert_status=status,
            this_update=this or clock() - timedelta(minutes=1),
            next_update=following or clock() + timedelta(hours=1),
            revocation_time=clock() - DAY if is_revoked else None,
            revocation_reason=None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.HASH, (signer or issuer).certificate)
    )
    if shows:
        builder = builder.certificates([each.certificate for each in shows])
    signed = builder.sign((signer or issuer).key, hashes.SHA256())
    return signed.public_bytes(Encoding.DER)


def crl(*revoked, issuer=ROOT, signer=None, ends=None):
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(clock() - 2 * DAY)
        .next_update(ends or clock() + DAY)
    )
    for party in revoked:
        entry = (
            x509.RevokedCertificateBuilder()
            .serial_number(party.certificate.serial_number)
            .revocation_date(clock() - DAY)
        )
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign((signer or issuer).key, hashes.SHA256())


class Responder:
    """Answers every request with the same octets, as slowly as it is told."""

    def __init__(self, content=b"", *, status="200 OK", head="", pause_s=0.0, piece=0):
        self.content = content
        self.status = status
        self.head = head
        self.pause_s = pause_s
        self.piece = piece
        self.asked = self.sent = 0

    async def serve(self, reader, writer):
        self.asked += 1
        try:
            await reader.readuntil(b"\r\n\r\n")
            head = f"HTTP/1.1 {self.status}\r\nConnection: close\r\n{self.head}\r\n"
            writer.write(head.encode())
            step = self.piece or len(self.content) or 1
            for start in range(0, len(self.content), step):
                if self.pause_s:
                    await asyncio.sleep(self.pause_s)
                writer.write(self.content[start : start + step])
                await writer.drain()
                self.sent += step
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    @asynccontextmanager
    async def at(self):
        """Its address, while it listens."""
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        async with server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/ocsp"


def anchor(**changes):
    return structs.replace(making.anchor(ROOT), **changes)


async def ask(responder, *, by="ocsp_url", asker=None, party=SHOWN, **changes):
    asker = asker or OnlineRevocations(clock, timeout_s=0.5)
    async with responder.at() as url:
        anchors = [anchor(**{by: url}, **changes)]
        return await asker.standing(party.der, judged(party), anchors)


async def test_ocsp_says_that_it_is_good_or_revoked():
    good, revoked = ocsp.OCSPCertStatus.GOOD, ocsp.OCSPCertStatus.REVOKED

    assert await ask(Responder(answer(status=good))) is Standing.TRUSTED
    assert await ask(Responder(answer(status=revoked))) is Standing.REVOKED


async def test_a_responder_that_the_issuer_has_made_is_believed():
    """RFC 6960, 4.2.2.2."""
    deputy = client_of(ROOT, subject=making.name("Responder"), extensions=SIGNS_OCSP)

    assert await ask(Responder(answer(signer=deputy, shows=[deputy]))) is Standing.TRUSTED


DEPUTY_WITHOUT_RIGHT = client_of(ROOT, subject=making.name("Any client"))
STRANGER = maker(subject=making.name("Stranger"))
OLD_DEPUTY = client_of(
    ROOT,
    subject=making.name("Old responder"),
    extensions=SIGNS_OCSP,
    begins=clock() - 9 * DAY,
    ends=clock() - DAY,
)
BAD_ANSWERS = {
    "nothing": b"",
    "garbage": b"\x30\x82\xff\xff" + b"A" * 1000,
    "a page": b"<html>It works!</html>",
    "a failure": ocsp.OCSPResponseBuilder.build_unsuccessful(
        ocsp.OCSPResponseStatus.TRY_LATER
    ).public_bytes(Encoding.DER),
    "unknown": answer(status=ocsp.OCSPCertStatus.UNKNOWN),
    "of another certificate": answer(OTHER),
    "of another issuer's": answer(issuer=STRANGER, signer=ROOT),
    "signed by a stranger": answer(signer=STRANGER),
    "signed by a client": answer(signer=DEPUTY_WITHOUT_RIGHT, shows=[DEPUTY_WITHOUT_RIGHT]),
    "signed by an expired deputy": answer(signer=OLD_DEPUTY, shows=[OLD_DEPUTY]),
    "too old": answer(this=clock() - 9 * DAY, following=clock() - 8 * DAY),
    "of tomorrow": answer(this=clock() + DAY, following=clock() + 2 * DAY),
}


@pytest.mark.parametrize("what", BAD_ANSWERS)
async def test_an_answer_that_cannot_be_believed_is_none(what):
    assert await ask(Responder(BAD_ANSWERS[what])) is Standing.REVOCATION_UNKNOWN


@pytest.mark.parametrize(
    "responder",
    [
        Responder(answer(), status="500 Oops"),
        Responder(answer() + b"\0" * 100_000),
        Responder(answer(), pause_s=0.3, piece=200),
        Responder(answer(), pause_s=5),
        Responder(answer(), head="Content-Length: nonsense\r\n"),
    ],
    ids=["500", "too long", "drips", "slow", "broken"],
)
async def test_a_responder_that_does_not_behave_has_not_answered(responder):
    loop = asyncio.get_running_loop()
    started = loop.time()

    assert await ask(responder) is Standing.REVOCATION_UNKNOWN
    assert loop.time() - started < 2
    assert responder.asked == 1


async def test_no_more_is_read_than_an_answer_can_be():
    endless = Responder(answer() + bytes(50_000_000), piece=65_536)

    assert await ask(endless) is Standing.REVOCATION_UNKNOWN
    assert endless.sent < 20_000_000  # the kernel's buffers, and not all of it


async def test_a_redirect_is_not_followed():
    """ASVS 15.3.2: nobody but the operator says whom we call."""
    other = Responder(answer())
    async with other.at() as url:
        said = await ask(Responder(status="307 Temporary", head=f"Location: {url}\r\n"))

    assert said is Standing.REVOCATION_UNKNOWN
    assert other.asked == 0


async def test_a_responder_that_is_down_is_left_alone_for_a_while():
    asker = OnlineRevocations(clock, timeout_s=0.5)
    responder = Responder(b"", status="500 Oops")
    async with responder.at() as url:
        for party in (SHOWN, OTHER, SHOWN):
            said = await asker.standing(party.der, judged(party), [anchor(ocsp_url=url)])
            assert said is Standing.REVOCATION_UNKNOWN
    assert responder.asked == 1


async def test_one_question_is_asked_once_and_remembered():
    asker = OnlineRevocations(clock)
    responder = Responder(answer(), pause_s=0.1)
    async with responder.at() as url:
        anchors = [anchor(ocsp_url=url)]
        storm = [asker.standing(SHOWN.der, judged(SHOWN), anchors) for _ in range(20)]
        assert set(await asyncio.gather(*storm)) == {Standing.TRUSTED}
        assert await asker.standing(SHOWN.der, judged(SHOWN), anchors) is Standing.TRUSTED
    assert responder.asked == 1


async def test_an_answer_counts_as_long_as_it_says():
    now = [clock()]
    asker = OnlineRevocations(lambda: now[0])
    responder = Responder(answer(following=clock() + timedelta(minutes=10)))
    async with responder.at() as url:
        anchors = [anchor(ocsp_url=url)]
        assert await asker.standing(SHOWN.der, judged(SHOWN), anchors) is Standing.TRUSTED
        now[0] += timedelta(minutes=30)
        said = await asker.standing(SHOWN.der, judged(SHOWN), anchors)
    assert said is Standing.REVOCATION_UNKNOWN
    assert responder.asked == 2


@pytest.mark.parametrize("encoding", [Encoding.DER, Encoding.PEM])
async def test_a_revocation_list_is_fetched_where_the_operator_says(encoding):
    for revoked, expected in [((OTHER,), Standing.TRUSTED), ((SHOWN,), Standing.REVOKED)]:
        responder = Responder(crl(*revoked).public_bytes(encoding))
        assert await ask(responder, by="crl_url") is expected


@pytest.mark.parametrize(
    "content",
    [
        b"garbage",
        crl(signer=STRANGER).public_bytes(Encoding.DER),
        crl(issuer=STRANGER, signer=ROOT).public_bytes(Encoding.DER),
        crl(ends=clock() - DAY).public_bytes(Encoding.DER),
    ],
    ids=["garbage", "a stranger's signature", "a stranger's name", "too old"],
)
async def test_a_revocation_list_that_cannot_be_believed_is_none(content):
    assert await ask(Responder(content), by="crl_url") is Standing.REVOCATION_UNKNOWN


async def test_an_old_stored_list_still_says_who_was_revoked():
    asker = OnlineRevocations(clock)
    for revoked, expected in [
        ((SHOWN,), Standing.REVOKED),
        ((OTHER,), Standing.REVOCATION_UNKNOWN),
    ]:
        text = crl(*revoked, ends=clock() - DAY).public_bytes(Encoding.PEM).decode()
        assert await asker.standing(SHOWN.der, judged(SHOWN), [anchor(crl=text)]) is expected


async def test_revoked_by_one_is_revoked():
    """Whatever the other says."""
    text = crl(SHOWN).public_bytes(Encoding.PEM).decode()
    responder = Responder(answer())

    assert await ask(responder, crl=text) is Standing.REVOKED
    assert responder.asked == 0


async def test_without_an_address_nobody_is_asked():
    """Addresses in a certificate are not: a stranger would choose whom we call."""
    responder = Responder(answer())
    async with responder.at() as url:
        access = x509.AuthorityInformationAccess(
            [
                x509.AccessDescription(
                    AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(url)
                )
            ]
        )
        point = x509.DistributionPoint([x509.UniformResourceIdentifier(url)], None, None, None)
        shown = client_of(
            ROOT,
            extensions=(
                (making.CLIENT, False),
                (access, False),
                (x509.CRLDistributionPoints([point]), False),
            ),
        )
        asker = OnlineRevocations(clock)
        said = await asker.standing(shown.der, judged(shown), [anchor()])
    assert said is Standing.REVOCATION_UNKNOWN
    assert responder.asked == 0


async def test_a_certificate_of_nobody_we_know_is_not_asked_about():
    asker = OnlineRevocations(clock)

    assert await asker.standing(SHOWN.der, judged(SHOWN, STRANGER), [anchor()]) is (
        Standing.REVOCATION_UNKNOWN
    )
    assert await asker.standing(b"junk", judged(SHOWN), [anchor()]) is Standing.REVOCATION_UNKNOWN
