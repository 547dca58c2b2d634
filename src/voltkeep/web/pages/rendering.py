"""Pages are made here: templates, their words in a person's language, and what a browser may load.

Everything that a template shows is escaped, and a browser runs and loads nothing but our own files
(`reference/security.md` 2.7): what a station says can be no more than text.
"""

import functools
import gettext
from collections.abc import Mapping
from importlib import resources
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import MediaType, Response

from voltkeep.web.pages import problem_words
from voltkeep.web.pages.assets import address
from voltkeep.web.pages.formats import FILTERS
from voltkeep.web.pages.menu import menu
from voltkeep.web.pages.spoken import spoken
from voltkeep.web.pages.state_words import STATES
from voltkeep.web.problems import Asked

LANGUAGES = {"en": "English", "de": "Deutsch"}
LANGUAGE_COOKIE = "voltkeep-language"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:{tiles}; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


@functools.cache
def _environment(language: str) -> Environment:
    environment = Environment(
        loader=PackageLoader("voltkeep.web.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    words = _translations(language)
    environment.install_gettext_translations(words, newstyle=True)  # type: ignore[attr-defined]  # of the extension
    environment.filters.update(FILTERS)
    environment.globals["asset"] = address
    environment.globals["known_states"] = STATES
    environment.globals["spoken"] = functools.partial(
        spoken, words.gettext, is_known=language == "en"
    )
    return environment


@functools.cache
def _translations(language: str) -> gettext.NullTranslations:
    folder = resources.files("voltkeep.web.pages").joinpath("locale", language, "LC_MESSAGES")
    compiled = folder.joinpath("voltkeep.mo")
    if not compiled.is_file():
        return gettext.NullTranslations()
    with compiled.open("rb") as file:
        return gettext.GNUTranslations(file)


def language_of(request: Asked) -> str:
    """The language that a person has chosen, or that their browser asks for; else English."""
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    for part in request.headers.get("accept-language", "").split(","):
        language = part.partition(";")[0].strip().lower().partition("-")[0]
        if language in LANGUAGES:
            return language
    return "en"


def wants_page(request: Asked) -> bool:
    """Whether a browser asks for a page, rather than a program for data."""
    accepted = request.headers.get("accept", "")
    return "text/html" in accepted and not request.url.path.startswith("/api/")


def is_part(request: Asked) -> bool:
    """Whether a page that is open asks for a part of itself."""
    return request.headers.get("hx-request") == "true"


def address_of(request: Asked) -> str:
    """What was asked for, to ask for it again: as it was written, names with a slash too."""
    raw = (request.scope.get("raw_path") or b"").partition(b"?")[0].decode("latin-1")
    path = quote(raw or request.url.path, safe="/%:@!$&'()*+,;=~")
    query = request.url.query
    return f"{path}?{query}" if query else path


def page(request: Asked, template: str, *, status: int = 200, **values: object) -> Response[str]:
    """A template as a page: with who asks, the menu that they may see, and what they typed."""
    language = language_of(request)
    # Nobody looked who asks where an address leads nowhere: that is a page of nobody's.
    principal = request.scope.get("user")
    given: Mapping[str, Any] = {
        "principal": principal,
        "may": principal.may if principal is not None else lambda _: False,
        "csrf": request.scope.get("auth") or "",
        "menu": menu(principal),
        "path": request.url.path,
        "address": address_of(request),
        "query": dict(request.query_params.items()),
        "is_part": is_part(request),
        "faults": request.scope.get("state", {}).get("faults", {}),
        "language": language,
        "languages": LANGUAGES,
        "problem_words": problem_words.WORDS,
        "field_words": problem_words.FIELDS,
        "detail_words": problem_words.DETAILS,
        **values,
    }
    content = _environment(language).get_template(template).render(given)
    tiles = str(values.get("tile_origin", ""))
    headers = {
        "content-security-policy": _POLICY.format(tiles=f" {tiles}" if tiles else ""),
        "cache-control": "no-store",
        "vary": "HX-Request, Accept-Language, Cookie",
    }
    return Response(content, media_type=MediaType.HTML, status_code=status, headers=headers)
