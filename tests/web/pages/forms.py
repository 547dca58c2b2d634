"""Forms of pages: where they lead must be there, and must take that method."""

import html
import re

_FORM = re.compile(r'data-api="(GET|POST|PUT|PATCH|DELETE) ([^"?]+)')
_COOKIES = {"/language/{language}", "/tenant/{tenant}"}  # of the pages themselves: set cookies
_NAME = re.compile(r"\{\w+\}|\{\{[^}]*\}\}")


def forms(text):
    """The method and the address of each form, as they stand in a page."""
    return [f"{method} {html.unescape(address)}" for method, address in _FORM.findall(text)]


def check_forms(api, text):
    """Each form of a page leads to an operation of the API. Returns how many there are."""
    found = _FORM.findall(text)
    known = {
        (method.upper(), _NAME.sub("{}", path))
        for path, item in api.app.state.schema.document["paths"].items()
        for method in item
    }
    for method, address in found:
        if address in _COOKIES:
            continue
        path = _NAME.sub("{}", html.unescape(address))
        assert any(_fits(path, there) for verb, there in known if verb == method), (method, address)
    return len(found)


def _fits(path, there):
    """Whether an address is of that template; a form may have names filled in."""
    mine, others = path.split("/"), there.split("/")
    return len(mine) == len(others) and all(
        one in {other, "{}"} or other == "{}" for one, other in zip(mine, others, strict=True)
    )
