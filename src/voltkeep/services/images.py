"""Firmware images: kept here or elsewhere, signed or not."""

import re
from collections.abc import AsyncIterator

from msgspec import structs

from voltkeep.config import Settings
from voltkeep.domain.audit import Deed
from voltkeep.domain.certificates import IssuedCertificate, RootUse
from voltkeep.domain.firmware import FirmwareImage
from voltkeep.domain.identity import StationId, TenantId
from voltkeep.services.audit import audit
from voltkeep.services.authority import BadCertificate, BadSignature, Files, Signatures
from voltkeep.services.ports import Begin, Clock, Read, Work
from voltkeep.services.transfers import Room, check_location, shown

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
_FILENAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._+()-]{0,99}")


class UnknownImage(LookupError):
    """No firmware image of that name."""


class ImageExists(ValueError):
    """There is an image of that name already."""


class BadImage(ValueError):
    """A name, a file or a signature that an image cannot have."""


def shelf(tenant: TenantId) -> StationId:
    """Images are the tenant's, not a station's."""
    return StationId(tenant, "")


async def image_of(work: Work, tenant: TenantId, id: str) -> FirmwareImage:
    """Raises UnknownImage."""
    image = await work.images.get(shelf(tenant), id)
    if image is None:
        raise UnknownImage(f"no firmware image is called {id}")
    return image


async def manufacturers(work: Work, station: StationId) -> list[str]:
    """The roots (PEM) that firmware of this station must come from; none: any may."""
    anchors = await work.anchors.of(shelf(station.tenant))
    if station.name:
        anchors += await work.anchors.of(station)
    return [each.pem for each in anchors if each.use is RootUse.MANUFACTURER_ROOT]


class Images:
    """The firmware that stations can be updated with."""

    def __init__(
        self,
        begin: Begin,
        read: Read,
        files: Files,
        signatures: Signatures,
        clock: Clock,
        settings: Settings,
    ) -> None:
        self._begin = begin
        self._read = read
        self._files = files
        self._signatures = signatures
        self._clock = clock
        self._room = Room(files, settings)
        self._quota = settings.upload_quota_bytes

    async def add(
        self,
        tenant: TenantId,
        id: str,
        filename: str,
        content: AsyncIterator[bytes],
        *,
        size: int | None = None,
        signature: str = "",
        signing_certificate: str = "",
    ) -> FirmwareImage:
        """Keep a file to serve. A signature that comes with it is checked (A00.FR.706).

        Raises ImageExists, BadImage, NoRoom, FileTooLarge.
        """
        await self._check_new(tenant, id, filename)
        async with self._room.receive(size, limit=self._quota) as file:
            async for block in content:
                await file.write(block)
            stored_as, length, sha256 = await file.keep()
        image = FirmwareImage(
            station=shelf(tenant),
            id=id,
            at=self._clock(),
            filename=filename,
            stored_as=stored_as,
            size=length,
            sha256=sha256,
        )
        try:
            if not length:
                raise BadImage("the file is empty")
            if signature or signing_certificate:
                image = await self._sealed(image, signature, signing_certificate)
            await self._put_new(image)
        except BaseException:
            await self._files.remove(stored_as)
            raise
        return image

    async def add_elsewhere(
        self,
        tenant: TenantId,
        id: str,
        url: str,
        *,
        signature: str = "",
        signing_certificate: str = "",
    ) -> FirmwareImage:
        """A file that stations fetch from somebody else's server. Raises as `add`, BadLocation."""
        check_location(url)
        await self._check_new(tenant, id, id)
        image = FirmwareImage(
            station=shelf(tenant),
            id=id,
            at=self._clock(),
            filename=id,
            url=url,
            signature=signature,
            signing_certificate=signing_certificate,
        )
        await self._put_new(image)
        return image

    async def sign(
        self,
        tenant: TenantId,
        id: str,
        *,
        key: bytes,
        password: bytes | None,
        signing_certificate: str,
        replace: bool = False,
    ) -> FirmwareImage:
        """Sign a file of ours with the key of a signing certificate (L01.FR.04).

        Unless with ``replace``, a signature that it has is kept, and BadImage says so.

        Raises UnknownImage, BadImage.
        """
        image = await self.get(tenant, id)
        if not image.sha256:
            raise BadImage(f"{id} is kept elsewhere: sign it there, and add it with its signature")
        if image.signature and not replace:
            raise BadImage(f"{id} has a signature already: --replace puts this one in its place")
        try:
            signature = self._signatures.sign(image.sha256, key, password, signing_certificate)
        except BadCertificate as error:
            raise BadImage(str(error)) from error
        return await self.seal(tenant, id, signature, signing_certificate)

    async def seal(
        self, tenant: TenantId, id: str, signature: str, signing_certificate: str
    ) -> FirmwareImage:
        """Put a signature that was made elsewhere on an image. Raises UnknownImage, BadImage."""
        sealed = await self._sealed(await self.get(tenant, id), signature, signing_certificate)
        now = self._clock()
        async with self._begin() as work:
            image = await work.images.lock(sealed.station, id)
            if image is None or image.sha256 != sealed.sha256:
                raise UnknownImage(f"no firmware image is called {id} any more")
            await work.images.put(structs.replace(sealed, at=now))
            await audit(work, tenant, now, Deed(action="firmware.signed", object=id))
        return sealed

    async def _sealed(
        self, image: FirmwareImage, signature: str, signing_certificate: str
    ) -> FirmwareImage:
        now = self._clock()
        async with self._read() as work:
            roots = await manufacturers(work, image.station)
        try:
            pem = self._signatures.check_certificate(signing_certificate, roots, now)
            if image.sha256:
                self._signatures.verify(image.sha256, signature, pem)
        except (BadCertificate, BadSignature) as error:
            raise BadImage(f"the signature of {image.id} will not do: {error}") from error
        return structs.replace(image, signature=signature, signing_certificate=pem)

    async def made_key(self, tenant: TenantId, issued: IssuedCertificate) -> None:
        """Note that our authority has made a key to sign firmware with."""
        async with self._begin() as work:
            await work.certificates.put(structs.replace(issued, station=shelf(tenant)))
            deed = Deed(action="firmware.key_made", object=issued.subject, after=issued.id)
            await audit(work, tenant, self._clock(), deed)

    async def get(self, tenant: TenantId, id: str) -> FirmwareImage:
        """Raises UnknownImage."""
        async with self._read() as work:
            return await image_of(work, tenant, id)

    async def all(self, tenant: TenantId) -> list[FirmwareImage]:
        """The latest changed first."""
        async with self._read() as work:
            return await work.images.of(shelf(tenant))

    async def remove(self, tenant: TenantId, id: str) -> None:
        """Forget an image and its file: who still fetches it fails. Raises UnknownImage."""
        now = self._clock()
        async with self._begin() as work:
            image = await image_of(work, tenant, id)
            await work.images.remove(image.station, id)
            await audit(work, tenant, now, Deed(action="firmware.removed", object=id))
        if image.stored_as:
            await self._files.remove(image.stored_as)

    async def _check_new(self, tenant: TenantId, id: str, filename: str) -> None:
        if not _NAME.fullmatch(id):
            raise BadImage("call it by 1 to 64 letters, digits, or any of . _ + -")
        if not _FILENAME.fullmatch(filename):
            raise BadImage("its file needs a plain name: letters, digits, spaces, . _ + - ( )")
        async with self._read() as work:
            if await work.images.get(shelf(tenant), id) is not None:
                raise ImageExists(f"there is a firmware image called {id}")

    async def _put_new(self, image: FirmwareImage) -> None:
        async with self._begin() as work:
            if not await work.images.add(image):
                raise ImageExists(f"there is a firmware image called {image.id}")
            what = image.sha256 or shown(image.url)
            deed = Deed(action="firmware.added", object=image.id, after=what)
            await audit(work, image.station.tenant, image.at, deed)
