"""Which pages there are: those of the menu, and one of each kind that they lead to."""

import re
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

from voltkeep.web.routes import AT_THE_ROOT

_HTML = {"accept": "text/html"}
_START = ("/", "/sign-in", "/account", "/setup")
_PLACE = re.compile(r"\{\w+:str\}")

KINDS = {
    path
    for route in AT_THE_ROOT
    if "GET" in getattr(route, "http_methods", ())
    for path in getattr(route, "paths", ())
}
"""What is served at the root, as templates of addresses: pages, parts of pages, and files."""


class _Links(HTMLParser):
    """What a page leads to, and the parts that it loads by itself."""

    def __init__(self, text):
        super().__init__()
        self.found: list[str] = []
        self.parts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "a" and "download" not in given and given.get("href"):
            self.found.append(given["href"])
        if "load" in (given.get("hx-trigger") or ""):
            self.parts.append(given["hx-get"])


def kind_of(address):
    """The template that an address fits, or None if no page is there."""
    path = urlsplit(address).path
    fitting = [
        each
        for each in KINDS
        if re.fullmatch(_PLACE.sub("[^/]+", each).replace(".", r"\."), path) or each == "/" == path
    ]
    return min(fitting, key=lambda each: each.count("{"), default=None)


async def pages(client, *first):
    """The addresses of pages, one of each kind; ``first`` are those that are gone through first."""
    found: dict[str, str] = {}
    waiting = [*_START, *first]
    while waiting:
        address = waiting.pop(0).split("#")[0]
        kind = kind_of(address)
        if kind is None or kind in found:
            continue
        answer = await client.get(address, headers=_HTML, follow_redirects=True)
        assert answer.status_code == 200, (unquote(address), answer.status_code)
        if not answer.headers["content-type"].startswith("text/html"):
            continue
        links = _Links(answer.text)
        if "<!doctype html>" in answer.text[:100].lower():
            found[kind] = address
        waiting += links.parts
        waiting += links.found
    return found
