"""The composition root: builds every part from the settings, and starts what was asked for."""

import asyncio
import contextlib
import gc
import getpass
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import structlog

from voltkeep.bus.commands import CommandDesk, QueuedStations
from voltkeep.bus.local import LocalBus
from voltkeep.bus.outward import Outward
from voltkeep.bus.sealing import Seal
from voltkeep.config import (
    KeyFiles,
    Settings,
    address_or_off,
    make_data_directory,
    parse_networks,
    read_pki_key,
    read_secret,
)
from voltkeep.dialects import DIALECTS
from voltkeep.dialects.masking import masked
from voltkeep.domain.audit import Deed
from voltkeep.domain.events import (
    EnergyMetered,
    Event,
    RootsChanged,
    StationAdded,
    StationBooted,
    StationChanged,
    StationConnected,
    StationDisconnected,
    StationRemoved,
    StationRenamed,
)
from voltkeep.domain.identity import DEFAULT_TENANT, StationId
from voltkeep.gateway.counting import CountedExchanges, WireCounts, count_connection
from voltkeep.gateway.exchanges import logged
from voltkeep.gateway.limits import Limits
from voltkeep.gateway.server import Gateway
from voltkeep.gateway.stations import LocalStations
from voltkeep.gateway.tls import TlsKind
from voltkeep.gateway.tls_source import TlsSource
from voltkeep.pki.authority import CertificateAuthority
from voltkeep.pki.vault import UnusableFile
from voltkeep.services.audit import audit
from voltkeep.services.authority import BadCertificate
from voltkeep.services.background import now_and_then
from voltkeep.services.order_queue import HEARD
from voltkeep.services.ports import Exchange, Stations, StoreUnavailable
from voltkeep.store import Store, migrate, open_store
from voltkeep.store.files import DirectoryFiles
from voltkeep.store.retention import kept_by
from voltkeep.wiring import (
    KEY_FILES,
    AllServices,
    make_services,
    make_tracing,
    make_vitals,
    now,
    subkey,
)

if TYPE_CHECKING:
    from voltkeep.bus.tracing import Tracing
    from voltkeep.web.api_listeners import ApiListeners
    from voltkeep.web.listeners import FileListeners

log = structlog.get_logger(__name__)

_ONE_TRY_S = 5.0  # of the store; a connection tries again until `store_patience_s` is over
# Nearly nothing of ours is a cycle, so young objects need not be looked through every 700.
_COLLECT_AFTER = (20_000, 20, 20)
_SAVE_STATUS_EVERY_S = 0.25
_LOOK_FOR_EVENTS_EVERY_S = 0.5
_PRUNE_EVERY_S = 3600.0
_FILL_EVERY_S = 60.0
_LOOK_FOR_CERTIFICATES_EVERY_S = 5.0
_COMPLAIN_EVERY_S = 60.0
_LAST_WORDS_S = 10.0


class App:
    """One process of Voltkeep. The parts are there while `running` is."""

    store: Store
    stations: Stations
    files: DirectoryFiles
    services: AllServices
    authority: CertificateAuthority
    gateway: Gateway | None = None
    file_listeners: "FileListeners | None" = None
    api_listeners: "ApiListeners | None" = None

    def __init__(self, settings: Settings, origins: Mapping[str, str] | None = None) -> None:
        self.settings = settings
        self._origins = origins or {}
        self._pruned_at: datetime | None = None
        self.bus = LocalBus()
        self.outward: Outward | None = None
        self.tracing: Tracing | None = None
        self._wire = WireCounts()
        self._jobs: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def running(self, *, serve: bool) -> AsyncIterator["App"]:
        """Open the database, and with ``serve`` let stations in and do the scheduled work.

        Without it only the services are up; commands to stations travel through the database to
        the process that serves. Raises ConfigError, StoreUnavailable, SchemaOutdated, OSError.
        """
        settings = self.settings
        make_data_directory(settings)
        secret = read_secret(settings)
        if serve and settings.auto_upgrade:
            await migrate(settings.database_url)
        self.store = await open_store(
            settings.database_url,
            clock=now,
            pool_size=settings.database_pool,
            patience=min(_ONE_TRY_S, settings.store_patience_s),
        )
        try:
            self._build(secret, serve=serve)
            try:
                if serve:
                    await self._serve()
                yield self
            finally:
                if serve:
                    await self._stop()
        finally:
            await self.store.close()

    def _build(self, secret: bytes, *, serve: bool) -> None:
        store, settings, announce = self.store, self.settings, self.bus.publish
        self._seal = Seal(subkey(secret, b"commands"), masked)
        self._api_key = subkey(secret, b"cursors of the API")
        self.stations = (
            LocalStations()
            if serve
            else QueuedStations(store.begin, store.read, now, self._seal, issued_by=_user())
        )
        self.authority = CertificateAuthority(
            KeyFiles(settings.pki_path),
            read_pki_key(settings, subkey(secret, KEY_FILES)),
            settings,
            now(),
        )
        self.files = DirectoryFiles(settings.files_path)
        self.services = make_services(
            store,
            self.stations,
            announce,
            settings=settings,
            secret=secret,
            authority=self.authority,
            files=self.files,
            is_metering_heard=partial(self.bus.hears, EnergyMetered),
        )
        self._tls = TlsSource(
            self.authority,
            self.services.security,
            is_modern=settings.tls_policy == "modern",
            ticket_secret=subkey(secret, b"session tickets"),
        )

    async def _serve(self) -> None:
        settings = self.settings
        assert isinstance(self.stations, LocalStations)
        self.tracing = make_tracing(settings)
        await self.services.provisioning.start()
        await self.services.orders.start()
        await self.files.clear()
        await self._open_authority()
        self.gateway = Gateway(
            dialects=DIALECTS,
            services=self.services,
            security=self.services.security,
            intrusion=self.services.intrusion,
            stations=self.stations,
            log_exchange=self._exchanges(self.stations),
            clock=now,
            limits=_limits(settings),
            compression=settings.compression != "off",
            trusted_proxies=parse_networks(settings.trusted_proxies),
        )
        await self._begin_jobs(self.gateway, self.stations)
        # What was imported and built stays: the collector need not look at it again and again,
        # and pauses for a tenth of a second each time it does.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_COLLECT_AFTER)
        await self._listen(self.gateway)

    def _exchanges(self, stations: LocalStations) -> Callable[[Exchange], None]:
        """Whoever is told what crosses the wire."""
        actions = {action for each in DIALECTS.values() for action in each.actions}
        whose = stations.subprotocol_of
        store = self.store.journal.exchange
        tell = logged(store) if self.settings.log_level == "debug" else store
        counted = CountedExchanges(tell, whose, actions, self._wire)
        if self.tracing is None:
            return counted
        from voltkeep.gateway.tracing import TracedExchanges  # noqa: PLC0415  # an extra

        return TracedExchanges(counted, whose, actions, self.tracing.tracer)

    async def _begin_jobs(self, gateway: Gateway, stations: LocalStations) -> None:
        """What goes on by itself, and what heeds events."""
        store, services = self.store, self.services
        self.bus.handle(
            partial(self._heed, gateway),
            *(StationAdded, StationRemoved, StationRenamed, StationChanged),
        )
        self.bus.handle(services.templates.booted, StationBooted)
        self.bus.handle(
            partial(count_connection, self._wire), StationConnected, StationDisconnected
        )
        self.bus.handle(lambda _: self._tls.roots_changed(), RootsChanged)
        self.outward = Outward(
            store,
            self.bus,
            services.webhooks.courier,
            now,
            look_every_s=_LOOK_FOR_EVENTS_EVERY_S,
        )
        await self.outward.open()
        desk = CommandDesk(store.begin, store.read, stations, now, self._seal)
        for name, work in self.outward.jobs():
            self._job(name, work)
        self._job("commands", desk.run)
        self._job("status", self._save_status)
        self._job("refusals", services.security.refusals.run)
        self._job("retention", self._prune)
        filling = partial(now_and_then, "new columns", store.fill_columns, _FILL_EVERY_S)
        self._job("new columns", filling)
        self._job("audit", services.audit.run)
        self._job("certificates", services.certificates.run)
        self._job("server certificates", self._keep_server_certificates)
        self._job("templates", services.templates.run)
        self._job("campaigns", services.campaigns.run)
        self._job("planned availability", services.availability.plans.run)
        self._job("unended transactions", services.closing.run)
        self.bus.handle(services.order_queue.heed, *HEARD)
        self._job("queued commands", services.order_queue.run)
        self._job("batches", services.batches.run)
        self._job("imports", services.imports.run)
        self._job("reservations", services.reservations.run)
        self.bus.handle(services.list_keeper.heed, StationConnected, StationBooted)
        self._job("local lists", services.list_keeper.run)
        self._job("accounts", services.accounts.run)
        self._job("days", services.day_counter.run)
        self._job("sessions", services.people.sessions.run)

    async def _listen(self, gateway: Gateway) -> None:
        """Open what the settings ask for. Raises BadTlsFiles, or OSError naming the setting."""
        settings = self.settings
        optional = settings.ocpp_tls_client_certificates
        wanted = [
            ("ocpp", settings.ocpp, None),
            ("ocpp_tls", settings.ocpp_tls, TlsKind.OPTIONAL if optional else TlsKind.SERVER),
            ("ocpp_mtls", settings.ocpp_mtls, TlsKind.MUTUAL),
        ]
        if any(kind is not None and text != "off" for _, text, kind in wanted):
            gateway.use_tls(await self._tls.material())
            self._job("tls", partial(self._tls.keep, gateway))
        services = self.services
        # Here, because short commands at a shell need no web, and it takes a third of a second.
        from voltkeep.web.listeners import FileListeners  # noqa: PLC0415  # see above

        self.file_listeners = FileListeners(
            services.diagnostics,
            services.firmware,
            services.certificates,
            self.authority,
            self._tls.for_files,
        )
        await self.file_listeners.open(settings, services.addresses)
        self._job("certificates of files", self.file_listeners.keep)
        await self._open_api()
        for setting, text, kind in wanted:
            address = address_or_off(text)
            if address is None:
                continue
            try:
                services.addresses.listens(setting, await gateway.listen(*address, kind))
            except OSError as error:
                raise OSError(error.errno, error.strerror, f"{setting} = {text}") from error

    async def _open_api(self) -> None:
        """Raises OSError, which names the setting."""
        from voltkeep.web.api_listeners import ApiListeners  # noqa: PLC0415  # as the files
        from voltkeep.web.application import make_application  # noqa: PLC0415  # as the files

        assert self.outward is not None
        assert isinstance(self.stations, LocalStations)
        vitals = make_vitals(
            self.settings,
            self.services,
            self._wire,
            self.stations,
            self.store,
            self.outward,
            self.authority.certificates,
            pruned=self._prunes,
            origins=self._origins,
        )
        if vitals.condition is not None:
            self._job("loop lag", vitals.condition.run)
        state = {"feed": self.outward.feed, "vitals": vitals}
        api = make_application(self.services, self.settings, self._api_key, now, state)
        if self.tracing is not None:
            from voltkeep.web.tracing import traced  # noqa: PLC0415  # an extra

            api = traced(api, self.tracing.tracer)
        self.api_listeners = ApiListeners(api, self.authority, self._tls.for_files)
        await self.api_listeners.open(self.settings, self.services.addresses)
        self._job("certificates of the API", self.api_listeners.keep)

    async def _stop(self) -> None:
        """Let stations go first, while what they say can still be stored."""
        self.services.addresses.stops()
        if self.gateway is not None:
            await self.gateway.close()
        if self.outward is not None:
            self.outward.feed.close()
        for listeners in (self.api_listeners, self.file_listeners):
            if listeners is not None:
                await listeners.close()
        await self.services.orders.close()
        jobs = list(self._jobs)
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
        try:
            async with asyncio.timeout(_LAST_WORDS_S):
                await self.services.availability.save()
                await self.services.security.refusals.flush()
            if self.outward is not None:
                while await self.outward.relay.relay():  # or the next start would tell it as news
                    pass
        except (StoreUnavailable, TimeoutError) as error:
            log.warning("what was not stored is lost", error=str(error) or "it took too long")
        if self.tracing is not None:
            await self.tracing.close()

    async def _open_authority(self) -> None:
        """Raises UnusableFile, BadCertificate, OSError."""
        await asyncio.to_thread(self.authority.load)
        if self.authority.is_new:
            log.info(
                "made a certificate authority",
                directory=str(self.settings.pki_path),
                root=self.authority.root.fingerprint,
                advice="back the directory up; `voltkeep ca` shows and replaces what is in it",
            )

    # Scheduled work.

    def _job(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        task = asyncio.create_task(self._supervise(name, work), name=name)
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)

    async def _supervise(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """A job that fails is logged and begun again: nothing else may stop with it."""
        while True:
            try:
                await work()
            except Exception:
                log.exception("a job failed", job=name)
                await asyncio.sleep(1 + random.random())  # noqa: S311  # spreads retries
            else:
                return

    async def _save_status(self) -> None:
        while True:
            await asyncio.sleep(_SAVE_STATUS_EVERY_S)
            try:
                await self.services.availability.save()
            except StoreUnavailable as error:
                log.warning("status waits for the database", error=str(error))
                await asyncio.sleep(1)

    async def _keep_server_certificates(self) -> None:
        """Renew the server's own in time, and take up what `voltkeep ca` has changed."""
        while True:
            await asyncio.sleep(_LOOK_FOR_CERTIFICATES_EVERY_S)
            try:
                if self.authority.is_server_due(now()):
                    await self._renew_server()
                await asyncio.to_thread(self.authority.refresh, now())
            except (UnusableFile, BadCertificate, OSError, StoreUnavailable) as error:
                log.warning("the server's certificates stay as they were", error=str(error))
                await asyncio.sleep(_COMPLAIN_EVERY_S)

    async def _renew_server(self) -> None:
        """Audited and told with the change, or not done."""
        at, authority = now(), self.authority
        everywhere = StationId(DEFAULT_TENANT, "")
        before = {each.id for each in authority.certificates()}
        async with self.store.begin() as work:
            await asyncio.to_thread(authority.renew_server, at)
            for each in authority.certificates():
                if each.id in before:
                    continue
                until = f"until {each.not_after:%FT%TZ}"
                deed = Deed(
                    action="certificate.renewed", object=each.subject, after=f"{each.id}, {until}"
                )
                await audit(work, DEFAULT_TENANT, at, deed)
                what = f"the server's certificate was renewed in time: {each.id}, {until}"
                work.emit(RootsChanged(station=everywhere, at=at, what=what))
        log.info("renewed the server's certificates")

    async def _prune(self) -> None:
        while True:
            try:
                await self.store.prune(kept_by(self.settings))
                self._pruned_at = now()
            except StoreUnavailable as error:
                log.warning("retention waits for the database", error=str(error))
            await asyncio.sleep(_PRUNE_EVERY_S)

    def _prunes(self) -> tuple[datetime | None, datetime | None]:
        """When old records were removed last, and when they are next."""
        last = self._pruned_at
        return last, None if last is None else last + timedelta(seconds=_PRUNE_EVERY_S)

    def _heed(self, gateway: Gateway, event: Event) -> None:
        """What an operator changed, perhaps from another process, counts for live connections."""
        gateway.reconsider(event.station)
        match event:
            case StationRemoved():
                gateway.drop(event.station, "the station was removed")
            case StationRenamed():
                gateway.drop(event.station, "the station was renamed")
            case StationChanged(what="security profile"):
                gateway.drop(event.station, "the security profile was changed")
            case StationChanged(what="certificate revoked"):
                gateway.drop(event.station, "its certificate was revoked")
            case StationChanged():
                self._once(self.services.provisioning.refresh(event.station))

    def _once(self, work: Awaitable[None]) -> None:
        async def quietly() -> None:
            try:
                await work
            except StoreUnavailable as error:
                log.warning("a change waits for the next connection", error=str(error))

        task = asyncio.create_task(quietly())
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)


def _limits(settings: Settings) -> Limits:
    return Limits(
        message_bytes=settings.message_size_limit_bytes,
        discard_bytes=max(1024 * 1024, 4 * settings.message_size_limit_bytes),
        fragments_per_message=settings.fragments_per_message,
        frames_per_s=settings.frames_per_s,
        frames_burst=settings.frames_burst,
        calls_queued=settings.queue_in,
        commands_queued=settings.queue_out,
        handshake_timeout_s=settings.handshake_timeout_s,
        call_timeout_s=settings.call_timeout_s,
        store_patience_s=settings.store_patience_s,
        ping_interval_s=settings.ping_interval_s,
        ping_misses=settings.ping_misses,
        max_connections=settings.max_connections,
        drain_s=settings.drain_s,
        accepts_per_s=settings.accepts_per_s,
        accepts_burst=settings.accepts_burst,
        # Behind a proxy every station comes from one address.
        unlimited_sources=tuple(
            parse_networks(settings.unlimited_sources) + parse_networks(settings.trusted_proxies)
        ),
        upgrades_per_s=settings.upgrades_per_s,
        duplicate_probe_s=settings.duplicate_probe_s,
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
