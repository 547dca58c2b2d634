"""QR codes, for what a phone should not have to type: pages draw them as one path of an SVG."""

from typing import Annotated

import segno
from litestar import post
from litestar.params import JSONBody
from msgspec import Meta, Struct

from voltkeep.web.auth import ANYBODY

_QUIET = 4  # modules around it (ISO/IEC 18004, 9.1)


class QrText(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a code is to say."""

    text: Annotated[str, Meta(min_length=1, max_length=400)]


class QrCode(Struct, frozen=True, kw_only=True):
    """A code: a path in a square of so many units."""

    size: int
    path: str


def drawn(text: str) -> QrCode:
    """Each run of dark modules as a rectangle, with the quiet zone around all of them."""
    rows = segno.make_qr(text, error="m").matrix
    runs = []
    for y, row in enumerate(rows):
        x = 0
        while x < len(row):
            start = x
            while x < len(row) and row[x]:
                x += 1
            if width := x - start:
                runs.append(f"M{start + _QUIET} {y + _QUIET}h{width}v1h-{width}z")
            x += 1
    return QrCode(size=len(rows) + 2 * _QUIET, path="".join(runs))


@post("/qr", needs=ANYBODY, include_in_schema=False, status_code=200)
async def draw_qr(data: JSONBody[QrText]) -> QrCode:
    """A text as a code. It is not in the address: it may be a secret."""
    return drawn(data.text)


AT_THE_ROOT = [draw_qr]
EXAMPLES: list[object] = []
