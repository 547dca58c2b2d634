"""The settings: what each means, and what it may be. The one place where they are documented."""

import socket
from pathlib import Path
from typing import Annotated, Literal

from voltkeep.config.described import of
from voltkeep.config.operation_settings import OperationSettings


class Settings(OperationSettings, frozen=True, kw_only=True):
    """How this installation runs. Made by `load`; a test may make its own."""

    data: Annotated[
        Path,
        of(
            "The data directory: the database file, the secret and the settings file, unless "
            "they are put elsewhere. Made at the first start, readable by its owner only."
        ),
    ]
    database: Annotated[
        str,
        of(
            "The database. Empty: the SQLite file `voltkeep.db` in the data directory.",
            "empty, sqlite:////PATH, or postgresql://USER:PASSWORD@HOST/NAME",
        ),
    ] = ""
    database_pool: Annotated[
        int, of("Connections that this process keeps to PostgreSQL, at most.", ge=2, le=200)
    ] = 10
    auto_upgrade: Annotated[
        bool,
        of(
            "Bring the database schema up to date when the server starts. "
            "Off: refuse to start until `voltkeep db upgrade` has run."
        ),
    ] = True
    store_patience_s: Annotated[
        float,
        of(
            "How long a message waits for a database that is away before the station is told "
            "to try again, in seconds. Keep it below the time stations wait for an answer, "
            "mostly 30.",
            gt=0,
            le=600,
        ),
    ] = 25
    secret: Annotated[
        str,
        of(
            "The installation's secret as hex digits, instead of `secret_file`. "
            "Not a flag: other users of the machine could read it there.",
            "empty, or at least 64 hex digits",
        ),
    ] = ""
    secret_file: Annotated[
        str,
        of(
            "The file of the installation's secret, which keys the hashes of station keys. "
            "Empty: `secret` in the data directory. 32 random bytes are written at the first "
            "start. Without it, no generated station key works again: back it up.",
            "empty, or a path",
        ),
    ] = ""
    ocpp: Annotated[
        str,
        of(
            "Where stations connect without TLS. Port 0 takes any free one.",
            "HOST:PORT, [IPV6]:PORT, or off",
        ),
    ] = "127.0.0.1:9000"
    ocpp_tls: Annotated[
        str,
        of(
            "Where stations connect over TLS with a password (security profile 2).",
            "HOST:PORT, [IPV6]:PORT, or off",
        ),
    ] = "127.0.0.1:9443"
    ocpp_mtls: Annotated[
        str,
        of(
            "Where stations connect over TLS with a client certificate (security profile 3).",
            "HOST:PORT, [IPV6]:PORT, or off",
        ),
    ] = "127.0.0.1:9444"
    ocpp_tls_client_certificates: Annotated[
        bool,
        of(
            "Ask for a client certificate on `ocpp_tls` too, so that one address serves profiles 2 "
            "and 3. A station that shows one from an authority we do not know is then refused "
            "there, whatever its profile."
        ),
    ] = False
    tls_policy: Annotated[
        Literal["ocpp-legacy", "modern"],
        of(
            "`ocpp-legacy` offers the four suites that OCPP demands, two of them without forward "
            "secrecy; `modern` only those with it. TLS 1.2 and 1.3 either way."
        ),
    ] = "ocpp-legacy"
    public_host: Annotated[
        str,
        of(
            "The name by which stations reach this server: in its certificates, and in the "
            "addresses that stations are told. Empty: this machine's own name.",
            "empty, or a host name",
        ),
    ] = ""
    trusted_proxies: Annotated[
        str,
        of(
            "Whose `X-Forwarded-For`, `X-Forwarded-Proto` and `X-SSL-Client-Cert` are believed. "
            "Nobody else's are.",
            "empty, or networks separated by commas (10.0.0.0/8, ::1/128)",
        ),
    ] = ""
    outbound_allowed: Annotated[
        str,
        of(
            "Networks of the inside that webhooks and questions about unknown tokens may be sent "
            "to, also without TLS. Everything else of the inside is refused, and so is http.",
            "empty, or networks separated by commas (10.1.0.0/16, 127.0.0.0/8)",
        ),
    ] = ""
    unlimited_sources: Annotated[
        str,
        of(
            "Networks from which connections are accepted at any rate. What they may try with "
            "wrong credentials stays limited.",
            "empty, or networks separated by commas",
        ),
    ] = "127.0.0.0/8,::1/128"
    accepts_per_s: Annotated[
        float,
        of(
            "Connections a second that one source address may open for long. An IPv6 /64 is one "
            "source.",
            gt=0,
            le=100_000,
        ),
    ] = 20
    accepts_burst: Annotated[
        int, of("Connections that it may open at once before that.", ge=1, le=1_000_000)
    ] = 50
    upgrades_per_s: Annotated[
        float,
        of(
            "Stations a second that this process lets in. The others are told to come back; "
            "those that were here within a day go first.",
            gt=0,
            le=100_000,
        ),
    ] = 300
    duplicate_probe_s: Annotated[
        float,
        of(
            "A station connects again while its older connection stands: how long the older one "
            "has to show that it lives, in seconds.",
            gt=0,
            le=60,
        ),
    ] = 5
    quarantine_s: Annotated[
        float,
        of(
            "Two connections that contend for one identity: how long nobody new is let in while "
            "one of them stands, in seconds.",
            ge=1,
            le=86_400,
        ),
    ] = 300
    cpo_name: Annotated[
        str,
        of(
            "The operator's name: the O in certificates, and what stations' certificates must "
            "bear. Set it before the first start.",
            "1 to 64 characters",
            min_length=1,
            max_length=64,
        ),
    ] = "Voltkeep"
    organization_check: Annotated[
        Literal["strict", "value", "off"],
        of(
            "The O of a station's certificate: `strict` must hold `cpo_name`, `value` what is "
            "set for the station, `off` is not looked at. A station may have its own rule."
        ),
    ] = "strict"
    common_name_check: Annotated[
        Literal["strict", "value", "off"],
        of(
            "The CN of a station's certificate: `strict` must hold the station's serial number, "
            "`value` what is set for the station, `off` takes the first certificate that comes, "
            "and then only that one or those we have issued to the station."
        ),
    ] = "strict"
    revocation_check: Annotated[
        Literal["strict", "lenient"],
        of(
            "When it cannot be learned whether a foreign certificate is revoked: `strict` "
            "refuses it, `lenient` lets it in."
        ),
    ] = "strict"
    pki_key: Annotated[
        str,
        of(
            "What the authority's key files are encrypted with, instead of `pki_key_file`. Not a "
            "flag: other users of the machine could read it there.",
            "empty, or at least 16 characters",
        ),
    ] = ""
    pki_key_file: Annotated[
        str,
        of(
            "A file with it. Empty: the systemd credential `voltkeep-pki-key` if there is one, "
            "else a key made from the installation's secret.",
            "empty, or a path",
        ),
    ] = ""
    rsa_padding: Annotated[
        Literal["pkcs1", "pss"],
        of(
            "How our RSA keys sign certificates. The whitepaper recommends `pss`; many stations, "
            "and OCA's test tool, take only `pkcs1`."
        ),
    ] = "pkcs1"
    station_certificate_days: Annotated[
        float,
        of(
            "How long a certificate that we sign for a station is valid, in days. It is renewed "
            "at two thirds.",
            ge=0.01,
            le=3650,
        ),
    ] = 365
    server_certificate_days: Annotated[
        float,
        of(
            "How long a certificate that we make for this server is valid, in days.",
            ge=0.01,
            le=825,
        ),
    ] = 90
    files: Annotated[
        str,
        of(
            "Where stations fetch firmware and upload logs over HTTP, and where anybody asks "
            "which certificates are revoked.",
            "HOST:PORT, [IPV6]:PORT, or off",
        ),
    ] = "127.0.0.1:9080"
    files_tls: Annotated[
        str,
        of("The same over HTTPS.", "HOST:PORT, [IPV6]:PORT, or off"),
    ] = "127.0.0.1:9081"
    ftp: Annotated[
        str,
        of(
            "The same over FTP and FTPS (AUTH TLS), for stations that know nothing else.",
            "HOST:PORT, [IPV6]:PORT, or off",
        ),
    ] = "off"
    ftp_passive_ports: Annotated[
        str,
        of("The ports of FTP's data connections.", "empty for any, or FIRST-LAST"),
    ] = ""
    upload_limit_bytes: Annotated[
        int, of("A larger upload is refused.", ge=1024, le=100 * 1024**3)
    ] = 100 * 1024**2
    upload_quota_bytes: Annotated[
        int, of("What all uploads and images may take together.", ge=1024, le=100 * 1024**4)
    ] = 10 * 1024**3
    upload_hours: Annotated[
        float, of("How long an upload or a download may wait to begin.", gt=0, le=8760)
    ] = 24
    max_connections: Annotated[
        int, of("Connections of stations at once, at most.", ge=1, le=1_000_000)
    ] = 20_000
    handshake_timeout_s: Annotated[
        float,
        of("How long a connection may take to ask for its upgrade, in seconds.", gt=0, le=300),
    ] = 10
    ping_interval_s: Annotated[
        float,
        of(
            "A station that has said nothing for this long gets a WebSocket ping, in seconds. "
            "0 sends none.",
            ge=0,
            le=3600,
        ),
    ] = 45
    ping_misses: Annotated[
        int,
        of(
            "After this many pings without any sign of life the connection is closed.", ge=1, le=100
        ),
    ] = 2
    compression: Annotated[
        Literal["when-required", "off"],
        of(
            "WebSocket compression costs up to 50 KiB of memory a connection. `when-required` "
            "agrees to it where the protocol version demands that (2.0.1 and 2.1), `off` never."
        ),
    ] = "when-required"
    message_size_limit_bytes: Annotated[
        int,
        of(
            "A longer message is refused with an error, and the connection is kept; one that is "
            "four times as long, and longer than 1 MiB, closes it. In bytes.",
            ge=1024,
            le=16 * 1024 * 1024,
        ),
    ] = 65_536
    fragments_per_message: Annotated[
        int, of("A message in more WebSocket fragments closes the connection.", ge=1, le=65_536)
    ] = 256
    frames_per_s: Annotated[
        float,
        of(
            "WebSocket frames a second that one connection may send for long, control frames "
            "included. Above it we read no faster.",
            gt=0,
            le=100_000,
        ),
    ] = 50
    frames_burst: Annotated[
        int, of("WebSocket frames that it may send at once before that.", ge=1, le=1_000_000)
    ] = 200
    status_stale_hours: Annotated[
        float,
        of(
            "A connector's status that was heard longer ago is shown as stale, in hours. 0: it "
            "stays good while the station is connected.",
            ge=0,
            le=87_600,
        ),
    ] = 24
    unended_after_hours: Annotated[
        float,
        of(
            "Nothing was heard of an open transaction for so long, and its station is gone, not "
            "connected, or has started anew: it is told of as one that never ended. In hours.",
            gt=0,
            le=87_600,
        ),
    ] = 12
    call_timeout_s: Annotated[
        float, of("How long a station may take to answer us, in seconds.", gt=0, le=600)
    ] = 30
    queue_in: Annotated[
        int,
        of(
            "Messages of one station that may wait to be handled. At the limit we stop reading, "
            "and TCP holds the station back.",
            ge=1,
            le=10_000,
        ),
    ] = 16
    queue_out: Annotated[
        int,
        of("Commands that may wait for one station. A further one fails at once.", ge=1, le=10_000),
    ] = 50
    drain_s: Annotated[
        float,
        of(
            "At shutdown, how long messages already read may take to be answered, in seconds.",
            ge=0,
            le=300,
        ),
    ] = 5
    heartbeat_interval_s: Annotated[
        int,
        of(
            "The heartbeat interval that an accepted station is given, in seconds.", ge=1, le=86_400
        ),
    ] = 300
    boot_retry_s: Annotated[
        int,
        of(
            "When a pending or rejected station shall boot again, in seconds.",
            ge=1,
            le=86_400,
        ),
    ] = 60
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        of("The least important log lines that are written."),
    ] = "info"
    log_format: Annotated[
        Literal["auto", "human", "json"],
        of(
            "What `serve` writes: `human` says in words what happens, `json` writes one object a "
            "line for a log collector. `auto` is `human` on a terminal and for the demo, else "
            "`json`."
        ),
    ] = "auto"
    event_loop: Annotated[
        Literal["uvloop", "asyncio"],
        of("Which event loop runs the server. `uvloop` costs about half the CPU."),
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
    def host(self) -> str:
        """`public_host`, or this machine's own name."""
        return self.public_host or socket.getfqdn()

    @property
    def pki_path(self) -> Path:
        """Where the authority keeps its keys and certificates."""
        return self.data / "pki"

    @property
    def files_path(self) -> Path:
        """Where uploads and firmware images are kept."""
        return self.data / "files"
