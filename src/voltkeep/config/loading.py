"""Where settings come from: flags, then variables, then one TOML file, then the defaults."""

import difflib
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from voltkeep.config.account_settings import check_url, parse_role_map
from voltkeep.config.addresses import address_or_off, parse_networks, parse_ports
from voltkeep.config.fields import HIDDEN, PREFIX, Field, fields
from voltkeep.config.settings import Settings

FILE_NAME = "voltkeep.toml"  # in the data directory, read if it is there
DEFAULT = "default"
SECRET_BYTES = 32

# Variables of ours that name no setting.
_NOT_SETTINGS = {"API_KEY", "CONFIG", "DEBUG", "SERVER"}
# Kubernetes sets these in every container beside a service called "voltkeep".
_SERVICE_LINK = re.compile(r"(SERVICE_(HOST|PORT(_.*)?)|PORT(_\d+_.*)?)")
_PATHS = {"data", "secret_file", "pki_key_file"}
_HIDDEN = HIDDEN | {"database"}  # never repeated in an error: a URL may hold a password


class ConfigError(Exception):
    """A setting that cannot be used: which, where it was set, and what is allowed."""


class Loaded(NamedTuple):
    """`origin` names the source of each setting: a flag, a variable, a file and line, default."""

    settings: Settings
    origin: dict[str, str]


def default_data(environ: Mapping[str, str], name: str) -> Path:
    """Where data is kept if nothing says so: under this name, by the XDG specification."""
    home = environ.get("XDG_DATA_HOME", "")
    if not Path(home).is_absolute():  # the XDG specification: a relative one is to be ignored
        home = str(Path(environ.get("HOME") or Path.home()) / ".local" / "share")
    return Path(home) / name


def load(
    flags: Mapping[str, Any],
    environ: Mapping[str, str],
    file: Path | None,
    data_name: str = "voltkeep",
) -> Loaded:
    """Settle every setting. ``flags`` holds those given; ``file`` is what ``--config`` names.

    ``data_name`` is what the default data directory is called. Raises ConfigError.
    """
    known = fields()
    values: dict[str, Any] = {"data": default_data(environ, data_name)}
    origin = dict.fromkeys(known, DEFAULT)

    def take(given: Iterable[tuple[str, str, Any]]) -> None:
        for name, where, value in given:
            values[name], origin[name] = value, where

    nearer = [*_variables(known, environ), *_flags(known, flags)]
    take(nearer)  # they may say where the data is, and the file with it
    path = file or (Path(environ["VOLTKEEP_CONFIG"]) if environ.get("VOLTKEEP_CONFIG") else None)
    if path is None and _is_there(beside := values["data"] / FILE_NAME):
        path = beside
    if path is not None:
        take(_file(known, path))
        take(nearer)
    return Loaded(Settings(**values), origin)


def _flags(known: dict[str, Field], flags: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    for name, value in flags.items():
        field = known[name]
        yield name, f"flag {field.flag}", _value(field, str(value), str(field.flag))


def _variables(
    known: dict[str, Field], environ: Mapping[str, str]
) -> Iterator[tuple[str, str, Any]]:
    for variable, text in environ.items():
        if not variable.startswith(PREFIX) or not text:
            continue  # an empty variable counts as unset, as elsewhere in a shell
        rest = variable.removeprefix(PREFIX)
        field = known.get(rest.lower())
        if field is not None and variable == field.variable:
            yield (
                field.name,
                f"variable {variable}",
                _value(field, text, f"the variable {variable}"),
            )
        elif rest not in _NOT_SETTINGS and not _SERVICE_LINK.fullmatch(rest):
            raise ConfigError(
                f"The environment variable {variable[:80]!r} names no setting."
                + _nearest(variable.upper(), [field.variable for field in known.values()])
                + " Unset it, or see `voltkeep config show` for those there are."
            )


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:
        raise ConfigError(
            f"The data directory {path.parent} cannot be looked into: {error.strerror}. "
            "Run this as the user who owns it, or name another with --data DIR."
        ) from error


def _file(known: dict[str, Field], path: Path) -> Iterator[tuple[str, str, Any]]:
    path = path.expanduser()
    try:
        text = path.read_text("utf-8")
        table = tomllib.loads(text)
    except OSError as error:
        raise ConfigError(
            f"The settings file {path} cannot be read: {error.strerror}. "
            "Name another with --config or VOLTKEEP_CONFIG."
        ) from error
    except ValueError as error:  # no UTF-8, or no TOML: the message tells the line
        raise ConfigError(f"The settings file {path} is not valid TOML: {error}.") from error
    for name, value in table.items():
        where = f"{path}:{_line(text, name)}"
        if name not in known:
            raise ConfigError(
                f"{where}: {name[:80]!r} is no setting."
                + _nearest(name, list(known))
                + " Settings stand at the top of the file, without [sections]; "
                "`voltkeep config show` lists them."
            )
        checked = _value(known[name], value, where, strict=True)
        if name in _PATHS:
            checked = _beside(path, checked)
        yield name, where, checked


def _beside(file: Path, value: Any) -> Any:
    """A relative path in a file is meant from where the file is."""
    joined = file.absolute().parent / Path(value).expanduser()
    return type(value)() if value == "" else (joined if isinstance(value, Path) else str(joined))


def _value(field: Field, value: Any, where: str, *, strict: bool = False) -> Any:
    try:
        checked = msgspec.convert(value, field.type, strict=strict, dec_hook=_path)
        _CHECKS.get(field.name, lambda _: None)(checked)
    except ValueError as error:  # msgspec.ValidationError is one
        shown = "what it was given" if field.name in _HIDDEN else repr(value)[:80]
        why = "" if isinstance(error, msgspec.ValidationError) else f" ({error})"
        raise ConfigError(
            f"{where}: {field.name} cannot be {shown}{why}. Allowed: {field.allowed}."
        ) from error
    return checked


def _path(type_: type, value: Any) -> Any:
    if type_ is Path and isinstance(value, str) and value and "\0" not in value:
        return Path(value).expanduser()
    raise ValueError("not a path")


def _check_pki_key(text: str) -> None:
    if 0 < len(text) < 16:
        raise ValueError("it is too short")


def _check_database(url: str) -> None:
    scheme = urlsplit(url).scheme.partition("+")[0]
    if url and scheme not in ("sqlite", "postgresql", "postgres"):
        raise ValueError("it is no URL of SQLite or PostgreSQL")
    if scheme == "sqlite" and not url.partition("://")[2].strip("/"):
        raise ValueError("it names no file")


def _check_secret(text: str) -> None:
    if text and len(bytes.fromhex(text)) < SECRET_BYTES:
        raise ValueError("it is too short")


def _check_collector(url: str) -> None:
    parts = urlsplit(url)
    is_base = parts.scheme in {"http", "https"} and parts.hostname and not parts.query
    if url and (not is_base or parts.fragment or parts.username is not None):
        raise ValueError("it needs a scheme and a host, and nothing after the path")


_TILES = re.compile(r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?/[^\s\"'<>]*")


def _check_tiles(url: str) -> None:
    if not url:
        return
    if _TILES.fullmatch(url) is None or any(part not in url for part in ("{z}", "{x}", "{y}")):
        raise ValueError("it needs a scheme, a host, and {z}, {x} and {y} in its path")
    check_url(url.partition("?")[0])


LISTENERS = ("ocpp", "ocpp_tls", "ocpp_mtls", "http", "https", "files", "files_tls", "ftp")
_CHECKS: dict[str, Callable[[Any], object]] = {
    **dict.fromkeys(LISTENERS, address_or_off),
    **dict.fromkeys(
        ("trusted_proxies", "unlimited_sources", "outbound_allowed", "metrics_allowed"),
        parse_networks,
    ),
    "ftp_passive_ports": parse_ports,
    **dict.fromkeys(("public_url", "oidc_issuer"), check_url),
    "oidc_roles": parse_role_map,
    "otlp_endpoint": _check_collector,
    "map_tiles": _check_tiles,
    "pki_key": _check_pki_key,
    "database": _check_database,
    "secret": _check_secret,
}


def _line(text: str, key: str) -> int:
    """The line where a top-level key stands; tomllib does not tell."""
    pattern = re.compile(rf"""^\s*\[*\s*["']?{re.escape(key)}["']?\s*[\].=]""")
    lines = enumerate(text.splitlines(), 1)
    return next((number for number, line in lines if pattern.match(line)), 1)


def _nearest(name: str, names: list[str]) -> str:
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return f" Did you mean {close[0]}?" if close else ""
