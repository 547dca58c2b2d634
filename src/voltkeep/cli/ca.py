"""`voltkeep ca`: the certificate authority, and the certificates of the server."""

import asyncio
import enum
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voltkeep.cli.command import Run, command
from voltkeep.cli.errors import ExitCode, Failure
from voltkeep.cli.output import Cell
from voltkeep.cli.text import escape, instant

if TYPE_CHECKING:
    from voltkeep.app import App
    from voltkeep.domain.audit import Deed
    from voltkeep.pki.own import Brought, Entry

group = typer.Typer(
    help="Show, export and replace the certificates of this installation.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

ChainFile = Annotated[
    Path, typer.Argument(metavar="CHAIN", help="PEM: the certificate and those above it.")
]
KeyFile = Annotated[
    Path, typer.Option("--key", metavar="FILE", help="Its private key in PEM; it is copied.")
]
CertificateFile = Annotated[
    Path,
    typer.Option("--certificate", metavar="FILE", help="PEM: the certificate and those above it."),
]
PasswordFile = Annotated[
    Path | None,
    typer.Option("--password-file", metavar="FILE", help="What the key is encrypted with."),
]
OutFile = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Else to stdout.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
_IN_USE = "A running server takes it within seconds; connections stay."


class Family(enum.StrEnum):
    """Kinds of keys."""

    RSA = "rsa"
    EC = "ec"


@command(group, "show")
async def show(run: Run) -> None:
    """The tree of certificates: root, issuers and the server's own."""
    from voltkeep.pki.own import inventory
    from voltkeep.wiring import now

    async with run.app() as app:
        vault = await made_vault(run, app)
        entries = list(inventory(vault))
        waiting = [each.value for each in Family if vault.requested(each) is not None]
    revoked = _asked_for_revoked(run, entries)
    if run.out.as_json:
        plain = [_plain(each) for each in entries]
        run.out.data({"certificates": plain, "requested": waiting} | revoked)
        return
    at = now()
    rows = []
    for entry in entries:
        left = entry.certificate.not_valid_after_utc - at
        rows.append(
            (
                "  " * entry.depth + entry.name,
                entry.key,
                Cell(
                    instant(entry.certificate.not_valid_after_utc),
                    "red" if left.total_seconds() <= 0 else "",
                ),
                _key_is(entry),
                entry.fingerprint[:16],
                entry.subject,
            )
        )
    run.out.table(("CERTIFICATE", "KEY", "VALID UNTIL", "PRIVATE KEY", "SHA-256", "SUBJECT"), rows)
    run.out.line(f"\nThe files are in {escape(run.settings.pki_path)}")
    run.out.line(f"The root's SHA-256: {entries[0].fingerprint}")
    for url in revoked["crl"].values():
        run.out.line(f"What is revoked:    {url}")
    if revoked["ocsp"]:
        run.out.line(f"OCSP answers:       {revoked['ocsp']}")
    else:
        run.out.say("Nobody can ask what is revoked: `files` and `files_tls` are off.")
    _remark(run, entries, waiting)


def _asked_for_revoked(run: Run, entries: list["Entry"]) -> dict[str, Any]:
    """Where our revocation lists and OCSP answers are: over HTTP, as is usual, if it is on."""
    from voltkeep.services.addresses import Addresses

    urls = Addresses(run.settings).files()
    base = urls.get("files") or urls.get("files_tls")
    if base is None:
        return {"crl": {}, "ocsp": ""}
    # The root's list is signed by the root's key, and is there while that is.
    issuers = [
        each.name.removeprefix("issuer-")
        for each in entries
        if each.name.startswith("issuer-") or (each.name == "root" and each.has_key)
    ]
    return {"crl": {name: f"{base}/ca/{name}.crl" for name in issuers}, "ocsp": f"{base}/ocsp"}


def _key_is(entry: "Entry") -> str:
    return "here" if entry.has_key else "kept elsewhere"


def _remark(run: Run, entries: list["Entry"], waiting: list[str]) -> None:
    if entries[0].has_key:
        run.out.say(
            "The root's key is needed for a new issuer only: root.key may be kept elsewhere until "
            "then."
        )
    else:
        run.out.say("The root's key is not here: put root.key back before `ca new-issuer`.")
    for family in waiting:
        run.out.say(f"A request for an {family.upper()} certificate waits for `ca install CHAIN`.")
    if any(not each.is_ours for each in entries):
        run.out.say("What others have signed is not renewed by Voltkeep: see `ca calendar`.")


def _plain(entry: "Entry") -> dict[str, Any]:
    return {
        "name": entry.name,
        "subject": entry.subject,
        "key": entry.key,
        "serial": entry.serial,
        "not_before": entry.certificate.not_valid_before_utc,
        "not_after": entry.certificate.not_valid_after_utc,
        "sha256": entry.fingerprint,
        "has_key": entry.has_key,
        "is_ours": entry.is_ours,
    }


@command(group, "export", examples=("ca export", "ca export server-ec --out chain.pem"))
async def export(
    run: Run,
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="root, chain (root and issuers), or a name that `ca show` shows."
        ),
    ] = "root",
    out: OutFile = None,
    der: Annotated[bool, typer.Option("--der", help="DER instead of PEM; needs --out.")] = False,
) -> None:
    """Write certificates, never a key. Stations need the root."""
    from cryptography.hazmat.primitives.serialization import Encoding

    from voltkeep.pki.encoding import pem
    from voltkeep.pki.own import inventory

    if der and (out is None or name == "chain"):
        raise Failure("DER is one certificate, and for a file.", "Give --out FILE.", ExitCode.USAGE)
    async with run.app() as app:
        vault = await made_vault(run, app)
        entries = {each.name: each for each in inventory(vault)}
        bundle = app.authority.ca_bundle()
    if name != "chain" and name not in entries:
        known = ", ".join(["chain", *entries])
        raise Failure(f"There is no certificate {name}.", f"There are: {known}.", ExitCode.USAGE)
    if der:
        content = entries[name].certificate.public_bytes(Encoding.DER)
    else:
        content = (bundle if name == "chain" else pem(*entries[name].chain)).encode()
    if out is None:
        run.out.line(content.decode().rstrip("\n"))
        return
    _write(out, content)
    run.out.say(f"Wrote {escape(out)}.")


@command(
    group,
    "replace-server",
    examples=("ca replace-server --certificate fullchain.pem --key privkey.pem",),
)
async def replace_server(
    run: Run, certificate: CertificateFile, key: KeyFile, password_file: PasswordFile = None
) -> None:
    """Show stations a certificate from elsewhere. It takes the place of the one of its kind.

    There is one RSA and one EC certificate, since stations differ in what they can. One from
    elsewhere is not renewed by Voltkeep.
    """
    from voltkeep.pki.own import check_server
    from voltkeep.wiring import now

    private = _private_key(key, password_file)
    async with run.app() as app:
        vault = await made_vault(run, app)
        brought = check_server(_text(certificate), private, vault.host, now())
        await _put_server(app, brought)
    _tell_brought(run, brought, f"The server's {brought.family.upper()} certificate is replaced.")


@command(group, "request", examples=("ca request --out server.csr", "ca request --key-kind ec"))
async def request(
    run: Run,
    key_kind: Annotated[Family, typer.Option(help="For which kind of key.")] = Family.RSA,
    out: OutFile = None,
) -> None:
    """Ask somebody else's authority for a server certificate: writes a CSR. The key stays here."""
    async with run.app() as app:
        vault = await made_vault(run, app)
        pem = vault.request(key_kind)
        await _audited(app, _deed("certificate.requested", f"server-{key_kind.value}", vault.host))
    if out is None:
        run.out.line(pem.rstrip("\n"))
    else:
        _write(out, pem.encode())
        run.out.say(f"Wrote {escape(out)}.")
    run.out.say("When it is signed: `voltkeep ca install CHAIN`.")


@command(group, "install", examples=("ca install fullchain.pem",))
async def install(run: Run, chain: ChainFile) -> None:
    """Install the answer to `ca request`: the signed certificate and those above it."""
    from voltkeep.pki.own import check_server
    from voltkeep.services.authority import BadCertificate
    from voltkeep.wiring import now

    async with run.app() as app:
        vault = await made_vault(run, app)
        waiting = {each: key for each in Family if (key := vault.requested(each)) is not None}
        if not waiting:
            raise Failure("No request waits for an answer.", "`voltkeep ca request` makes one.")
        for family, key in waiting.items():
            try:
                brought = check_server(_text(chain), key, vault.host, now())
            except BadCertificate as error:
                problem = error
                continue
            await _put_server(app, brought)
            vault.forget_request(family)
            break
        else:
            raise problem
    _tell_brought(run, brought, f"The server's {brought.family.upper()} certificate is replaced.")


@command(group, "renew-server")
async def renew_server(run: Run) -> None:
    """Make new keys and certificates for the server now, below our newest issuers.

    Those from elsewhere are replaced too: this is the way back from `ca replace-server`.
    """
    from voltkeep.wiring import now

    async with run.app() as app:
        vault = await made_vault(run, app)
        for family in Family:
            deed = _deed("certificate.renewed", f"server-{family.value}", vault.host)
            await _audited(app, deed, partial(vault.renew_server, family, now()))
    _done(run, "The server's certificates are new.")
    run.out.say(_IN_USE)


@command(group, "new-issuer", examples=("ca new-issuer --key-kind ec",))
async def new_issuer(
    run: Run, key_kind: Annotated[Family, typer.Option(help="Of which kind of keys.")]
) -> None:
    """Make a new issuer below our root. Needs root.key.

    It signs from now on. What the older one has signed stays good, and is told of as before.
    """
    from voltkeep.wiring import now

    async with run.app() as app:
        vault = await made_vault(run, app)
        vault.root_issuer()  # before anything is written
        name = ""

        def make() -> None:
            nonlocal name
            name = f"issuer-{vault.add_issuer(key_kind, now()).name}"

        await _audited(
            app, _deed("issuer.made", f"{key_kind.value} issuer", "below our root"), make
        )
    _done(run, f"{name} signs from now on.")
    run.out.say(_IN_USE)


@command(
    group,
    "replace-issuer",
    examples=("ca replace-issuer --certificate issuer-and-root.pem --key issuer.key",),
)
async def replace_issuer(
    run: Run,
    certificate: CertificateFile,
    key: KeyFile,
    password_file: PasswordFile = None,
    yes: Yes = False,
) -> None:
    """Sign with an issuing authority that another root has made.

    The chain must reach up to that root. What the older issuer has signed stays good.
    """
    from voltkeep.pki.own import check_issuer
    from voltkeep.wiring import now

    private = _private_key(key, password_file)
    async with run.app() as app:
        vault = await made_vault(run, app)
        brought = check_issuer(_text(certificate), private, vault, now())
        if brought.warnings and not yes:
            raise Failure(
                f"Nothing was changed: {brought.warnings[0]}.",
                "Say --yes when they do, or when there are no stations yet.",
                ExitCode.USAGE,
            )
        subject = brought.chain[0].subject.rfc4514_string()
        await _audited(
            app,
            _deed("issuer.replaced", f"{brought.family} issuer", subject),
            lambda: vault.import_issuer(brought.key, brought.chain),
        )
    _tell_brought(run, brought, f"{brought.chain[0].subject.rfc4514_string()} signs from now on.")


# Parts.


async def made_vault(run: Run, app: "App") -> Any:
    """The authority's files, made now if this is the first anybody asks of them."""
    await asyncio.to_thread(app.authority.load)
    if app.authority.is_new:
        run.out.say(f"Made a certificate authority in {escape(run.settings.pki_path)}.")
    return app.authority.vault


async def _put_server(app: "App", brought: "Brought") -> None:
    subject = brought.chain[0].subject.rfc4514_string()
    await _audited(
        app,
        _deed("certificate.replaced", f"server-{brought.family}", subject),
        lambda: app.authority.vault.put_server(brought.key, brought.chain),
    )


def _deed(action: str, object_: str, after: str) -> "Deed":
    from voltkeep.domain.audit import Deed

    return Deed(action=action, object=object_, after=after)


async def _audited(app: "App", deed: "Deed", change: Callable[[], object] = lambda: None) -> None:
    """Change files, and chain the deed: if the files cannot be written, nothing was done."""
    from voltkeep.domain.events import RootsChanged
    from voltkeep.domain.identity import DEFAULT_TENANT, StationId
    from voltkeep.services.audit import audit
    from voltkeep.wiring import now

    async with app.store.begin() as work:
        await audit(work, DEFAULT_TENANT, now(), deed)
        everywhere = StationId(DEFAULT_TENANT, "")
        work.emit(RootsChanged(station=everywhere, at=now(), what=f"{deed.object}: {deed.action}"))
        await asyncio.to_thread(change)


def _private_key(path: Path, password_file: Path | None) -> Any:
    from voltkeep.pki import keys
    from voltkeep.services.authority import BadCertificate

    password = None if password_file is None else read_file(password_file).rstrip(b"\r\n")
    try:
        return keys.read(read_file(path), password)
    except BadCertificate as error:
        raise BadCertificate(f"{path}: {error}") from error


def read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Failure(f"{path} cannot be read: {error.strerror}.", code=ExitCode.USAGE) from error


def _text(path: Path) -> str:
    text = read_file(path).decode("ascii", errors="replace")
    if "-----BEGIN CERTIFICATE-----" not in text:
        raise Failure(
            f"{path} holds no certificate in PEM.",
            "The private key is a file of its own: --key."
            if "PRIVATE KEY-----" in text
            else "From DER: `openssl x509 -inform der`.",
            ExitCode.USAGE,
        )
    return text


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise Failure(
            f"{path} cannot be written: {error.strerror}.", code=ExitCode.USAGE
        ) from error


def _tell_brought(run: Run, brought: "Brought", words: str) -> None:
    _done(run, words)
    for warning in brought.warnings:
        run.out.say(f"Warning: {escape(warning)}.")
    run.out.say(_IN_USE)


def _done(run: Run, words: str) -> None:
    if run.out.as_json:
        run.out.data({"done": True})
    else:
        run.out.line(escape(words))
