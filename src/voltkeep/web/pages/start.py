"""Where the first administrator is made, with the link that the server printed."""

import base64
import hashlib
import re
from importlib import resources

from litestar import MediaType, Response, get

from voltkeep.web.auth import PUBLIC

_PAGE = resources.files("voltkeep.web.pages").joinpath("start.html").read_text("utf-8")


def _allowed(tag: str) -> str:
    """What stands in the page of this tag, as a content security policy names it."""
    content = re.findall(rf"<{tag}>(.*?)</{tag}>", _PAGE, re.DOTALL)
    hashes = (hashlib.sha256(each.encode()).digest() for each in content)
    return " ".join(f"'sha256-{base64.b64encode(each).decode()}'" for each in hashes)


_POLICY = (
    f"default-src 'none'; script-src {_allowed('script')}; style-src {_allowed('style')}; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)


@get("/setup", needs=PUBLIC, include_in_schema=False, media_type=MediaType.HTML)
async def start() -> Response[str]:
    """The token of a setup link stands behind the #: it is sent to nobody."""
    return Response(
        _PAGE,
        media_type=MediaType.HTML,
        headers={"content-security-policy": _POLICY, "cache-control": "no-cache"},
    )


AT_THE_ROOT = [start]
EXAMPLES: list[object] = []
