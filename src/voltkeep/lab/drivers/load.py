"""A driver's file: read, filled with sample arguments, and each mistake told with its line."""

import json
import os
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import jinja2
from jinja2 import meta, nodes
from msgspec.structs import replace

from voltkeep.lab.driver import OPERATIONS
from voltkeep.lab.drivers.http import UNFILLED, HttpDriver, HttpDriverFile, Request, templates
from voltkeep.lab.drivers.samples import STATION, samples
from voltkeep.lab.toml_file import Document, Keys, dotted, nearest, shown

_ALWAYS = ("values", "environ", "login")
_NOTHING = [("with samples", dict[str, Any]())]  # that a login is given
_SOURCES = ("header", "cookie")


def load_driver(path: Path, environ: Mapping[str, str] | None = None) -> HttpDriver:
    """The driver that a file describes; nobody is asked anything.

    Raises:
        Mistakes: all that is wrong with it, with lines, and without a secret.
    """
    document = Document(path)
    file = document.read(HttpDriverFile)
    check = _Check(document, file, dict(os.environ if environ is None else environ))
    check.everything()
    document.finish()
    if isinstance(file.verify, str):
        file = replace(file, verify=str(path.parent / Path(file.verify).expanduser()))
    return HttpDriver(file, environ)


class _Check:
    """Finds what is wrong with a file that has the right fields."""

    def __init__(self, document: Document, file: HttpDriverFile, environ: dict[str, str]) -> None:
        self._document = document
        self._file = file
        self._environ = environ
        self._templates = templates()
        self._samples = dict.fromkeys(environ, "sample")
        self._login: dict[str, str] | None = None  # samples of what it keeps

    def everything(self) -> None:
        self._base_url()
        self._roots()
        if self._file.login_requests:
            listed = not isinstance(self._file.login, Request)
            kept = self._one_after_another(
                self._file.login_requests, ("login",), _NOTHING, listed=listed
            )
            self._login = kept
        self._headers(self._file.headers, ("headers",), {})
        for name, mapped in self._file.operations.items():
            if name not in OPERATIONS:
                text = f"unknown operation {shown(name)}.{nearest(name, OPERATIONS)}"
                self._document.wrong(text, "operations", name)
                continue
            if not self._file.requests(name):
                self._document.wrong(f"operations.{name} has no request.", "operations", name)
            tried = [
                (words, {"station": STATION, **arguments}) for words, arguments in samples(name)
            ]
            self._one_after_another(
                self._file.requests(name),
                ("operations", name),
                tried,
                listed=not isinstance(mapped, Request),
            )

    def _base_url(self) -> None:
        filled = self._filled(self._file.base_url, ("base_url",), {}, self._environ)
        if filled is None:
            return
        try:
            parts = urlsplit(filled)
            is_url = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
        except ValueError:
            is_url = False
        if not is_url or any(character.isspace() for character in filled):
            text = "base_url is no URL of http:// or https:// with a host."
            self._document.wrong(text, "base_url")

    def _roots(self) -> None:
        verify = self._file.verify
        if isinstance(verify, bool):
            return
        path = self._document.path.parent / Path(verify).expanduser()
        try:
            ssl.create_default_context(cafile=path)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            reason = "holds no certificates in PEM"
            if not isinstance(error, ssl.SSLError) and isinstance(error, OSError):
                reason = f"cannot be read: {error.strerror}"
            self._document.wrong(f"verify: {path} {reason}.", "verify")

    def _one_after_another(
        self,
        requests: tuple[Request, ...],
        keys: Keys,
        tried: list[tuple[str, dict[str, Any]]],
        *,
        listed: bool,
    ) -> dict[str, str]:
        """Fill requests with all arguments that are tried; samples of what they keep."""
        kept: dict[str, str] = {}
        for place, request in enumerate(requests):
            at = (*keys, place) if listed else keys
            self._sources(request, at)
            for words, arguments in tried:
                before = len(self._document.mistakes)
                self._request(request, at, {**arguments, **kept}, words)
                if len(self._document.mistakes) > before:
                    break  # the second try would tell the same
            kept |= dict.fromkeys(request.keep, "sample")
        return kept

    def _sources(self, request: Request, at: Keys) -> None:
        for name, source in request.keep.items():
            kind, colon, part = source.partition(":")
            if not source or (colon and kind in _SOURCES and not part):
                text = f"{dotted(*at)}.keep.{name} names no part of the answer."
                self._document.wrong(text, *at, "keep", name)
            if not name.isidentifier() or name in {"station", *_ALWAYS}:
                text = f"{dotted(*at)}.keep: {shown(name)} cannot be the name of a placeholder."
                self._document.wrong(text, *at, "keep", name)

    def _request(self, request: Request, at: Keys, values: dict[str, Any], words: str) -> None:
        path = self._filled(request.path, (*at, "path"), values)
        if path is not None and not path.startswith("/"):
            self._document.wrong(f"{dotted(*at)}.path must begin with /.", *at, "path")
        if request.body and request.form:
            self._document.wrong(f"{dotted(*at)} has a body and a form.", *at, "form")
        self._headers(request.headers, (*at, "headers"), values)
        for name, text in request.form.items():
            self._filled(text, (*at, "form", name), values)
        body = self._filled(request.body, (*at, "body"), values)
        if body is None or not request.is_json:
            return
        try:
            json.loads(body)
        except ValueError as error:
            line = error.lineno if isinstance(error, json.JSONDecodeError) else 1
            reason = error.msg if isinstance(error, json.JSONDecodeError) else "it is too deep"
            text = f"{dotted(*at)}.body is no JSON once it is filled {words}: {reason}."
            self._document.wrong(text, *at, "body", line=line)

    def _headers(self, headers: Mapping[str, str], at: Keys, values: dict[str, Any]) -> None:
        for name, text in headers.items():
            filled = self._filled(text, (*at, name), values, self._environ)
            if filled is not None and not (filled.isascii() and filled.isprintable()):
                reason = "holds a line break, or what is not ASCII"
                self._document.wrong(f"{dotted(*at, name)} {reason}.", *at, name)

    def _filled(
        self,
        text: str,
        at: Keys,
        values: Mapping[str, Any],
        environ: Mapping[str, str] | None = None,
    ) -> str | None:
        """A text with these values; None, and the mistake noted, if it cannot be filled.

        Without ``environ`` every variable has a text of ours, so that none is ever told.
        """
        try:
            tree = self._templates.parse(text)
            template = self._templates.from_string(text)
        except jinja2.TemplateSyntaxError as error:  # unknown filters are among them
            words = f"{dotted(*at)} is no template: {error.message}"
            self._document.wrong(f"{words.rstrip('.')}.", *at, line=error.lineno)
            return None
        given = {"values": self._file.values, "environ": environ or self._samples}
        if self._login is not None:
            given["login"] = self._login
        known = {*values, *given, *self._templates.globals}
        unknown = list(self._unknown(tree, known))
        for line, wrong in unknown:
            self._document.wrong(f"{dotted(*at)}: {wrong}", *at, line=line)
        if unknown:
            return None
        try:
            return template.render(values, **given)
        except UNFILLED as error:
            # With the real environment the error might repeat what that holds.
            words = f"{dotted(*at)} cannot be filled" + ("" if environ else f": {error}")
            self._document.wrong(f"{words.rstrip('.')}.", *at, line=_template_line(error))
            return None

    def _unknown(self, tree: nodes.Template, known: set[str]) -> Iterator[tuple[int, str]]:
        """Placeholders that nothing fills, and variables of the environment that are not set."""
        names = list(tree.find_all(nodes.Name))
        assigned = {each.name for each in names if each.ctx != "load"}
        free = meta.find_undeclared_variables(tree) - known - assigned
        for each in names:
            if each.name in free:
                free.discard(each.name)
                near = nearest(each.name, known)
                yield each.lineno, f"unknown placeholder {shown(each.name)}.{near}"
        for node in tree.find_all((nodes.Getattr, nodes.Getitem)):
            name = _part_of("environ", node)
            if name is not None and not self._environ.get(name):
                yield node.lineno, f"the environment variable {shown(name)} is not set."
            name = _part_of("login", node)
            if name is not None and self._login is not None and name not in self._login:
                near = nearest(name, self._login)
                yield node.lineno, f"[login] keeps no {shown(name)}.{near}"


def _part_of(whole: str, node: nodes.Node) -> str | None:
    """What of the environment, or of a login, is asked for there, if it is that."""
    assert isinstance(node, nodes.Getattr | nodes.Getitem)
    if not isinstance(node.node, nodes.Name) or node.node.name != whole:
        return None
    if isinstance(node, nodes.Getattr):
        return None if node.attr == "get" else node.attr
    return str(node.arg.value) if isinstance(node.arg, nodes.Const) else None


def _template_line(error: BaseException) -> int:
    """The line of the template where filling it failed: Jinja2 puts it into the traceback."""
    line, trace = 1, error.__traceback__
    while isinstance(trace, TracebackType):
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
