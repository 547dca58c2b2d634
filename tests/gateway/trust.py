"""A CSMS whose listeners speak TLS, clients with certificates, and somebody else's TLS."""

import asyncio
import shutil
import ssl
from contextlib import asynccontextmanager
from datetime import timedelta

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from msgspec import structs

from tests.gateway.csms import Csms, Talker, clock, knock
from tests.pki import making
from voltkeep.domain.certificates import CertificateState
from voltkeep.domain.events import ConnectionRefused
from voltkeep.gateway.tls import ServerFiles, TlsKind, TlsMaterial

DAY = timedelta(days=1)
SECRET = b"a secret that makes ticket keys!"


def material(authority, *, roots="", **changes):
    files = tuple(
        ServerFiles(chain=each.chain, key=each.key, passphrase=each.passphrase)
        for each in authority.server_files()
    )
    given = {"ticket_secret": SECRET} | changes
    return TlsMaterial(server=files, client_roots=authority.ca_bundle() + roots, **given)


class TlsCsms(Csms):
    """Listens without TLS, with it, and with certificates asked for and demanded."""

    def __init__(self, authority, *others, presents=None, **options):
        super().__init__(*others, authority=authority, **options)
        self.authority = authority
        self.presents = presents or material(authority)

    async def __aenter__(self):
        await super().__aenter__()
        self.gateway.use_tls(self.presents)
        self.addresses = {kind: await self.gateway.listen("127.0.0.1", 0, kind) for kind in TlsKind}
        return self

    def port(self, kind=TlsKind.SERVER):
        return self.addresses[kind].port

    @asynccontextmanager
    async def over_tls(self, name="CS-1", kind=TlsKind.SERVER, context=None, **options):
        """A station that is connected over TLS."""
        door = _Door(f"wss://localhost:{self.port(kind)}")
        options.setdefault("host", "127.0.0.1")
        context = context or trusting(self.authority)
        async with knock(door, f"/ocpp/{name}", ["ocpp1.6"], ssl=context, **options) as socket:
            yield Talker(socket, "ocpp1.6")

    async def issue(self, station, *, common_name="SN-1", organization=None, state=None, key=None):
        """A certificate of our authority for a station, on record; its key and chain."""
        key = key or making.ec_key(common_name)
        organization = organization or self.settings.cpo_name
        request = making.request(making.name(common_name, organization), key)
        issued = self.authority.sign_station(
            request, organization=organization, common_name=common_name, at=clock()
        )
        issued = structs.replace(issued, station=station, state=state or CertificateState.ACCEPTED)
        async with self.store.begin() as work:
            await work.certificates.put(issued)
        return issued, key

    def refusals(self):
        """Why nobody was let in, in order."""
        return [event.reason for event in self.announced if isinstance(event, ConnectionRefused)]


class _Door:
    def __init__(self, base):
        self._base = base

    def url(self, path):
        return self._base + path


def trusting(authority, **versions):
    """A client that trusts our root, and nothing else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=authority.root.pem)
    for name, value in versions.items():
        setattr(context, name, value)
    return context


def showing(authority, directory, chain, key, **versions):
    """A client that shows a certificate: PEM, the certificate first."""
    path = directory / f"{abs(hash(chain))}.pem"
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    path.write_text(pem + chain)
    context = trusting(authority, **versions)
    context.load_cert_chain(path)
    return context


def maker(**others):
    """A manufacturer's authority, valid now."""
    subject = others.pop("subject", making.name("Maker Root", "Maker"))
    return making.Party(subject, begins=clock() - DAY, ends=clock() + 30 * DAY, **others)


def client_of(issuer, **others):
    """A client certificate that somebody else has issued, valid now."""
    others = {"begins": clock() - DAY, "ends": clock() + DAY} | others
    return making.client(issuer, **others)


def digest(pem_or_party):
    certificate = pem_or_party.certificate
    return certificate.fingerprint(hashes.SHA256()).hex()


async def openssl(*words, said=b"", timeout=10):
    """What the `openssl` command says and hears; it may fail."""
    program = shutil.which("openssl")
    assert program
    process = await asyncio.create_subprocess_exec(
        program,
        *map(str, words),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await asyncio.wait_for(process.communicate(said), timeout)
    return out.decode(errors="replace")


async def s_client(port, *words, said=b""):
    """A handshake of `openssl s_client`, with this text as what is typed after it."""
    return await openssl("s_client", "-connect", f"127.0.0.1:{port}", *words, said=said)
