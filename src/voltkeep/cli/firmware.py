"""`voltkeep firmware`: images, their signatures, and the updates of stations."""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voltkeep.cli.command import Run, command
from voltkeep.cli.errors import ExitCode, Failure
from voltkeep.cli.log import LOOK_EVERY_S, By, Moment, Retries, RetryInterval, Wait, utc, via
from voltkeep.cli.output import Cell
from voltkeep.cli.station import Name
from voltkeep.cli.text import instant

if TYPE_CHECKING:
    from voltkeep.app import App
    from voltkeep.domain.firmware import FirmwareImage, FirmwareUpdate
    from voltkeep.domain.identity import StationId, TenantId

group = typer.Typer(
    help="Keep firmware, sign it, and update stations with it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Image = Annotated[str, typer.Argument(metavar="IMAGE", help="What you call the image.")]
Tenant = Annotated[str, typer.Option(metavar="TENANT", help="Of which tenant.")]
SignatureFile = Annotated[
    Path | None,
    typer.Option("--signature", metavar="FILE", help="Its signature in base64, made elsewhere."),
]
CertificateFile = Annotated[
    Path | None,
    typer.Option("--certificate", metavar="FILE", help="The signing certificate, in PEM."),
]
_BLOCK_BYTES = 256 * 1024
_BAD = {"failed", "refused", "cancelled"}


def _tenant(name: str) -> "TenantId":
    from voltkeep.domain.identity import station_id

    return station_id("any", name).tenant


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Failure(f"{path} cannot be read: {error.strerror}.", code=ExitCode.USAGE) from error


def _text(path: Path | None) -> str:
    return "" if path is None else _read(path).decode("ascii", "replace").strip()


# --- images -------------------------------------------------------------------------------------


@command(
    group,
    "add",
    examples=(
        "firmware add v2.1 ./station-2.1.bin",
        "firmware add v2.1 ./station-2.1.bin --signature v2.1.sig --certificate maker.pem",
        "firmware add v2.1 --url https://maker.example.org/station-2.1.bin",
    ),
)
async def add(
    run: Run,
    image: Image,
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="The file itself.")] = None,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="Where stations fetch it, if not from us.")
    ] = None,
    signature: SignatureFile = None,
    certificate: CertificateFile = None,
    tenant: Tenant = "default",
) -> None:
    """Keep a firmware image, to be fetched by stations."""
    if (file is None) == (url is None):
        raise Failure("Give either a file or --url.", code=ExitCode.USAGE)
    if file is not None and not file.is_file():
        raise Failure(f"{file} is no file.", code=ExitCode.USAGE)
    seal = {"signature": _text(signature), "signing_certificate": _text(certificate)}
    async with run.app() as app:
        images = app.services.firmware.images
        if url is not None:
            added = await images.add_elsewhere(_tenant(tenant), image, url, **seal)
        else:
            assert file is not None
            size = file.stat().st_size
            added = await images.add(
                _tenant(tenant), image, file.name, _blocks(file), size=size, **seal
            )
    _show(run, added)


async def _blocks(path: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(path.open, "rb") as file:
        while block := await asyncio.to_thread(file.read, _BLOCK_BYTES):
            yield block


def _show(run: Run, image: "FirmwareImage") -> None:
    if run.out.as_json:
        run.out.data(_plain_image(image))
        return
    run.out.pairs(
        [
            ("Image", image.id),
            ("File", image.filename if image.stored_as else image.url),
            ("Size", f"{image.size} bytes" if image.stored_as else ""),
            ("SHA-256", image.sha256),
            ("Signed", _signed(image)),
        ]
    )


def _signed(image: "FirmwareImage") -> Cell:
    return Cell("yes", "green") if image.signature else Cell("no", "yellow")


def _plain_image(image: "FirmwareImage") -> dict[str, Any]:
    """An image for programs."""
    return {
        "image": image.id,
        "filename": image.filename,
        "url": image.url,
        "size": image.size,
        "sha256": image.sha256,
        "is_signed": bool(image.signature),
        "signature": image.signature,
        "signing_certificate": image.signing_certificate,
        "at": image.at,
    }


@command(group, "list")
async def list_(run: Run, tenant: Tenant = "default") -> None:
    """Every image."""
    async with run.app() as app:
        images = await app.services.firmware.images.all(_tenant(tenant))
    if run.out.as_json:
        run.out.data([_plain_image(each) for each in images])
        return
    if not images:
        run.out.say("No image. Add one: `voltkeep firmware add NAME FILE`.")
        return
    run.out.table(
        ("IMAGE", "SIGNED", "SIZE", "FILE", "AT"),
        [
            (
                each.id,
                _signed(each),
                str(each.size or ""),
                each.url or each.filename,
                instant(each.at),
            )
            for each in images
        ],
    )


@command(group, "remove", examples=("firmware remove v2.0",))
async def remove(run: Run, image: Image, tenant: Tenant = "default") -> None:
    """Forget an image and its file. Stations that are to fetch it cannot any more."""
    async with run.app() as app:
        await app.services.firmware.images.remove(_tenant(tenant), image)
    if run.out.as_json:
        run.out.data({"image": image, "removed": True})
    else:
        run.out.line(f"Image {image} is gone.")


@command(
    group,
    "sign",
    examples=("firmware sign v2.1 --key signing.key --certificate signing.pem",),
)
async def sign(
    run: Run,
    image: Image,
    key: Annotated[Path, typer.Option(metavar="FILE", help="The signing key, in PEM.")],
    certificate: Annotated[
        Path, typer.Option(metavar="FILE", help="The signing certificate, in PEM.")
    ],
    password_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The password of the key, if it has one.")
    ] = None,
    tenant: Tenant = "default",
    *,
    replace: Annotated[
        bool, typer.Option("--replace", help="In place of the signature that it has.")
    ] = False,
) -> None:
    """Sign an image (RSA-PSS or ECDSA, SHA-256, over the whole file)."""
    async with run.app() as app:
        signed = await app.services.firmware.images.sign(
            _tenant(tenant),
            image,
            key=_read(key),
            password=None if password_file is None else _read(password_file).strip(),
            signing_certificate=_text(certificate),
            replace=replace,
        )
    _show(run, signed)


@command(group, "make-key", examples=("firmware make-key --out signing",))
async def make_key(
    run: Run,
    out: Annotated[Path, typer.Option(metavar="NAME", help="Written: NAME.key and NAME.pem.")],
    name: Annotated[str, typer.Option(help="The CN of its certificate.")] = "Firmware signing",
    tenant: Tenant = "default",
) -> None:
    """Make a signing key with a certificate of our own authority.

    Stations must trust the issuer for firmware first; a manufacturer's signature is better.
    """
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    from voltkeep.wiring import now

    paths = [out.with_name(out.name + suffix) for suffix in (".key", ".pem")]
    for path in paths:
        if path.exists():
            raise Failure(f"{path} is there already.", "Choose another name with --out.")
    async with run.app() as app:
        issued, key = await asyncio.to_thread(app.authority.make_signing, name, now())
        await app.services.firmware.images.made_key(_tenant(tenant), issued)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    _write_private(paths[0], pem)
    certificate = issued.pem[: issued.pem.index("-----END CERTIFICATE-----")]
    paths[1].write_text(f"{certificate}-----END CERTIFICATE-----\n")
    issuer = f"issuer-{issued.issuer}"
    if run.out.as_json:
        names = {"key": os.fspath(paths[0]), "certificate": os.fspath(paths[1])}
        run.out.data(names | {"issuer": issuer})
        return
    run.out.line(f"Wrote {paths[0]} (keep it secret) and {paths[1]}, signed by {issuer}.")
    run.out.say(
        f"Stations take it once they trust {issuer} for firmware:\n"
        f"  voltkeep ca export {issuer} --out {issuer}.pem\n"
        f"  voltkeep certificate install STATION {issuer}.pem --use manufacturer\n"
        "So do we, where manufacturers' roots are known:\n"
        f"  voltkeep ca roots add {issuer}.pem --use manufacturer"
    )


def _write_private(path: Path, content: bytes) -> None:
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(content)


# --- updates ------------------------------------------------------------------------------------


@command(
    group,
    "update",
    examples=(
        "firmware update CS-01 v2.1 --wait 900",
        "firmware update CS-01 v2.1 --install-at 2030-01-01T02:00:00Z",
    ),
)
async def update(
    run: Run,
    name: Name,
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="Which image.")],
    *,
    retrieve_at: Annotated[datetime | None, Moment] = None,
    install_at: Annotated[datetime | None, Moment] = None,
    retries: Retries = None,
    retry_interval: RetryInterval = None,
    by: By = None,
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="URL", help="From a server of yours, and not from us."),
    ] = None,
    unsigned: Annotated[
        bool, typer.Option("--unsigned", help="Leave the signature away, as OCPP 1.6 once did.")
    ] = False,
    signature: SignatureFile = None,
    certificate: CertificateFile = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Send signature and certificate unchecked, even wrong ones."),
    ] = False,
    wait: Wait = None,
) -> None:
    """Have a station fetch and install an image."""
    from voltkeep.domain.identity import parse_station
    from voltkeep.services.firmware import Wish

    station = parse_station(name)
    wish = Wish(
        image=image,
        retrieve_at=utc(retrieve_at),
        install_at=utc(install_at),
        retries=retries,
        retry_interval_s=retry_interval,
        via=via(by),
        location=source,
        unsigned=unsigned,
        signature=None if signature is None else _text(signature),
        signing_certificate=None if certificate is None else _text(certificate),
        force=force,
    )
    async with run.app() as app:
        asked = await app.services.firmware.update(station, wish)
        found = asked.update
        if asked.outcome.accepted and wait is not None:
            found = await _ended(app, station, found.id, wait)
    if run.out.as_json:
        run.out.data(_plain(found))
    else:
        run.out.pairs(_rows(found))
    if found.state in _BAD:
        raise Failure(
            f"Update {found.id} of {station} is {found.state}: {found.status}.",
            f"`voltkeep station tail {station.quoted} --no-follow` shows what was said.",
        )
    if wait is None:
        run.out.say(f"`voltkeep firmware status {station.quoted}` tells how far it is.")


async def _ended(app: "App", station: "StationId", id: str, patience: float) -> "FirmwareUpdate":
    """The update once it has ended. Raises Failure when that takes too long."""
    from voltkeep.domain.firmware import OPEN_UPDATE_STATES

    try:
        async with asyncio.timeout(patience):
            while True:
                update = await app.services.firmware.get(station, id)
                if update.state not in OPEN_UPDATE_STATES:
                    return update
                await asyncio.sleep(LOOK_EVERY_S)
    except TimeoutError:
        raise Failure(
            f"Update {id} of {station} has not ended in {patience:g} s.",
            f"It may still end: `voltkeep firmware status {station.quoted}`.",
            ExitCode.UNREACHABLE,
        ) from None


def _rows(update: "FirmwareUpdate") -> list[tuple[str, Cell | str]]:
    said = ", ".join(f"{each.status} {instant(each.at)}" for each in update.said)
    return [
        ("Number", update.id),
        ("Station", str(update.station)),
        ("Image", update.image),
        ("Signed", "yes" if update.is_signed else "no"),
        ("State", _state(update)),
        ("Station says", update.status),
        ("From", update.location),
        ("So far", said),
    ]


def _state(update: "FirmwareUpdate") -> Cell:
    word = str(update.state)
    return Cell(word, "green" if word == "installed" else "red" if word in _BAD else "")


def _plain(update: "FirmwareUpdate") -> dict[str, Any]:
    """An update for programs."""
    return {
        "station": str(update.station),
        "number": update.id,
        "image": update.image,
        "is_signed": update.is_signed,
        "state": update.state,
        "status": update.status,
        "said": [{"status": each.status, "at": each.at} for each in update.said],
        "location": update.location,
        "requested_at": update.requested_at,
        "at": update.at,
    }


@command(group, "status", examples=("firmware status", "firmware status CS-01"))
async def status(
    run: Run, name: Annotated[str | None, typer.Argument(metavar="STATION", help="Of this.")] = None
) -> None:
    """Updates and how far they are, the latest changed first."""
    from voltkeep.domain.identity import parse_station

    station = None if name is None else parse_station(name)
    async with run.app() as app:
        updates = await app.services.firmware.updates(station)
    if run.out.as_json:
        run.out.data([_plain(each) for each in updates])
        return
    if not updates:
        run.out.say("No update. Begin one: `voltkeep firmware update STATION IMAGE`.")
        return
    run.out.table(
        ("NUMBER", "STATION", "IMAGE", "SIGNED", "STATE", "SAYS", "AT"),
        [
            (
                each.id,
                str(each.station),
                each.image,
                "yes" if each.is_signed else "no",
                _state(each),
                each.status,
                instant(each.at),
            )
            for each in updates
        ],
    )
