"""What the services need from the outside. Each port has a real and an in-memory adapter."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from voltkeep.domain.authorization import GroupCount, Token
from voltkeep.domain.availability import StatusUpdate
from voltkeep.domain.commands import Command, Outcome
from voltkeep.domain.events import Event
from voltkeep.domain.identity import Evse, IdToken, Sender, StationId, TenantId, TransactionRef
from voltkeep.domain.meter_values import MeterReport
from voltkeep.domain.orders import OrderMessage
from voltkeep.domain.stations import Boot, Policy, Registration, SecurityProfile, Station, Trust
from voltkeep.domain.transactions import Transaction, TransactionUpdate
from voltkeep.services.day_rows import DayRows
from voltkeep.services.lists import Lists
from voltkeep.services.records import AuditRows, RecordKinds
from voltkeep.services.rows import ConnectorRow as ConnectorRow  # noqa: PLC0414  # told on
from voltkeep.services.rows import Exchange as Exchange  # noqa: PLC0414  # told on
from voltkeep.services.rows import LoggedExchange as LoggedExchange  # noqa: PLC0414  # told on
from voltkeep.services.rows import MeterRow as MeterRow  # noqa: PLC0414  # told on

Clock = Callable[[], datetime]
"""The time now, aware, UTC."""


class StoreUnavailable(Exception):
    """The database did not take the work; nothing of it was kept, and it may be tried again."""


class Contended(StoreUnavailable):
    """Other works were in the way, while the database was well: it may be tried again at once."""


class Superseded(Exception):
    """A newer connection of the station is live: what this one says is discarded."""


# --- rows --------------------------------------------------------------------------------------


class StationRows(Protocol):
    async def get(self, station: StationId) -> Station | None: ...
    async def lock(self, station: StationId) -> Station | None:
        """As `get`, and nobody else may change it until this work is over."""
        ...

    async def add(self, station: Station) -> bool:
        """False if that id is taken."""
        ...

    async def all(
        self, tenant: TenantId | None = None, *, after: StationId | None = None, limit: int = 1000
    ) -> list[Station]:
        """In order of tenant and name; of every tenant if none is named."""
        ...

    async def remove(self, station: StationId) -> bool:
        """Forget the station, its connectors, and the roots installed in it or trusted for it.

        Its history stays: transactions, meter values, certificates issued, events.
        """
        ...

    async def rename(self, station: StationId, new: StationId) -> None:
        """Its whole history follows. Raises ValueError if ``new`` is taken."""
        ...

    async def set_key(self, station: StationId, key_hash: str | None) -> None: ...
    async def set_profile(self, station: StationId, profile: SecurityProfile) -> None: ...
    async def set_trust(self, station: StationId, trust: Trust) -> None: ...
    async def set_registration(self, station: StationId, registration: Registration) -> None: ...
    async def set_passive(self, station: StationId, *, passive: bool) -> None: ...
    async def set_note(self, station: StationId, note: str) -> None: ...
    async def set_site(self, station: StationId, site: str) -> None: ...
    async def set_policy(self, station: StationId, policy: Policy) -> None: ...
    async def connected(
        self, station: StationId, *, at: datetime, subprotocol: str, address: str
    ) -> int:
        """Count the fencing epoch up by one and return it: older connections are over."""
        ...

    async def disconnected(self, station: StationId, epoch: int, at: datetime) -> bool:
        """False, and nothing changed, if a newer connection has taken over."""
        ...

    async def disconnect_all(self, at: datetime) -> int:
        """After a crash: no station is connected to a server that has just started."""
        ...

    async def booted(self, station: StationId, boot: Boot, at: datetime) -> None: ...
    async def hold(self, sender: Sender) -> Station:
        """As `lock`, for what a connection says. Raises Superseded if its epoch has moved on."""
        ...

    async def seen(self, last_seen: dict[StationId, datetime]) -> None:
        """Many at once; never moves one back."""
        ...


class ConnectorRows(Protocol):
    async def save(self, rows: Sequence[ConnectorRow]) -> None:
        """Insert or replace, many at once."""
        ...

    async def of(self, station: StationId) -> list[ConnectorRow]:
        """By EVSE and connector; the station as a whole (evse None) first."""
        ...


class TokenRows(Protocol):
    async def get(self, tenant: TenantId, id_token: IdToken) -> Token | None:
        """By `IdToken.key`: without regard to case or kind."""
        ...

    async def hold(self, tenant: TenantId, id_token: IdToken) -> Token | None:
        """As `get`, and nobody else may start with it or change it until this work is over."""
        ...

    async def add(self, tenant: TenantId, token: Token) -> bool:
        """Insert; False, and nothing changed, if there is one of that key."""
        ...

    async def save(self, tenant: TenantId, token: Token) -> bool:
        """Insert or replace. True if it is new."""
        ...

    async def remove(self, tenant: TenantId, id_token: IdToken) -> bool: ...
    async def all(
        self,
        tenant: TenantId,
        *,
        after: str = "",
        groups: Sequence[str] = (),
        limit: int = 1000,
    ) -> list[Token]:
        """In order of `IdToken.key`; of these groups only, if any is named."""
        ...

    async def count(self, tenant: TenantId, *, groups: Sequence[str] = ()) -> int: ...
    async def groups(
        self, tenant: TenantId, *, after: str = "", limit: int = 1000
    ) -> "list[GroupCount]":
        """Groups that have a token, in order of their names."""
        ...

    async def block_group(self, tenant: TenantId, group: str, *, blocked: bool) -> int:
        """Mark each token of a group; how many."""
        ...

    async def rename_group(self, tenant: TenantId, group: str, new: str) -> int: ...


class TransactionRows(Protocol):
    async def get(self, station: StationId, ref: TransactionRef) -> Transaction | None: ...
    async def started_as(self, station: StationId, start_key: str) -> Transaction | None:
        """The transaction of a 1.6 StartTransaction that said exactly the same."""
        ...

    async def next_number(self) -> int:
        """For `transaction_number`: 1, 2, 3 … never the same twice, gaps allowed."""
        ...

    async def add(self, transaction: Transaction) -> bool:
        """False if the station has a transaction of that name."""
        ...

    async def save(self, transaction: Transaction) -> None:
        """Replace a transaction that `get` gave in this work."""
        ...

    async def mark(
        self, station: StationId, ref: TransactionRef, update: TransactionUpdate, at: datetime
    ) -> bool:
        """Note that this update was heard. False if it had been heard before."""
        ...

    async def active_with(
        self,
        tenant: TenantId,
        id_token: IdToken,
        *,
        except_at: tuple[StationId, Evse | None] | None = None,
    ) -> int:
        """How many accepted transactions this token keeps running.

        Of several that never ended on one EVSE only the latest counts: a car left, unheard. For
        the same reason none counts of the EVSE ``except_at``, where one is about to start.
        """
        ...

    async def all(
        self,
        tenant: TenantId | None = None,
        *,
        station: StationId | None = None,
        active: bool | None = None,
        before: tuple[datetime, StationId, TransactionRef] | None = None,
        limit: int = 1000,
    ) -> list[Transaction]:
        """The latest heard of first: by (first_heard_at, station, ref), descending."""
        ...

    async def suspects(
        self,
        silent_since: datetime,
        *,
        after: tuple[StationId, TransactionRef] | None = None,
        limit: int = 1000,
    ) -> list[Transaction]:
        """Open ones that may never have ended, and some that run, by station and ref.

        A newer one has begun on the EVSE; or that says Available since; or the row was not
        touched since then, and the station is gone, away, or has started anew.
        """
        ...

    async def newer(self, transaction: Transaction) -> Transaction | None:
        """The next that was heard of on the same EVSE."""
        ...


class RemoteStart(Struct, frozen=True, kw_only=True):
    """A remote start we asked for, until a transaction claims it."""

    id: int
    station: StationId
    id_token: IdToken
    evse: Evse | None
    at: datetime


class RemoteStartRows(Protocol):
    async def open(
        self, station: StationId, id_token: IdToken, evse: Evse | None, at: datetime
    ) -> int:
        """Remember the request under a new positive id."""
        ...

    async def claim(
        self, station: StationId, id_token: IdToken, evse: Evse | None, since: datetime
    ) -> int | None:
        """The oldest unclaimed request since then that this start answers; it is then claimed."""
        ...

    async def withdraw(self, station: StationId, id: int) -> None:
        """Nothing will answer this request: no transaction may claim it."""
        ...


class MeterRows(Protocol):
    async def of_transaction(self, station: StationId, ref: TransactionRef) -> list[MeterRow]:
        """In order of time."""
        ...


# --- commands across processes -----------------------------------------------------------------


class QueuedCommand(Struct, kw_only=True):
    """A command on its way to a station, whichever process holds its connection."""

    id: str
    station: StationId
    command: Command
    issued_by: str
    created_at: datetime
    expires_at: datetime
    taken_at: datetime | None = None
    done_at: datetime | None = None
    result: str | None = None  # accepted, rejected, offline, silent, refused, unsupported, …
    outcome: Outcome | None = None
    error: str | None = None
    messages: tuple[OrderMessage, ...] = ()  # that it took
    # The command with its secrets, encrypted, until it is settled; ``command`` has none then.
    sealed: str | None = None


class CommandRows(Protocol):
    async def add(self, command: QueuedCommand) -> None: ...
    async def take(self, now: datetime, limit: int = 50) -> list[QueuedCommand]:
        """Commands nobody has taken or settled, not expired, oldest first."""
        ...

    async def waiting(self, now: datetime) -> bool:
        """Whether `take` would find any: cheap, and asked often."""
        ...

    async def settle(self, command: QueuedCommand) -> None:
        """Store what became of it, and ``command`` as it may be kept."""
        ...

    async def get(self, tenant: TenantId, id: str) -> QueuedCommand | None: ...


# --- the message log ---------------------------------------------------------------------------


class MessageRows(Protocol):
    async def since(
        self, after: int, *, station: StationId | None = None, limit: int = 500
    ) -> list[LoggedExchange]:
        """Those with a greater id, in order."""
        ...

    async def last(
        self, *, station: StationId | None = None, limit: int = 20
    ) -> list[LoggedExchange]:
        """The newest, in order of time."""
        ...


# --- the unit of work and the journal ----------------------------------------------------------


class Work(RecordKinds, Protocol):
    """One database transaction. Events emitted in it are published only if it commits."""

    @property
    def stations(self) -> StationRows: ...
    @property
    def connectors(self) -> ConnectorRows: ...
    @property
    def tokens(self) -> TokenRows: ...
    @property
    def transactions(self) -> TransactionRows: ...
    @property
    def remote_starts(self) -> RemoteStartRows: ...
    @property
    def meter_values(self) -> MeterRows: ...
    @property
    def commands(self) -> CommandRows: ...
    @property
    def messages(self) -> MessageRows: ...
    @property
    def audit(self) -> AuditRows: ...
    @property
    def lists(self) -> Lists: ...
    @property
    def days(self) -> DayRows: ...

    def emit(self, event: Event) -> None: ...

    async def store_meter_values(self, sender: Sender, report: MeterReport) -> None:
        """The same rows as the journal writes, within this work."""
        ...


Begin = Callable[[], AbstractAsyncContextManager[Work]]
"""A unit of work that writes. Raises StoreUnavailable, on entry or on exit."""

Read = Callable[[], AbstractAsyncContextManager[Work]]
"""A unit of work that only reads, and waits for no writer."""


class Journal(Protocol):
    """Append-only rows of many stations, committed together."""

    async def meter_values(self, sender: Sender, report: MeterReport) -> None:
        """Returns once the rows are durable; saying the same twice stores it once.

        Raises StoreUnavailable after a while.
        """
        ...

    async def transaction_update(
        self, sender: Sender, ref: TransactionRef, update: TransactionUpdate
    ) -> None:
        """An update that changes nothing but the meter: its mark and its meter values, durable."""
        ...

    def status(self, sender: Sender, update: StatusUpdate) -> None:
        """Status history: stored soon, not waited for."""
        ...

    def exchange(self, exchange: Exchange) -> None:
        """The message log: stored soon, dropped first under pressure, and the drop counted."""
        ...


class Announce(Protocol):
    """Tell who listens in this process now; nobody is waited for, nothing is kept."""

    def __call__(self, event: Event) -> None: ...


# --- stations, from above ----------------------------------------------------------------------


class StationUnreachable(Exception):
    """The command had no answer; the subclasses say why."""

    result = "failed"
    may_have_arrived = True
    """Whether the station may have done as it was asked all the same."""


class StationOffline(StationUnreachable):
    """The station is not connected."""

    result = "offline"
    may_have_arrived = False


class StationLeft(StationOffline):
    """The connection ended when the command had been sent, and was not answered yet."""

    result = "left"
    may_have_arrived = True


class StationSilent(StationUnreachable):
    """The station did not answer in time."""

    result = "silent"


class StationBusy(StationUnreachable):
    """Too many commands wait for this station already."""

    result = "busy"
    may_have_arrived = False


class StationRefused(StationUnreachable):
    """The station answered with a CALLERROR."""

    result = "refused"
    may_have_arrived = False

    def __init__(self, code: str, description: str = "") -> None:
        super().__init__(f"{code}: {description}" if description else code)
        self.code = code
        self.description = description


class StationUnclear(StationRefused):
    """The station answered with nonsense: it may have meant yes."""

    result = "unclear"
    may_have_arrived = True


class StationPassive(StationUnreachable):
    """The station is passive, and nobody has asked for this command."""

    result = "passive"
    may_have_arrived = False


class CommandUnfit(StationUnreachable):
    """The command cannot be said to this station: not in its protocol, or not by its schema."""

    result = "unfit"
    may_have_arrived = False


class Stations(Protocol):
    async def send(
        self, station: StationId, command: Command, timeout: float | None = None
    ) -> Outcome:
        """Send a command and wait for the answer, whichever process holds the connection.

        Raises:
            StationOffline: the station is not connected.
            StationLeft: it was, when the command was sent.
            StationSilent: the station did not answer in time.
            StationBusy: too many commands wait already.
            StationRefused: the station answered with a CALLERROR.
            StationUnclear: the station's answer is not valid.
            StationPassive: it hears what people ask for, and nobody did.
            CommandUnfit: the station's protocol has no such message, or forbids that payload.
        """
        ...
