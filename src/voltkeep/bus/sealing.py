"""Secrets of a command while it is in the database: encrypted, under the installation's secret."""

import base64
from collections.abc import Callable

from cryptography.fernet import Fernet, InvalidToken
from msgspec import DecodeError, Raw, Struct, json, structs

from voltkeep.domain.commands import (
    Command,
    GetLog,
    Outcome,
    RawCommand,
    ReadVariables,
    ReportVariables,
    SetKey,
    TransferData,
    UpdateFirmware,
    WriteVariables,
)
from voltkeep.services.ports import CommandUnfit, QueuedCommand

Mask = Callable[[str, bytes], bytes]
Without = Callable[[str, bytes, bytes], bytes]

_MASKED = "***"
_DATA, _VARIABLES = "DataTransfer", "GetVariables"  # whose secrets are known by their names
_LOOKED_AT = "SetVariables"  # a message whose secrets are looked for everywhere


class WrongSecret(Exception):
    """The command was sealed by a process that has another secret."""


class _SealedResponse(Struct, frozen=True):
    sealed: str


class Seal:
    """Closes and opens commands; every process of an installation has the same ``key``.

    ``mask`` hides the secrets of a payload, by action.
    """

    def __init__(self, key: bytes, mask: Mask) -> None:
        """``key`` has 32 bytes."""
        self._fernet = Fernet(base64.urlsafe_b64encode(key))
        self._mask = mask

    def closed(self, command: QueuedCommand) -> QueuedCommand:
        """As it may be stored until somebody takes it."""
        kept = self.kept(command.command)
        if kept is command.command:
            return command
        sealed = self._fernet.encrypt(json.encode(command.command)).decode()
        return structs.replace(command, command=kept, sealed=sealed)

    def opened(self, command: QueuedCommand) -> Command:
        """The command as it was given. Raises WrongSecret."""
        if command.sealed is None:
            return command.command
        try:
            content = self._fernet.decrypt(command.sealed)
            given: Command = json.decode(content, type=Command)
        except (InvalidToken, DecodeError) as error:
            raise WrongSecret(
                "the command was encrypted with another secret: give every process of this "
                "installation the same `secret`"
            ) from error
        return given

    def kept(self, command: Command) -> Command:
        """A command without its secrets; the same object if it has none."""
        match command:
            case SetKey():
                return structs.replace(command, key=_MASKED)
            case GetLog() | UpdateFirmware():  # who has the address may send, or fetch
                return structs.replace(command, location=_MASKED)
            case RawCommand():
                payload = self._mask(command.action, bytes(command.payload))
                if payload == bytes(command.payload):
                    return command
                return structs.replace(command, payload=Raw(payload))
            case WriteVariables() if _secrets(command):
                values = tuple(
                    structs.replace(each, value=_MASKED) if each.variable.is_secret else each
                    for each in command.values
                )
                return structs.replace(command, values=values)
            case TransferData():
                data = self._mask(_DATA, bytes(command.data)) if command.data else b""
                same = data == bytes(command.data)
                return command if same else structs.replace(command, data=Raw(data))
            case _:
                return command

    # What a station answered may have secrets as well: it was asked for them, or it repeats them.

    def closed_outcome(self, command: Command, outcome: Outcome) -> Outcome:
        """As it may be stored until whoever asked has read it."""
        if self.kept_outcome(command, outcome) is outcome:
            return outcome
        sealed = self._fernet.encrypt(bytes(outcome.response)).decode()
        return structs.replace(outcome, response=Raw(json.encode(_SealedResponse(sealed))))

    def opened_outcome(self, outcome: Outcome) -> Outcome:
        """The outcome as the station gave it."""
        try:
            sealed = json.decode(outcome.response, type=_SealedResponse).sealed
            response = self._fernet.decrypt(sealed)
        except (DecodeError, InvalidToken):  # a station may say what it likes
            return outcome
        return structs.replace(outcome, response=Raw(response))

    def kept_outcome(self, command: Command, outcome: Outcome) -> Outcome:
        """An outcome without secrets; the same object if it has none."""
        response = bytes(outcome.response)
        kept = response
        if isinstance(command, RawCommand):
            kept = self._mask(command.action, response)
        elif isinstance(command, ReadVariables | ReportVariables):
            kept = self._mask(_VARIABLES, response)
        for secret in _secrets(command):
            kept = kept.replace(secret.encode(), _MASKED.encode())
        return outcome if kept == response else structs.replace(outcome, response=Raw(kept))

    def kept_words(self, command: Command, words: str) -> str:
        """What a station said of a command, without the command's secrets in it."""
        for secret in _secrets(command):
            words = words.replace(secret, _MASKED)
        return words


class AskSeal:
    """Closes and opens what is asked of stations, as JSON: `services.orders.Sealing`."""

    def __init__(self, key: bytes, mask: Mask, without: Without) -> None:
        """``without`` takes the secrets of a payload from words that may repeat them."""
        self._fernet = Fernet(base64.urlsafe_b64encode(key))
        self._mask = mask
        self._without = without

    def kept(self, action: str, ask: bytes) -> bytes:
        """An ask without its secrets."""
        return self._mask(_LOOKED_AT, self._mask(action, ask))

    def closed(self, ask: bytes) -> str:
        return self._fernet.encrypt(ask).decode()

    def opened(self, sealed: str) -> bytes:
        """Raises CommandUnfit."""
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken as error:
            raise CommandUnfit(
                "the order was encrypted with another secret: give every process of this "
                "installation the same `secret`"
            ) from error

    def kept_words(self, ask: bytes, words: str) -> str:
        """What was said of an ask, without the ask's secrets in it."""
        return self._without(_LOOKED_AT, ask, words.encode(errors="replace")).decode()


def _secrets(command: Command) -> tuple[str, ...]:
    match command:
        case SetKey(key=key):
            return (key,)
        case WriteVariables(values=values):
            return tuple(each.value for each in values if each.variable.is_secret)
        case _:
            return ()
