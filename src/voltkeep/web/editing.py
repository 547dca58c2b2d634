"""Documents that are edited: nobody overwrites what another has changed meanwhile."""

import hashlib
from collections.abc import Callable
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
T = TypeVar("T")


def etag(document: Struct) -> str:
    """A name of this very version of a document (RFC 9110, 8.8.3)."""
    return f'"{hashlib.sha256(json.encode(document, order="sorted")).hexdigest()[:32]}"'


def tagged(document: D, status_code: int = 200) -> Response[D]:
    """A document with its ETag."""
    return Response(document, status_code=status_code, headers={"etag": etag(document)})


def unchanged(if_match: str | None, shown: Callable[[T], Struct]) -> Callable[[T], None]:
    """What a service calls with what there is, once nobody else can change it.

    That raises Problem 412 unless ``if_match`` is its version, as ``shown``; without it, nothing.
    """

    def check(current: T) -> None:
        if if_match is None or if_match.strip() == "*":
            return
        if etag(shown(current)) not in {each.strip() for each in if_match.split(",")}:
            raise Problem(
                412,
                "somebody has changed it since you read it: read it again, and change that",
                code="changed-meanwhile",
                field="If-Match",
            )

    return check
