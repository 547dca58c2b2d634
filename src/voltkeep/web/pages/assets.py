"""The files that pages load: scripts, styles and pictures, under names that change with them."""

import functools
import gzip
import hashlib
from importlib import resources

from litestar import Response, get
from litestar.params import FromPath
from msgspec import Struct

from voltkeep.web.auth import PUBLIC
from voltkeep.web.problems import Asked, NotThere

_KINDS = {
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
    "json": "application/json",
}
_FOR_EVER = "public, max-age=31536000, immutable"


class _Asset(Struct, frozen=True):
    plain: bytes
    packed: bytes
    kind: str


@functools.cache
def _assets() -> dict[str, _Asset]:
    """Every file by the name it is served under: its own, with a digest of what is in it."""
    found = {}
    for path in resources.files("voltkeep.web.pages").joinpath("static").iterdir():
        stem, _, ending = path.name.rpartition(".")
        if ending in _KINDS:
            plain = path.read_bytes()
            digest = hashlib.sha256(plain).hexdigest()[:12]
            packed = gzip.compress(plain, mtime=0)
            found[f"{stem}.{digest}.{ending}"] = _Asset(plain, packed, _KINDS[ending])
    return found


@functools.cache
def address(name: str) -> str:
    """Where a file is served. Raises LookupError if there is none of that name."""
    stem, _, ending = name.rpartition(".")
    for served in _assets():
        if served.startswith(f"{stem}.") and served.endswith(f".{ending}"):
            return f"/assets/{served}"
    raise LookupError(f"there is no file {name} in pages/static: make assets")


@get("/assets/{name:str}", needs=PUBLIC, include_in_schema=False)
async def asset(request: Asked, name: FromPath[str]) -> Response[bytes]:
    """One file, for ever: another content has another name."""
    found = _assets().get(name)
    if found is None:
        raise NotThere("there is no such file")
    headers = {"cache-control": _FOR_EVER, "vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["content-encoding"] = "gzip"
        return Response(found.packed, media_type=found.kind, headers=headers)
    return Response(found.plain, media_type=found.kind, headers=headers)


AT_THE_ROOT = [asset]
EXAMPLES: list[object] = []
