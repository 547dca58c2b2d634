"""Firmware: the images that stations are updated with, and what became of each update."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated

from litestar import delete, get, post, put
from litestar.params import FromPath, HeaderParameter, JSONBody, QueryParameter
from msgspec import Struct

from voltkeep.domain.accounts import Permission
from voltkeep.domain.firmware import FirmwareImage, FirmwareUpdate, StatusSaid, UpdateState
from voltkeep.web.access import Given, Known, Paging, Who, check_sees_every_site
from voltkeep.web.looks import LOOK, Looking
from voltkeep.web.openapi import CONTENT
from voltkeep.web.paging import Page, page_of_records
from voltkeep.web.problems import Asked, NotThere

_AT = datetime(2026, 5, 2, 9, 30, tzinfo=UTC)
_Filename = Annotated[str, QueryParameter(max_length=200, description="As stations are told.")]


class ImageOut(Struct, frozen=True, kw_only=True):
    """A firmware image. ``url`` says where it is, if it is not here."""

    id: str
    filename: str
    url: str
    size_bytes: int
    sha256: str
    is_signed: bool
    signing_certificate: str
    added_at: datetime


class ImageElsewhere(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An image on somebody else's server."""

    id: str
    url: str
    signature: str = ""
    signing_certificate: str = ""


class UpdateOut(Struct, frozen=True, kw_only=True):
    """One request to update a station. ``status`` is its last word; ``said`` are all of them."""

    id: str
    station: str
    state: UpdateState
    image: str
    is_signed: bool
    requested_at: datetime
    changed_at: datetime
    status: str
    said: tuple[StatusSaid, ...]


def image_out(image: FirmwareImage) -> ImageOut:
    """An image as the API shows it."""
    return ImageOut(
        id=image.id,
        filename=image.filename,
        url=image.url,
        size_bytes=image.size,
        sha256=image.sha256,
        is_signed=bool(image.signature),
        signing_certificate=image.signing_certificate,
        added_at=image.at,
    )


def update_out(update: FirmwareUpdate) -> UpdateOut:
    """An update as the API shows it."""
    return UpdateOut(
        id=update.id,
        station=update.station.name,
        state=update.state,
        image=update.image,
        is_signed=update.is_signed,
        requested_at=update.requested_at,
        changed_at=update.at,
        status=update.status,
        said=update.said,
    )


@get("/firmware-images", needs=Permission.READ_STATIONS, dependencies=LOOK)
async def list_images(
    request: Asked, principal: Who, services: Given, cursors: Paging, look: Looking
) -> Page[ImageOut]:
    """Firmware images. The command `UpdateFirmware` updates a station with one."""
    async with services.read() as work:
        found = await work.images.page(principal.tenant, look)
    return page_of_records(request, cursors, look, found, image_out)


@get("/firmware-images/{image:str}", needs=Permission.READ_STATIONS)
async def show_image(image: FromPath[str], principal: Who, services: Given) -> ImageOut:
    """One firmware image."""
    if principal.sites is not None:
        raise NotThere(f"there is no image {image[:60]}")
    return image_out(await services.firmware.images.get(principal.tenant, image))


@put(
    "/firmware-images/{image:str}/content",
    needs=Permission.SEND_TECHNICAL,
    status_code=201,
    request_max_body_size=None,
    opt={CONTENT: {"application/octet-stream": "the file"}},
)
async def upload_image(
    image: FromPath[str],
    filename: _Filename,
    request: Asked,
    principal: Who,
    services: Given,
    length: Annotated[
        int | None, HeaderParameter(name="Content-Length", schema_extra={"readOnly": True})
    ] = None,
) -> ImageOut:
    """Keep a file to serve, unsigned yet: the body is the file."""
    check_sees_every_site(principal, "images are")

    async def content() -> AsyncIterator[bytes]:
        async for block in request.stream():
            yield block

    added = await services.firmware.images.add(
        principal.tenant, image, filename, content(), size=length
    )
    return image_out(added)


@post("/firmware-images", needs=Permission.SEND_TECHNICAL)
async def add_image_elsewhere(
    data: JSONBody[ImageElsewhere], principal: Who, services: Given
) -> ImageOut:
    """Add an image that stations fetch from somebody else's server."""
    check_sees_every_site(principal, "images are")
    added = await services.firmware.images.add_elsewhere(
        principal.tenant,
        data.id,
        data.url,
        signature=data.signature,
        signing_certificate=data.signing_certificate,
    )
    return image_out(added)


@delete("/firmware-images/{image:str}", needs=Permission.SEND_TECHNICAL)
async def remove_image(image: FromPath[str], principal: Who, services: Given) -> None:
    """Forget an image and its file; updates with it that are not over cannot fetch it any more."""
    check_sees_every_site(principal, "images are")
    await services.firmware.images.remove(principal.tenant, image)


@get("/firmware-updates", needs=Permission.READ_STATIONS, states=UpdateState, dependencies=LOOK)
async def list_updates(
    request: Asked, principal: Who, services: Given, cursors: Paging, look: Looking
) -> Page[UpdateOut]:
    """Updates that stations were asked for, and what became of them."""
    async with services.read() as work:
        found = await work.updates.page(principal.tenant, look)
    return page_of_records(request, cursors, look, found, update_out)


@get("/stations/{station:str}/firmware-updates/{update:str}", needs=Permission.READ_STATIONS)
async def show_update(known: Known, update: FromPath[str], services: Given) -> UpdateOut:
    """One update of a station."""
    return update_out(await services.firmware.get(known.id, update))


ROUTES = [
    list_images,
    show_image,
    upload_image,
    add_image_elsewhere,
    remove_image,
    list_updates,
    show_update,
]

EXAMPLES = [
    ImageOut(
        id="wallbox-1.5.0",
        filename="wallbox-1.5.0.bin",
        url="",
        size_bytes=8_388_608,
        sha256="6f1c2a" + "0" * 58,
        is_signed=True,
        signing_certificate="-----BEGIN CERTIFICATE-----\nMIIB...\n-----END CERTIFICATE-----\n",
        added_at=_AT,
    ),
    ImageElsewhere(id="wallbox-1.5.0", url="https://firmware.example/wallbox-1.5.0.bin"),
    UpdateOut(
        id="42",
        station="CP-1001",
        state=UpdateState.RUNNING,
        image="wallbox-1.5.0",
        is_signed=True,
        requested_at=_AT,
        changed_at=_AT,
        status="Downloading",
        said=(StatusSaid(status="Downloading", at=_AT),),
    ),
]
