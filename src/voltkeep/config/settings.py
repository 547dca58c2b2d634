"""The settings: what each means, and what it may be. The one place where they are documented."""

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

PREFIX = "VOLTKEEP_"


class Address(NamedTuple):
    """Where to listen; port 0 takes any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _of(description: str, allowed: str | None = None, **limits: Any) -> Meta:
    return Meta(description=description, extra={"allowed": allowed}, **limits)


class Settings(Struct, frozen=True, kw_only=True):
    """How this installation runs. Made by `load`; a test may make its own."""

    data: Annotated[
        Path,
        _of(
            "The data directory: the database file, the secret and the settings file, unless "
            "they are put elsewhere. Made at the first start, readable by its owner only."
        ),
    ]
    database: Annotated[
        str,
        _of(
            "The database. Empty: the SQLite file `voltkeep.db` in the data directory.",
            "empty, sqlite:////PATH, or postgresql://USER:PASSWORD@HOST/NAME",
        ),
    ] = ""
    database_pool: Annotated[
        int, _of("Connections that this process keeps to PostgreSQL, at most.", ge=2, le=200)
    ] = 10
    auto_upgrade: Annotated[
        bool,
        _of(
            "Bring the database schema up to date when the server starts. "
            "Off: refuse to start until `voltkeep db upgrade` has run."
        ),
    ] = True
    store_patience_s: Annotated[
        float,
        _of(
            "How long a message waits for a database that is away before the station is told "
            "to try again, in seconds. Keep it below the time stations wait for an answer, "
            "mostly 30.",
            gt=0,
            le=600,
        ),
    ] = 25
    secret: Annotated[
        str,
        _of(
            "The installation's secret as hex digits, instead of `secret_file`. "
            "Not a flag: other users of the machine could read it there.",
            "empty, or at least 64 hex digits",
        ),
    ] = ""
    secret_file: Annotated[
        str,
        _of(
            "The file of the installation's secret, which keys the hashes of station keys. "
            "Empty: `secret` in the data directory. 32 random bytes are written at the first "
            "start. Without it, no generated station key works again: back it up.",
            "empty, or a path",
        ),
    ] = ""
    ocpp: Annotated[
        str,
        _of(
            "Where stations connect without TLS. Port 0 takes any free one.",
            "HOST:PORT, [IPV6]:PORT, or off",
        ),
    ] = "127.0.0.1:9000"
    max_connections: Annotated[
        int, _of("Connections of stations at once, at most.", ge=1, le=1_000_000)
    ] = 20_000
    handshake_timeout_s: Annotated[
        float,
        _of("How long a connection may take to ask for its upgrade, in seconds.", gt=0, le=300),
    ] = 10
    ping_interval_s: Annotated[
        float,
        _of(
            "A station that has said nothing for this long gets a WebSocket ping, in seconds. "
            "0 sends none.",
            ge=0,
            le=3600,
        ),
    ] = 45
    ping_misses: Annotated[
        int,
        _of(
            "After this many pings without any sign of life the connection is closed.", ge=1, le=100
        ),
    ] = 2
    compression: Annotated[
        Literal["when-required", "off"],
        _of(
            "WebSocket compression costs up to 50 KiB of memory a connection. `when-required` "
            "agrees to it where the protocol version demands that (2.0.1 and 2.1), `off` never."
        ),
    ] = "when-required"
    message_size_limit_bytes: Annotated[
        int,
        _of(
            "A longer message is refused with an error, and the connection is kept; one that is "
            "four times as long, and longer than 1 MiB, closes it. In bytes.",
            ge=1024,
            le=16 * 1024 * 1024,
        ),
    ] = 65_536
    fragments_per_message: Annotated[
        int, _of("A message in more WebSocket fragments closes the connection.", ge=1, le=65_536)
    ] = 256
    frames_per_s: Annotated[
        float,
        _of(
            "WebSocket frames a second that one connection may send for long, control frames "
            "included. Above it we read no faster.",
            gt=0,
            le=100_000,
        ),
    ] = 50
    frames_burst: Annotated[
        int, _of("WebSocket frames that it may send at once before that.", ge=1, le=1_000_000)
    ] = 200
    call_timeout_s: Annotated[
        float, _of("How long a station may take to answer us, in seconds.", gt=0, le=600)
    ] = 30
    queue_in: Annotated[
        int,
        _of(
            "Messages of one station that may wait to be handled. At the limit we stop reading, "
            "and TCP holds the station back.",
            ge=1,
            le=10_000,
        ),
    ] = 16
    queue_out: Annotated[
        int,
        _of(
            "Commands that may wait for one station. A further one fails at once.", ge=1, le=10_000
        ),
    ] = 50
    drain_s: Annotated[
        float,
        _of(
            "At shutdown, how long messages already read may take to be answered, in seconds.",
            ge=0,
            le=300,
        ),
    ] = 5
    heartbeat_interval_s: Annotated[
        int,
        _of(
            "The heartbeat interval that an accepted station is given, in seconds.", ge=1, le=86_400
        ),
    ] = 300
    boot_retry_s: Annotated[
        int,
        _of(
            "When a pending or rejected station shall boot again, in seconds.",
            ge=1,
            le=86_400,
        ),
    ] = 60
    message_log_retention_days: Annotated[
        float, _of("How long the message log keeps a message, in days.", ge=0.01, le=36_500)
    ] = 30
    event_retention_days: Annotated[
        float,
        _of(
            "How long an event is kept once it has been published, and a command once it was "
            "given, in days.",
            ge=0.01,
            le=36_500,
        ),
    ] = 7
    status_history_retention_days: Annotated[
        float,
        _of("How long what a connector's status was is kept, in days.", ge=0.01, le=36_500),
    ] = 365
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        _of("The least important log lines that are written."),
    ] = "info"
    log_format: Annotated[
        Literal["auto", "human", "json"],
        _of(
            "What `serve` writes: `human` says in words what happens, `json` writes one object a "
            "line for a log collector. `auto` is `human` on a terminal and for the demo, else "
            "`json`."
        ),
    ] = "auto"
    event_loop: Annotated[
        Literal["uvloop", "asyncio"],
        _of("Which event loop runs the server. `uvloop` costs about half the CPU."),
    ] = "uvloop"

    @property
    def database_url(self) -> str:
        """`database`, or the SQLite file in the data directory."""
        return self.database or f"sqlite:///{self.data.absolute() / 'voltkeep.db'}"

    @property
    def secret_path(self) -> Path:
        """Where the secret is kept, if `secret` does not say it."""
        return Path(self.secret_file).expanduser() if self.secret_file else self.data / "secret"

    @property
    def ocpp_address(self) -> Address | None:
        """None: no plain listener. Raises ValueError, which `load` has seen before."""
        return None if self.ocpp == "off" else parse_address(self.ocpp)


class Field(NamedTuple):
    """What is to be known of one setting, for its flag, its page and its errors."""

    name: str
    type: Any
    description: str
    allowed: str
    default: Any  # msgspec.NODEFAULT for `data`, which depends on the environment

    @property
    def variable(self) -> str:
        return PREFIX + self.name.upper()

    @property
    def flag(self) -> str | None:
        """None: the setting must not show in a list of processes."""
        return None if self.name == "secret" else "--" + self.name.replace("_", "-")


def parse_address(text: str) -> Address:
    """Read HOST:PORT or [IPV6]:PORT. Raises ValueError, which says what is wrong."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise ValueError("it needs a port from 0 to 65535 after a colon")
    if host.startswith("[") and host.endswith("]"):
        ipaddress.IPv6Address(host[1:-1])
        return Address(host[1:-1], int(port))
    if ":" in host:
        raise ValueError(f"an IPv6 address stands in brackets: [{host}]:{port}")
    if not re.fullmatch(r"[A-Za-z0-9._-]+", host):
        raise ValueError("it needs a host name or an address before the colon")
    return Address(host, int(port))


def fields() -> dict[str, Field]:
    """Every setting, in the order of `Settings`."""
    hints = get_type_hints(Settings, include_extras=True)
    found = {}
    for info in msgspec.structs.fields(Settings):
        type_, meta = get_args(hints[info.name])
        assert isinstance(meta, Meta)
        found[info.name] = Field(
            info.name, hints[info.name], meta.description or "", _allowed(type_, meta), info.default
        )
    return found


def _allowed(type_: Any, meta: Meta) -> str:
    if said := (meta.extra or {}).get("allowed"):
        return str(said)
    if get_origin(type_) is Literal:
        return ", ".join(get_args(type_)[:-1]) + f" or {get_args(type_)[-1]}"
    if type_ is bool:
        return "true or false"
    if type_ is Path:
        return "a path"
    noun = "a whole number" if type_ is int else "a number"
    least = f"above {meta.gt:g}" if meta.gt is not None else f"from {meta.ge:,}"
    most = f"up to {meta.le:,}" if meta.gt is not None else f"to {meta.le:,}"
    return f"{noun} {least} {most}"


def public_value(name: str, value: Any) -> str:
    """A setting's value as it may be shown to anybody: without passwords."""
    if name == "secret":
        return "***" if value else ""
    if name == "database":
        masked = re.sub(r"(://[^/@:]*):[^/]*@", r"\1:***@", str(value))
        return re.sub(r"(password=)[^&]*", r"\1***", masked)
    return str(value)
