"""The checks of `voltkeep doctor`, one function each. None of them changes anything."""

import asyncio
import contextlib
import enum
import os
import platform
import resource
import shutil
import ssl
import stat
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID
from msgspec import Struct

from voltkeep.cli.errors import as_failure
from voltkeep.cli.server_lock import find_server
from voltkeep.cli.text import duration
from voltkeep.config import (
    ConfigError,
    KeyFiles,
    Settings,
    parse_address,
    public_value,
    read_pki_key,
    read_secret,
)
from voltkeep.pki.own import inventory, is_self_signed
from voltkeep.pki.vault import UnusableFile, Vault
from voltkeep.services.authority import BadCertificate
from voltkeep.services.ports import StoreUnavailable
from voltkeep.store import schema_status
from voltkeep.wiring import KEY_FILES, subkey

_FILES_BESIDE_SOCKETS = 256
_LEAST_FREE_BYTES = 1 << 30
_RELEASED = datetime(2026, 1, 1, tzinfo=UTC)
_REACHED_WITHIN_S = 3.0
_TIMESYNC = Path("/run/systemd/timesync")  # systemd-timesyncd's


class State(enum.StrEnum):
    """How a check came out."""

    GOOD = "good"
    UNSEEN = "unseen"  # nothing is there to be looked at now
    ADVICE = "advice"
    BAD = "bad"


class Finding(Struct, frozen=True, kw_only=True):
    """What a check found, and what to do about it."""

    check: str
    state: State
    found: str
    next_step: str = ""


Check = Callable[[Settings], Finding | Awaitable[Finding]]


async def checks(settings: Settings) -> AsyncIterator[Finding]:
    """The findings, one by one as they come."""
    for check in _CHECKS:
        found = check(settings)
        yield found if isinstance(found, Finding) else await found


def _good(check: str, found: str) -> Finding:
    return Finding(check=check, state=State.GOOD, found=found)


def _advice(check: str, found: str, next_step: str) -> Finding:
    return Finding(check=check, state=State.ADVICE, found=found, next_step=next_step)


def _bad(check: str, found: str, next_step: str) -> Finding:
    return Finding(check=check, state=State.BAD, found=found, next_step=next_step)


def _python(settings: Settings) -> Finding:
    found = f"{platform.python_implementation()} {platform.python_version()}"
    if sys.flags.optimize:
        return _advice("Python", f"{found} with -O", "Run it without -O: it checks less so.")
    return _good("Python", found)


def _data(settings: Settings) -> Finding:
    data = settings.data
    if not data.exists():
        return _good("data", f"{data} will be made at the first start")
    if not os.access(data, os.R_OK | os.W_OK | os.X_OK):
        return _bad(
            "data",
            f"{data} cannot be written by this user",
            f"Give it to the user that runs Voltkeep: chown -R USER {data}",
        )
    if data.stat().st_mode & (stat.S_IRWXO | stat.S_IWGRP):
        return _advice(
            "data",
            f"other users of this machine can enter {data}",
            f"chmod 700 {data}",
        )
    return _good("data", str(data))


def _secret(settings: Settings) -> Finding:
    if settings.secret:
        return _good("secret", "given as `secret`, in no file")
    path = settings.secret_path
    if not path.exists():
        return _good("secret", f"{path} will be made at the first start")
    found = path.stat()
    if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return _bad("secret", f"other users may read {path}", f"chmod 600 {path}")
    if not os.access(path, os.R_OK):
        return _bad("secret", f"this user cannot read {path}", f"chown USER {path}")
    return _good("secret", f"{path}; back it up with the database")


class _AsTheyAre(KeyFiles):
    """The authority's files, looked at: nothing is written."""

    def write(self, name: str, content: bytes) -> None:
        raise UnusableFile(f"{self.path(name)} is missing; the next start makes it")

    def create(self, name: str, content: bytes) -> bool:
        self.write(name, content)
        return False


def _authority(settings: Settings) -> Finding:
    """The certificate authority's files: whether they can be used, and by nobody else."""
    files = _AsTheyAre(settings.pki_path)
    try:
        if not files.names():
            return _good("authority", f"{settings.pki_path} will be made at the first start")
        exposed = [
            path
            for path in settings.pki_path.iterdir()
            if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
        ]
        if exposed:
            paths = " ".join(map(str, sorted(exposed)))
            return _bad("authority", f"other users may read {paths}", f"chmod 600 {paths}")
        passphrase = read_pki_key(settings, subkey(read_secret(settings), KEY_FILES))
        vault = Vault(files, passphrase, settings, datetime.now(UTC))
    except (UnusableFile, BadCertificate, ConfigError, OSError) as error:
        return _bad("authority", str(error), "See docs/howto/certificates.md.")
    return _issuers(settings, vault)


def _issuers(settings: Settings, vault: Vault) -> Finding:
    at = datetime.now(UTC)
    for entry in inventory(vault):
        until = entry.certificate.not_valid_after_utc
        if until < at:
            return _bad(
                "authority",
                f"{entry.name} has expired on {until:%F}",
                "voltkeep ca calendar shows what expires; ca renew-server and ca new-issuer help",
            )
        if entry.name.startswith("issuer-") and is_self_signed(entry.certificate):
            kind = entry.name.split("-")[1]
            return _bad(
                "authority",
                f"{entry.name} is a root, and no issuer: stations do not know whom it signs",
                f"voltkeep ca new-issuer --key-kind {kind}, then voltkeep ca renew-server",
            )
    return _good("authority", f"{settings.pki_path}; back it up with the secret")


async def _database(settings: Settings) -> Finding:
    shown = public_value("database", settings.database_url)
    try:
        async with asyncio.timeout(30):
            schema = await schema_status(settings.database_url)
    except (StoreUnavailable, TimeoutError) as error:
        return _bad(
            "database",
            f"{shown} does not answer: {str(error) or 'no answer in 30 s'}",
            "Start it, or name another with --database.",
        )
    except Exception as error:
        failure = as_failure(error)
        if failure is None:
            raise
        next_step = "Name another with --database, or restore this one from a backup."
        return _bad("database", f"{shown}: {failure.message}", next_step)
    if schema.current is None:
        return _good("database", f"{shown} is empty; it gets its tables at the first start")
    if schema.pending:
        return _advice(
            "database",
            f"{shown} lacks {', '.join(schema.pending)}",
            "The next `voltkeep serve` brings it up to date, or `voltkeep db upgrade` now.",
        )
    return _good("database", f"{shown}, schema {schema.current}")


def _disk(settings: Settings) -> Finding:
    place = next(path for path in (settings.data, *settings.data.parents) if path.exists())
    free = shutil.disk_usage(place).free
    found = f"{free / 2**30:.1f} GiB free at {place}"
    if free < _LEAST_FREE_BYTES:
        return _bad(
            "disk", found, "Make room, or keep less: `message_log_retention_days` is a setting."
        )
    return _good("disk", found)


def _files(settings: Settings) -> Finding:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = settings.max_connections + _FILES_BESIDE_SOCKETS
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return _good("open files", f"up to {soft}, enough for `max_connections`")
    return _advice(
        "open files",
        f"up to {soft}, so about {max(0, soft - _FILES_BESIDE_SOCKETS)} connections; "
        f"`max_connections` is {settings.max_connections}",
        f"For more: `ulimit -n {needed}` before the start, or LimitNOFILE={needed} in systemd"
        + (f" (the hard limit is {hard}: only root can raise it)." if hard < needed else "."),
    )


def _clock(settings: Settings) -> Finding:
    now = datetime.now(UTC)
    if now < _RELEASED:
        return _bad(
            "clock",
            f"it says {now:%Y-%m-%d %H:%M}Z, before this release was made",
            "Set it, and keep it right: timedatectl set-ntp true. Stations take our time.",
        )
    if _TIMESYNC.exists() and not (_TIMESYNC / "synchronized").exists():
        return _advice(
            "clock",
            f"it says {now:%Y-%m-%d %H:%M}Z, and is not synchronized yet",
            "timedatectl set-ntp true. Stations take our time.",
        )
    return _good("clock", f"{now:%Y-%m-%d %H:%M}Z")


def _server(settings: Settings) -> Finding:
    server = find_server(settings.data)
    if server is None:
        return _advice("server", f"none runs on {settings.data}", "Start it: voltkeep serve")
    since = duration(datetime.now(UTC) - server.started_at)
    return _good("server", f"process {server.pid} runs since {since}")


async def _listener(settings: Settings) -> Finding:
    if {settings.ocpp, settings.ocpp_tls, settings.ocpp_mtls} == {"off"}:
        return _advice("listener", "all are off: no station can connect", "Set --ocpp-tls.")
    return await _listens(settings, "ocpp", "listener", "no station can connect without TLS")


async def _tls_listener(settings: Settings) -> Finding:
    return await _listens(settings, "ocpp_tls", "TLS listener", "security profile 2 is not served")


async def _mtls_listener(settings: Settings) -> Finding:
    if settings.ocpp_mtls == "off" and settings.ocpp_tls_client_certificates:
        return _good("mTLS listener", "off; `ocpp_tls` serves security profile 3 as well")
    return await _listens(
        settings, "ocpp_mtls", "mTLS listener", "security profile 3 is not served"
    )


async def _files_listener(settings: Settings) -> Finding:
    return await _listens(
        settings, "files", "files", "nobody learns over HTTP which certificates are revoked"
    )


async def _files_tls_listener(settings: Settings) -> Finding:
    return await _listens(
        settings,
        "files_tls",
        "files over TLS",
        "stations that connect over TLS can exchange files by FTPS only",
    )


async def _ftp_listener(settings: Settings) -> Finding:
    return await _listens(settings, "ftp", "FTP", "only stations that know nothing else need it")


async def _listens(settings: Settings, setting: str, check: str, without: str) -> Finding:
    server = find_server(settings.data)
    text = str(getattr(settings, setting))
    if text == "off":
        return _good(check, f"`{setting}` is off: {without}")
    address = parse_address(text)
    if server is None and address.port == 0:
        return _good(check, f"any free port of {address.host}")
    is_answered = await _connects(address.host, address.port)
    if server is None and is_answered:
        flag = f"--{setting.replace('_', '-')} HOST:PORT"
        return _bad(
            check,
            f"another program listens on {address}",
            f"Stop it, or choose another address: {flag}",
        )
    if server is None:
        return _good(check, f"{address} is free")
    if is_answered:
        return _good(check, f"the server answers on {address}")
    return _bad(
        check,
        f"the server does not answer on {address}",
        "Look at its log; restart it if it hangs.",
    )


async def _certificate(settings: Settings) -> Finding:
    """What the TLS listener presents, as a station sees it."""
    if find_server(settings.data) is None or settings.ocpp_tls == "off":
        return Finding(
            check="certificate",
            state=State.UNSEEN,
            found="not looked at: no server listens on `ocpp_tls`",
            next_step="Look again while one does.",
        )
    address = parse_address(settings.ocpp_tls)
    try:
        async with asyncio.timeout(_REACHED_WITHIN_S):
            shown = await _presented(address.host, address.port)
    except (OSError, TimeoutError, ValueError) as error:
        return _bad(
            "certificate", f"{address} presents none: {error}", "See its log, and voltkeep ca show"
        )
    until = f"{shown.not_valid_after_utc:%Y-%m-%d %H:%M}Z"
    names = {str(each.value) for each in shown.subject.get_attributes_for_oid(NameOID.COMMON_NAME)}
    if shown.not_valid_after_utc <= datetime.now(UTC):
        return _bad("certificate", f"it has expired on {until}", "voltkeep ca show says which")
    if settings.host not in names:
        return _advice(
            "certificate",
            f"it is for {', '.join(sorted(names))}, and stations are told {settings.host}",
            "Set public_host to the name in it, or replace it: voltkeep ca replace-server",
        )
    return _good("certificate", f"for {settings.host}, valid until {until}")


async def _presented(host: str, port: int) -> x509.Certificate:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # it is looked at, and nothing is told to whoever it is
    _, writer = await asyncio.open_connection(host, port, ssl=context)
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return x509.load_der_x509_certificate(shown)


async def _connects(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(_REACHED_WITHIN_S):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


_CHECKS: tuple[Check, ...] = (
    _python,
    _clock,
    _data,
    _secret,
    _authority,
    _database,
    _disk,
    _files,
    _server,
    _listener,
    _tls_listener,
    _mtls_listener,
    _files_listener,
    _files_tls_listener,
    _ftp_listener,
    _certificate,
)
