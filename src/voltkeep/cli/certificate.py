"""`voltkeep certificate`: stations' certificates, and the roots that stations have."""

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voltkeep.cli.command import Run, command
from voltkeep.cli.errors import ExitCode, Failure
from voltkeep.cli.output import Cell
from voltkeep.cli.station import Name
from voltkeep.cli.station_command import Timeout, answer
from voltkeep.cli.text import count, instant

if TYPE_CHECKING:
    from voltkeep.domain.certificates import InstalledCertificate, IssuedCertificate, RootUse
    from voltkeep.domain.identity import TenantId

group = typer.Typer(
    help="Issue, renew and revoke stations' certificates, and install roots in stations.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Serial = Annotated[
    str, typer.Argument(metavar="SERIAL", help="The serial number, in hex, as `list` shows it.")
]
OfStation = Annotated[
    str | None, typer.Option("--station", metavar="STATION", help="Of this one; else of all.")
]
Tenant = Annotated[str, typer.Option(metavar="TENANT", help="Of which tenant.")]
_GOOD = {"active", "accepted"}
_BAD = {"rejected", "revoked", "failed", "refused"}


class Use(enum.StrEnum):
    """What a station trusts a root for."""

    CSMS = "csms"
    MANUFACTURER = "manufacturer"
    V2G = "v2g"
    MO = "mo"
    OEM = "oem"


def _use(use: Use) -> "RootUse":
    from voltkeep.domain.certificates import RootUse

    return RootUse[f"{use.name}_ROOT"]


class Check(enum.StrEnum):
    """How a name is looked at."""

    STRICT = "strict"
    VALUE = "value"
    OFF = "off"


class Reason(enum.StrEnum):
    """Why a certificate is revoked (RFC 5280, 5.3.1)."""

    UNSPECIFIED = "unspecified"
    KEY_COMPROMISE = "key-compromise"
    AFFILIATION_CHANGED = "affiliation-changed"
    SUPERSEDED = "superseded"
    CESSATION_OF_OPERATION = "cessation-of-operation"


@command(group, "list", examples=("certificate list", "certificate list --station CS-01"))
async def list_(
    run: Run,
    station: OfStation = None,
    limit: Annotated[int, typer.Option(min=1, help="How many, the latest changed.")] = 100,
) -> None:
    """Certificates that we have issued to stations, the latest changed first."""
    from voltkeep.domain.identity import parse_station

    of = None if station is None else parse_station(station)
    async with run.app() as app:
        found = await app.services.certificates.all(station=of, limit=limit)
    if run.out.as_json:
        run.out.data([_plain(each) for each in found])
        return
    if not found:
        run.out.say("No certificate. Have a station ask: `voltkeep certificate renew STATION`.")
        return
    run.out.table(
        ("SERIAL", "STATION", "STATE", "SUBJECT", "EXPIRES", "PROBLEM"),
        [
            (
                each.id,
                str(each.station),
                _state(each.state),
                each.subject,
                instant(each.not_after),
                each.problem,
            )
            for each in found
        ],
    )


def _state(word: str) -> Cell:
    return Cell(word, "green" if word in _GOOD else "red" if word in _BAD else "")


def _plain(certificate: "IssuedCertificate | InstalledCertificate") -> dict[str, Any]:
    """A certificate for programs."""
    import msgspec

    return msgspec.structs.asdict(certificate) | {"station": str(certificate.station)}


@command(group, "show", examples=("certificate show 4f1c…", "certificate show 4f1c… --pem"))
async def show(
    run: Run,
    serial: Serial,
    pem: Annotated[bool, typer.Option("--pem", help="The chain in PEM, and nothing else.")] = False,
    tenant: Tenant = "default",
) -> None:
    """What is known of one certificate."""
    async with run.app() as app:
        found = await app.services.certificates.get(serial, _tenant(tenant))
    if run.out.as_json:
        run.out.data(_plain(found))
        return
    if pem:
        for line in found.pem.splitlines():
            run.out.line(line)
        return
    run.out.pairs(
        [
            ("Serial number", found.id),
            ("Station", str(found.station)),
            ("State", _state(found.state)),
            ("Since", instant(found.at)),
            ("Subject", found.subject),
            ("Issuer", found.issuer),
            ("Valid from", instant(found.not_before)),
            ("Valid until", instant(found.not_after)),
            ("SHA-256", found.fingerprint),
            ("Sent", count(found.sends, "time")),
            ("Problem", found.problem),
            ("Revoked", instant(found.revoked_at)),
        ]
    )


def _tenant(name: str) -> "TenantId":
    from voltkeep.domain.identity import station_id

    return station_id("any", name).tenant


@command(group, "requests", examples=("certificate requests --station CS-01",))
async def requests(run: Run, station: OfStation = None) -> None:
    """What stations asked to have signed, and what became of it, the latest first.

    Requests that were refused at once are in `voltkeep security alerts`.
    """
    import msgspec

    from voltkeep.domain.identity import parse_station

    of = None if station is None else parse_station(station)
    async with run.app() as app:
        found = await app.services.certificates.requests(station=of)
    if run.out.as_json:
        run.out.data(
            [msgspec.structs.asdict(each) | {"station": str(each.station)} for each in found]
        )
        return
    if not found:
        run.out.say("No request.")
        return
    run.out.table(
        ("WHEN", "STATION", "STATE", "SUBJECT"),
        [(instant(each.at), str(each.station), _state(each.state), each.subject) for each in found],
    )


@command(group, "renew", examples=("certificate renew CS-01", "certificate renew CS-01 --prepare"))
async def renew(
    run: Run,
    name: Name,
    prepare: Annotated[
        bool,
        typer.Option(
            "--prepare", help="First tell it which organization to name: its CpoName is not set."
        ),
    ] = False,
    timeout: Timeout = None,
) -> None:
    """Have a station make a new key and ask for a certificate. It is signed and sent at once."""
    from voltkeep.domain.identity import parse_station

    station = parse_station(name)
    async with run.app() as app:
        asked = app.services.certificates.renew(station, prepare=prepare)
        await answer(run, station, "renew", asked, timeout)
    shows = f"`voltkeep certificate list --station {station.quoted}`"
    run.out.say(f"{shows} shows how far it has come.")


@command(
    group,
    "expect",
    examples=(
        "certificate expect CS-01 --serial-number SN-4711",
        "certificate expect CS-01 --name value --name-value factory-0815",
    ),
)
async def expect(
    run: Run,
    station: Name,
    serial_number: Annotated[
        str | None, typer.Option(help="Its serial number, whatever it says at boot.")
    ] = None,
    name: Annotated[
        Check | None, typer.Option(help="How the name (CN) is looked at, for this station.")
    ] = None,
    name_value: Annotated[str | None, typer.Option(help="What it must be, with `value`.")] = None,
    organization: Annotated[
        Check | None, typer.Option(help="How the organization (O) is looked at.")
    ] = None,
    organization_value: Annotated[
        str | None, typer.Option(help="What it must be, with `value`.")
    ] = None,
    *,
    forget_pin: Annotated[
        bool,
        typer.Option("--forget-pin", help="Where names are off: take another certificate next."),
    ] = False,
) -> None:
    """Say which names the certificate of a station must bear; without options, only show them."""
    import msgspec

    from voltkeep.domain.identity import parse_station
    from voltkeep.domain.stations import NameCheck
    from voltkeep.services.certificates import Names

    names = Names(
        serial_number=serial_number,
        common_name=NameCheck(name) if name else None,
        common_name_value=name_value,
        organization=NameCheck(organization) if organization else None,
        organization_value=organization_value,
        forget_pin=forget_pin,
    )
    id_ = parse_station(station)
    async with run.app() as app:
        trust = await app.services.certificates.expect(id_, names)
    if run.out.as_json:
        secret = ("next_key_hash",)
        plain = msgspec.structs.asdict(trust)
        run.out.data({key: value for key, value in plain.items() if key not in secret})
        return
    run.out.pairs(
        [
            ("Serial number", trust.serial_number or "as it says at boot"),
            ("Name (CN)", trust.common_name or "as everywhere"),
            ("It must be", trust.common_name_value),
            ("Organization (O)", trust.organization or "as everywhere"),
            ("It must be", trust.organization_value),
            ("Pinned", trust.pin),
        ]
    )


@command(
    group,
    "revoke",
    examples=("certificate revoke 4f1c… --reason key-compromise --disconnect",),
)
async def revoke(
    run: Run,
    serial: Serial,
    reason: Annotated[Reason, typer.Option(help="Why, for the revocation list.")] = (
        Reason.UNSPECIFIED
    ),
    disconnect: Annotated[
        bool, typer.Option("--disconnect", help="Close the station's connection as well.")
    ] = False,
    tenant: Tenant = "default",
) -> None:
    """Let nobody in with a certificate from now on."""
    from voltkeep.domain.certificates import RevocationReason

    async with run.app() as app:
        revoked = await app.services.certificates.revoke(
            serial, RevocationReason[reason.name], _tenant(tenant), disconnect=disconnect
        )
    if run.out.as_json:
        run.out.data(_plain(revoked))
    else:
        run.out.line(f"Certificate {revoked.id} of {revoked.station} is revoked.")


@command(
    group,
    "install",
    examples=(
        "certificate install CS-01",
        "certificate install CS-01 maker-root.pem --use manufacturer",
    ),
)
async def install(
    run: Run,
    name: Name,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="A root in PEM; without it, our own.")
    ] = None,
    use: Annotated[Use, typer.Option(help="What the station shall trust it for.")] = Use.CSMS,
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Send it though it cannot be right.")
    ] = False,
    timeout: Timeout = None,
) -> None:
    """Give a station a root certificate."""
    from voltkeep.domain.identity import parse_station

    station = parse_station(name)
    pem = None if file is None else _read(file)
    if pem is None and use is not Use.CSMS:
        raise Failure(f"Our own root is no {use} root.", "Name a file.", ExitCode.USAGE)
    async with run.app() as app:
        roots = app.services.roots
        asked = (
            roots.install_own(station)
            if pem is None
            else roots.install(station, _use(use), pem, force=force)
        )
        await answer(run, station, "install", asked, timeout)


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeError) as error:
        raise Failure(
            f"{file} cannot be read: {error}", "Name a file in PEM.", ExitCode.USAGE
        ) from error


@command(group, "installed", examples=("certificate installed CS-01 --use csms",))
async def installed(
    run: Run,
    name: Name,
    use: Annotated[Use | None, typer.Option(help="Of this use; else of all.")] = None,
    *,
    known: Annotated[
        bool, typer.Option("--known", help="As we know them, without asking the station.")
    ] = False,
) -> None:
    """Ask a station which root certificates it has."""
    from voltkeep.domain.identity import parse_station

    station = parse_station(name)
    async with run.app() as app:
        found = await app.services.roots.installed(
            station, None if use is None else _use(use), refresh=not known
        )
    if run.out.as_json:
        run.out.data([_plain(each) for each in found])
        return
    if not found:
        run.out.say("None.")
        return
    run.out.table(
        ("SERIAL", "USE", "STATE", "HASH", "FINGERPRINT", "PROBLEM"),
        [
            (
                each.hash_data.serial_number if each.hash_data else "",
                each.use,
                _state(each.state),
                each.hash_data.algorithm.value if each.hash_data else "",
                each.fingerprint[:16],
                each.problem,
            )
            for each in found
        ],
    )


@command(group, "delete", examples=("certificate delete CS-01 3f9a01",))
async def delete(
    run: Run,
    name: Name,
    which: Annotated[
        str,
        typer.Argument(
            metavar="SERIAL", help="Its serial number, or the beginning of its fingerprint."
        ),
    ],
    *,
    force: Annotated[
        bool,
        typer.Option("--force", help="Though the station could not trust this server without it."),
    ] = False,
    timeout: Timeout = None,
) -> None:
    """Take a root certificate from a station."""
    from voltkeep.domain.identity import parse_station

    station = parse_station(name)
    async with run.app() as app:
        asked = app.services.roots.delete(station, which, force=force)
        await answer(run, station, "delete", asked, timeout)
