"""`voltkeep ca roots`: foreign roots that we trust."""

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voltkeep.cli.command import Run, command
from voltkeep.cli.errors import ExitCode, Failure
from voltkeep.cli.text import instant

if TYPE_CHECKING:
    from voltkeep.domain.certificates import TrustAnchor
    from voltkeep.domain.identity import StationId

group = typer.Typer(
    help="Trust the roots of others: manufacturers', V2G, mobility operators'.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Station = Annotated[
    str | None,
    typer.Option(metavar="STATION", help="For this station only; else for all of the tenant."),
]
Tenant = Annotated[str, typer.Option(metavar="TENANT", help="Of which tenant.")]


class Use(enum.StrEnum):
    """What a root is trusted for."""

    MANUFACTURER = "manufacturer"
    V2G = "v2g"
    MO = "mo"
    CSMS = "csms"
    OEM = "oem"


@command(
    group,
    "add",
    examples=(
        "ca roots add maker.pem --use manufacturer",
        "ca roots add maker.pem --use manufacturer --for-clients --crl-url http://pki.example/a.crl",
    ),
)
async def add(
    run: Run,
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="One certificate in PEM.")],
    use: Annotated[
        Use | None,
        typer.Option(help="What it is trusted for. [default: manufacturer with --for-clients]"),
    ] = None,
    station: Station = None,
    for_clients: Annotated[
        bool,
        typer.Option("--for-clients", help="Let stations in with certificates right below it."),
    ] = False,
    crl: Annotated[
        Path | None, typer.Option("--crl", metavar="FILE", help="Its revocation list, PEM or DER.")
    ] = None,
    crl_url: Annotated[str, typer.Option(metavar="URL", help="Where its newest list is.")] = "",
    ocsp_url: Annotated[str, typer.Option(metavar="URL", help="Who answers for it (OCSP).")] = "",
    tenant: Tenant = "default",
) -> None:
    """Trust a root, or an issuer below one. With --for-clients its stations are let in.

    Whether one of its certificates is revoked is asked where you say here, and nowhere else.
    """
    from voltkeep.cli.ca import read_file
    from voltkeep.domain.certificates import RootUse

    if use is None and not for_clients:
        raise Failure(
            "It is not said what it is trusted for.",
            f"Give --use, one of {', '.join(Use)}; or --for-clients, to let its stations in.",
            ExitCode.USAGE,
        )
    use = use or Use.MANUFACTURER
    async with run.app() as app:
        anchor = await app.services.roots.add_anchor(
            _owner(station, tenant),
            RootUse[f"{use.name}_ROOT"],
            read_file(file).decode("ascii", errors="replace"),
            for_clients=for_clients,
            crl="" if crl is None else _crl(read_file(crl)),
            crl_url=crl_url,
            ocsp_url=ocsp_url,
        )
    if run.out.as_json:
        run.out.data(_plain(anchor))
        return
    run.out.line(f"Trusted: {anchor.id[:16]}, valid until {instant(anchor.not_after)}.")
    if for_clients and not (crl or crl_url or ocsp_url):
        run.out.say(
            "Nobody is asked whether its certificates are revoked: with `revocation_check` strict "
            "they are refused. Give --crl, --crl-url or --ocsp-url."
        )


@command(group, "list")
async def list_(run: Run, tenant: Tenant = "default") -> None:
    """Foreign roots that we trust."""
    from voltkeep.domain.identity import TenantId

    async with run.app() as app:
        anchors = await app.services.roots.anchors(TenantId(tenant))
    if run.out.as_json:
        run.out.data([_plain(each) for each in anchors])
        return
    if not anchors:
        run.out.say("None. `voltkeep ca roots add FILE --use manufacturer` adds one.")
        return
    rows = [
        (
            each.id[:16],
            each.use.value,
            each.station.name or "all",
            "yes" if each.for_clients else "no",
            instant(each.not_after),
            each.subject,
        )
        for each in anchors
    ]
    run.out.table(("ID", "USE", "STATION", "CLIENTS", "VALID UNTIL", "SUBJECT"), rows)


@command(group, "remove", examples=("ca roots remove 3f1c9a2b --yes",))
async def remove(
    run: Run,
    id: Annotated[str, typer.Argument(metavar="ID", help="As `list` shows it, or its beginning.")],
    station: Station = None,
    tenant: Tenant = "default",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Trust a root no longer: from their next connection its stations are refused."""
    run.confirm(id, yes=yes)
    async with run.app() as app:
        anchor = await app.services.roots.remove_anchor(_owner(station, tenant), id)
    if run.out.as_json:
        run.out.data(_plain(anchor))
    else:
        run.out.line(f"{anchor.id[:16]} is not trusted any more.")


def _owner(station: str | None, tenant: str) -> "StationId":
    from voltkeep.domain.identity import StationId, TenantId, parse_station

    return StationId(TenantId(tenant), "") if station is None else parse_station(station)


def _crl(content: bytes) -> str:
    """A revocation list as it is kept: PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    is_pem = content.lstrip().startswith(b"-----BEGIN")
    try:
        crl = x509.load_pem_x509_crl(content) if is_pem else x509.load_der_x509_crl(content)
    except ValueError as error:
        raise Failure("That is no revocation list.", str(error), ExitCode.USAGE) from error
    return crl.public_bytes(Encoding.PEM).decode()


def _plain(anchor: "TrustAnchor") -> dict[str, Any]:
    return {
        "id": anchor.id,
        "use": anchor.use.value,
        "station": str(anchor.station) if anchor.station.name else None,
        "for_clients": anchor.for_clients,
        "subject": anchor.subject,
        "not_after": anchor.not_after,
        "has_crl": bool(anchor.crl),
        "crl_url": anchor.crl_url,
        "ocsp_url": anchor.ocsp_url,
    }
