"""A dialect translates between one OCPP version and the domain, in both directions."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Any

import structlog
from msgspec import DecodeError, Raw, Struct, json

from voltkeep.dialects.dangers import Found, Guard
from voltkeep.dialects.masking import masked
from voltkeep.dialects.mending import ANSWERS, Quirk, mend
from voltkeep.domain.commands import Command, Outcome, RawCommand, Told
from voltkeep.domain.identity import Sender
from voltkeep.domain.stations import Make
from voltkeep.ocpp.errors import ErrorCode, Refusal, plain
from voltkeep.ocpp.messages import encode, read
from voltkeep.ocpp.session import Wire
from voltkeep.services.authorization import AuthorizationService
from voltkeep.services.availability import AvailabilityService
from voltkeep.services.certificates import CertificateService
from voltkeep.services.charging_reports import ChargingReportService
from voltkeep.services.configuration import ConfigurationService
from voltkeep.services.data_transfer import DataTransferService
from voltkeep.services.diagnostics import DiagnosticsService
from voltkeep.services.firmware import FirmwareService
from voltkeep.services.meter_values import MeterValuesService
from voltkeep.services.ports import CommandUnfit
from voltkeep.services.provisioning import ProvisioningService
from voltkeep.services.reservations import ReservationService
from voltkeep.services.security_events import SecurityEventService
from voltkeep.services.transactions import TransactionService

log = structlog.get_logger(__name__)

BOOT = "BootNotification"  # the one message that a station may send before it is accepted
NOTES_KEPT = 10  # of one message: a station must not fill the log with one frame
# What a station says when it does, or will do, as we asked. Other words are a no, or tell no more.
_YES = {"Accepted", "AcceptedCanceled", "RebootRequired", "Scheduled", "Unlocked"}


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a handler may call."""

    provisioning: ProvisioningService
    authorization: AuthorizationService
    availability: AvailabilityService
    transactions: TransactionService
    meter_values: MeterValuesService
    security_events: SecurityEventService
    certificates: CertificateService
    diagnostics: DiagnosticsService
    firmware: FirmwareService
    configuration: ConfigurationService
    data_transfer: DataTransferService
    reservations: ReservationService
    charging_reports: ChargingReportService


Notes = list[str]
"""What was forgiven in a message, in words for the log."""

Handler = Callable[[Services, Sender, Any, Notes], Awaitable[Struct | None]]
"""Translates a request, asks one service, translates its answer back; None answers ``{}``."""

Build = Callable[[Any], tuple[str, Struct] | None]
"""The action and the request that say a command. Raises CommandUnfit.

None: this version has nothing to say for it, because another command has said it.
"""

Tell = Callable[[Any], Told | None]
"""What an answer says beyond yes or no, in words of the domain."""

Omit = Callable[[Any], Told | None]
"""What a version had to leave out of a command, in words of the domain."""

Statuses = Callable[[Any], Iterable[str]]
"""The words of an answer that has one for each thing asked, instead of one ``status``."""

Types = tuple[type[Struct], type[Struct] | None]


@dataclass(frozen=True, slots=True)
class Answer:
    """The payload of a CALLRESULT, and what had to be forgiven in the CALL."""

    payload: bytes
    leniencies: tuple[str, ...] = ()


_NOTHING = Answer(b"{}")


@dataclass(frozen=True)
class Dialect:
    """One OCPP version. What differs between versions is a field here, never an ``if``."""

    subprotocol: str
    wire: Wire
    actions: Mapping[str, Types]
    handlers: dict[str, Handler]
    requests: Mapping[type[Any], Build]
    tells: Mapping[type[Any], Tell]
    statuses: Mapping[str, Statuses]
    """By action; every other answer has a ``status``, or none."""
    guards: Mapping[str, Guard]
    """By action: what a person must force, since the station and we would part over it."""
    quirks: tuple[Quirk, ...]
    instructions: Mapping[str, Mapping[str, str]]
    """Which message a request tells a station to send, by the word in its ``requestedMessage``."""
    requires_compression_offer: bool
    """WebSocket compression must be agreed to when a station offers it (part 4, section 5.5)."""
    omissions: Mapping[type[Any], Omit] = field(default_factory=dict)

    def but(self, **changes: Any) -> "Dialect":
        """The same dialect with differences: how a version relates to the one before it."""
        return replace(self, **changes)

    # What stations say.

    async def answer(
        self,
        services: Services,
        sender: Sender,
        action: str,
        payload: Raw,
        make: Make | None,
        *,
        instructed: AbstractSet[str] = frozenset(),
    ) -> Answer:
        """Handle a CALL. ``make``, as last booted, tells which quirks to expect.

        ``instructed`` are the actions this connection was asked for (`instructs`): what a station
        may send although it is not accepted yet.

        Raises:
            Refusal: the message is malformed, not for us, or not yet allowed.
        """
        request_type, response_type = self._known(services, sender, action, instructed)
        handler = self.handlers.get(action)
        if handler is None or response_type is None:
            raise Refusal(ErrorCode.NOT_SUPPORTED, f"{plain(action, 64)} is not handled here")
        notes: Notes = []
        request = self._read(action, request_type, payload, make, notes)
        response = None if request is None else await handler(services, sender, request, notes)
        if response is None and not notes:
            return _NOTHING
        answer = b"{}" if response is None else self._written(response, response_type)
        return Answer(answer, _told(sender, action, notes))

    async def take(
        self,
        services: Services,
        sender: Sender,
        action: str,
        payload: Raw,
        make: Make | None,
        *,
        instructed: AbstractSet[str] = frozenset(),
    ) -> tuple[str, ...]:
        """Handle a SEND (OCPP 2.1), which is not answered. Returns what was forgiven.

        Raises:
            Refusal: for the log only; section 4.2.4 forbids to answer.
        """
        request_type, response_type = self._known(services, sender, action, instructed)
        handler = self.handlers.get(action)
        if response_type is not None:
            raise Refusal(ErrorCode.PROTOCOL_ERROR, f"{plain(action, 64)} is a CALL, not a SEND")
        if handler is None:
            raise Refusal(ErrorCode.NOT_SUPPORTED, f"{plain(action, 64)} is not handled here")
        notes: Notes = []
        request = self._read(action, request_type, payload, make, notes)
        assert request is not None, "no row of quirks.py takes a SEND for empty"
        await handler(services, sender, request, notes)
        return _told(sender, action, notes)

    def _known(
        self, services: Services, sender: Sender, action: str, instructed: AbstractSet[str]
    ) -> Types:
        # 1.6 errata J 3.10; 2.x B01.FR.10, B02.FR.09, B03.FR.07: whatever else it is.
        if (
            action != BOOT
            and not services.provisioning.may_work(sender.station)
            and action not in instructed
        ):
            raise Refusal(
                ErrorCode.SECURITY_ERROR, f"This station is not accepted: only {BOOT} is allowed"
            )
        types = self.actions.get(action)
        if types is None:
            raise Refusal(
                ErrorCode.NOT_IMPLEMENTED, f"{self.subprotocol} has no {plain(action, 64)}"
            )
        return types

    def _read(
        self, action: str, type_: type[Struct], payload: Raw, make: Make | None, notes: Notes
    ) -> Struct | None:
        """The message as its version has it, or else as a known quirk explains it.

        None: once mended, it tells nothing.
        """
        try:
            return read(type_, payload)
        except Refusal as refusal:
            mended = mend(self.quirks, action, type_, payload, make)
            if mended is None:
                raise
            notes += mended.notes
            if mended.payload is None:
                return None
            try:
                return read(type_, mended.payload)
            except Refusal:
                raise refusal from None

    def _written(self, message: Struct, wire_type: type[Struct]) -> bytes:
        """A message as it is sent: proven valid, for structs are not checked when they are made."""
        payload = encode(message)
        read(wire_type, payload)
        return payload

    # What we ask of stations.

    def request(self, command: Command) -> tuple[str, bytes] | None:
        """The action and payload that ask a station for ``command``; None: nothing to ask.

        Raises:
            CommandUnfit: this version cannot say it.
        """
        if isinstance(command, RawCommand):
            return command.action, self._raw(command)
        built = self.requests[type(command)](command)
        if built is None:
            return None
        action, message = built
        payload = encode(message)
        try:
            read(self.actions[action][0], payload)  # what an operator asks for may not fit
        except Refusal as refusal:
            raise CommandUnfit(f"{action}: {refusal.description}") from refusal
        return action, payload

    def _raw(self, command: RawCommand) -> bytes:
        payload = bytes(command.payload)
        try:
            content = json.decode(payload)
        except (DecodeError, RecursionError, UnicodeError) as error:
            raise CommandUnfit(f"the payload is not JSON: {error}") from error
        if command.force:
            return payload
        types = self.actions.get(command.action)
        if types is None:
            raise CommandUnfit(f"{self.subprotocol} has no {plain(command.action, 64)}")
        if types[1] is None:
            raise CommandUnfit(f"{command.action} is a message that nobody answers")
        try:
            read(types[0], payload)
        except Refusal as refusal:
            raise CommandUnfit(f"{command.action}: {refusal.description}") from refusal
        if (found := self._danger(command.action, content)) is not None:
            raise CommandUnfit(f"{plain(found[0], 64)} {found[1].refused}")
        return payload

    def _danger(self, action: str, content: Any) -> Found | None:
        guard = self.guards.get(action)
        return None if guard is None else guard(content)

    def instructs(self, action: str, payload: bytes) -> frozenset[str]:
        """What a station may send, accepted or not, once it was sent this (B02.FR.02)."""
        words = self.instructions.get(action)
        if words is None:
            return frozenset()
        content = json.decode(payload)
        word = content.get("requestedMessage", "") if isinstance(content, dict) else None
        return frozenset({words[word]} if isinstance(word, str) and word in words else ())

    def outcome(
        self, command: Command, action: str, payload: Raw, notes: Notes | None = None
    ) -> Outcome:
        """How a station took ``command``. What had to be forgiven is added to ``notes``.

        Raises:
            Refusal: the answer is not valid in this version.
        """
        response_type = self.actions.get(action, (None, None))[1]
        unchecked = isinstance(command, RawCommand) and command.force
        if response_type is None and not unchecked:
            raise Refusal(ErrorCode.NOT_IMPLEMENTED, f"{plain(action, 64)} has no answer")
        told: Told | None = None
        words: list[str] = []
        if response_type is not None:
            forgiven: Notes = []
            try:
                answer = self._read(ANSWERS, response_type, payload, None, forgiven)
                if answer is not None and (tell := self.tells.get(type(command))) is not None:
                    told = tell(answer)
                if answer is not None and (of := self.statuses.get(action)) is not None:
                    words = list(of(answer))
            except Refusal:
                if not unchecked:
                    raise
            if notes is not None:
                notes += forgiven[:NOTES_KEPT]
        if told is None and (omit := self.omissions.get(type(command))) is not None:
            told = omit(command)
        if words:
            # Where many things were asked, the first no is what counts.
            status = next((word for word in words if word not in _YES), words[0])
        else:
            content = json.decode(payload)
            word = content.get("status") if isinstance(content, dict) else None
            status = plain(word) if isinstance(word, str) else ""
        return Outcome(
            accepted=not status or status in _YES,
            status=status,
            response=Raw(bytes(payload)),
            told=told,
            warning=self._warning(command),
        )

    def _warning(self, command: Command) -> str:
        if not isinstance(command, RawCommand) or not command.force:
            return ""
        found = self._danger(command.action, json.decode(command.payload))
        return "" if found is None else found[1].forced

    def mask(self, action: str, frame: bytes) -> bytes:
        """``frame`` as the message log may keep it: keys and passwords are ``***``."""
        return masked(action, frame)


def _told(sender: Sender, action: str, notes: Notes) -> tuple[str, ...]:
    if not notes:
        return ()
    kept = tuple(notes[:NOTES_KEPT])
    log.info("lenient", station=str(sender.station), action=action, forgiven=kept)
    return kept
