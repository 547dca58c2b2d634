"""How securely simulated stations connect: what the options of `voltkeep sim run` come to."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple
from urllib.parse import urlsplit

import typer

from voltkeep.cli.command import Run
from voltkeep.cli.errors import ExitCode, Failure
from voltkeep.domain.stations import SecurityProfile

if TYPE_CHECKING:
    from voltkeep.sim import Credentials

Profile = Annotated[
    int | None,
    typer.Option(
        "--security-profile",
        min=0,
        max=3,
        help="1 with a key, 2 over TLS, 3 with a certificate. [default: as the URL says, else 1]",
    ),
]
Authority = Annotated[
    Path | None,
    typer.Option(
        "--ca",
        metavar="FILE",
        help="Roots that they believe, in PEM. [default: ours at our server, else the machine's]",
    ),
]
Certificate = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="Their certificate and its chain; {id} is who shows it."),
]
Key = Annotated[
    str | None, typer.Option(metavar="FILE", help="The key of the certificate; {id} likewise.")
]
Insecure = Annotated[
    bool, typer.Option("--insecure", help="Believe any server, whatever it shows.")
]


class Wanted(NamedTuple):
    """The options."""

    profile: int | None
    authority: Path | None
    certificate: str | None
    key: str | None
    insecure: bool

    @property
    def security_profile(self) -> SecurityProfile:
        """What to look for an address of ours by."""
        if self.profile is not None:
            return SecurityProfile(self.profile)
        return SecurityProfile.TLS_CERTIFICATE if self.certificate else SecurityProfile.BASIC

    def at(self, url: str) -> SecurityProfile:
        """What they connect with to a URL, which says it if nothing else does."""
        if self.profile is None and not self.certificate and url.startswith("wss:"):
            return SecurityProfile.TLS_BASIC
        return self.security_profile


def credentials(
    run: Run, wanted: Wanted, ids: Sequence[str], url: str
) -> tuple["Credentials", dict[str, "Credentials"]]:
    """What all stations have that connect to this URL, and each of them if it has a certificate.

    Raises Failure.
    """
    from voltkeep.sim import Credentials

    if wanted.insecure:
        run.out.say("--insecure: these stations believe any server. Never give them a real key.")
    roots = _roots(run, wanted, url)
    shared = Credentials(roots=roots, verify=not wanted.insecure)
    if (wanted.certificate is None) is not (wanted.key is None):
        raise Failure(
            "A certificate and its key go together.",
            "Give both --certificate and --key.",
            ExitCode.USAGE,
        )
    if wanted.certificate is None or wanted.key is None:
        if wanted.security_profile is SecurityProfile.TLS_CERTIFICATE:
            raise Failure(
                "Security profile 3 needs a certificate of each station.",
                "Give --certificate and --key, with {id} in the name of each file.",
                ExitCode.USAGE,
            )
        return shared, {}
    return shared, {
        id: _own(
            wanted.certificate.replace("{id}", id),
            wanted.key.replace("{id}", id),
            Credentials(roots=roots, verify=not wanted.insecure),
        )
        for id in ids
    }


def _own(certificate: str, key: str, shared: "Credentials") -> "Credentials":
    """With what a station shows. Raises Failure, which names the file."""
    from voltkeep.sim.trust import is_own

    chain, private = _certificates(certificate), _read(key)
    if "PRIVATE KEY-----" not in private:
        raise Failure(f"{key} holds no private key.", "It goes with --key.", ExitCode.USAGE)
    try:
        fits = is_own(chain, private)
    except (ValueError, TypeError) as error:  # TypeError: it has a password
        raise Failure(
            f"The private key in {key} cannot be read.",
            "Stations keep theirs without a password: `openssl pkey -in FILE` takes it off.",
            ExitCode.USAGE,
        ) from error
    if not fits:
        raise Failure(f"{key} is not the key of {certificate}.", code=ExitCode.USAGE)
    return replace(shared, certificate=chain, key=private)


def check_url(url: str) -> str:
    """Where stations can connect. Raises Failure."""
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in {"ws", "wss"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # the port is none
        is_good = False
    if not is_good:
        raise Failure(
            f"{url} is no address that stations connect to.",
            "It begins with ws:// or, over TLS, wss://: `voltkeep station add` shows ours.",
            ExitCode.USAGE,
        )
    return url


def _roots(run: Run, wanted: Wanted, url: str) -> str:
    from voltkeep.cli.addresses import is_our_tls

    if wanted.authority is not None:
        return _certificates(str(wanted.authority))
    root = run.settings.pki_path / "root.pem"
    if root.exists() and is_our_tls(run.settings, url):
        return _certificates(str(root))
    return ""


def _certificates(name: str) -> str:
    from voltkeep.sim.trust import parse

    text = _read(name)
    try:
        parse(text)
    except ValueError as error:
        raise Failure(
            f"{name} holds no certificate that can be read.",
            "A private key is given with --key." if "PRIVATE KEY-----" in text else "",
            ExitCode.USAGE,
        ) from error
    return text


def _read(name: str) -> str:
    try:
        text = Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise Failure(f"Cannot read {name}: {reason}.", "", ExitCode.USAGE) from error
    if "-----BEGIN " not in text:
        raise Failure(f"{name} is not PEM.", "Convert it with `openssl`.", ExitCode.USAGE)
    return text
