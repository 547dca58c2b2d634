"""Documents that are edited: nobody overwrites what another has changed meanwhile."""

import hashlib
from typing import Annotated, TypeVar

from litestar import Response
from litestar.params import HeaderParameter
from msgspec import Struct, json

from voltkeep.web.problems import Problem

IfMatch = Annotated[
    str | None,
    HeaderParameter(
        name="If-Match", description="The `ETag` of the version that is changed; or `*`."
    ),
]


D = TypeVar("D", bound=Struct)


def etag(document: Struct) -> str:
    """A name of this very version of a document (RFC 9110, 8.8.3)."""
    return f'"{hashlib.sha256(json.encode(document, order="sorted")).hexdigest()[:32]}"'


def tagged(document: D, status_code: int = 200) -> Response[D]:
    """A document with its ETag."""
    return Response(document, status_code=status_code, headers={"etag": etag(document)})


def check_unchanged(current: Struct, if_match: str | None) -> None:
    """Raises Problem 412 unless ``if_match`` is the version there is; without it, nothing."""
    if if_match is None or if_match.strip() == "*":
        return
    if etag(current) not in {each.strip() for each in if_match.split(",")}:
        raise Problem(
            412,
            "somebody has changed it since you read it: read it again, and change that",
            code="changed-meanwhile",
            field="If-Match",
        )
