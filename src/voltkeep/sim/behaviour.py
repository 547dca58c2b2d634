"""How a station can be told to misbehave: by name, as data. `MISBEHAVIOURS` is the list."""

import re
import ssl
from collections.abc import Callable, Iterable
from typing import Any, Literal

from msgspec import Struct, json

_OVERSIZED = 1 << 20
_LOCAL_TIME_S = 2 * 3600.0

Rewrite = Callable[[str, dict[str, Any]], Any]


class Misbehaviour(Struct, frozen=True, kw_only=True):
    """What one named misbehaviour does. Times are simulated seconds."""

    name: str
    does: str
    answers: bool = True
    answer_delay_s: float = 0.0
    clock_error_s: float = 0.0
    learns_time: bool = True
    same_id: bool = False
    repeats: int = 0
    binary: bool = False
    boots_on_connect: bool = False
    boots_every_s: float = 0.0
    drops_every_s: float = 0.0
    frames_every_s: float = 0.0
    frame: Callable[[str], str] | None = None
    rewrite: Rewrite | None = None
    rewrite_text: Callable[[bytes], bytes] | None = None
    rewrite_answer: Callable[[bytes], bytes] | None = None
    key_as_written: bool = False
    key_answer: Literal["Rejected", "NotSupported"] | None = None
    loses_key_answer: bool = False
    tls_maximum: ssl.TLSVersion | None = None
    tls_ciphers: str | None = None
    client_certificate: Literal["none", "foreign"] | None = None
    ignores_host: bool = False
    returns_to_lower: bool = False
    refuses_files: bool = False
    install_failure: str | None = None
    knows_no_security: bool = False


def _minus_one(action: str, payload: dict[str, Any]) -> Any:
    if action in {"StopTransaction", "MeterValues"} and "transactionId" in payload:
        payload["transactionId"] = -1
    return payload


def _numeric(_: str, payload: dict[str, Any]) -> Any:
    for holder in ("meterValue", "transactionData"):
        for meter_value in payload.get(holder, ()):
            for sample in meter_value["sampledValue"]:
                value = sample["value"]
                sample["value"] = float(value) if isinstance(value, str) else str(value)
    return payload


def _no_samples(_: str, payload: dict[str, Any]) -> Any:
    for meter_value in payload.get("meterValue", ()):
        meter_value["sampledValue"] = []
    return payload


def _null(_: str, payload: dict[str, Any]) -> Any:
    return payload or None


def _extra(_: str, payload: dict[str, Any]) -> Any:
    return {**payload, "colour": "green"}


_ZULU = re.compile(rb'(T\d\d:\d\d:\d\d(?:\.\d+)?)Z"')


def _naive(payload: bytes) -> bytes:
    return _ZULU.sub(rb'\1"', payload)


def _short_offset(payload: bytes) -> bytes:
    return _ZULU.sub(rb'\1+00"', payload)


def _call(action: str, payload: str) -> Callable[[str], str]:
    return lambda id: f'[2,"{id}","{action}",{payload}]'


_ROWS = (
    Misbehaviour(name="silent", does="never answers a CALL", answers=False),
    Misbehaviour(name="late", does="answers each CALL 45 s late", answer_delay_s=45.0),
    Misbehaviour(
        name="bad-answers",
        does="answers each CALL with a payload that no schema allows",
        rewrite_answer=lambda _: b'{"status":"Perhaps"}',
    ),
    Misbehaviour(
        name="malformed-json",
        does="sends a frame that is no JSON, every 10 s",
        frames_every_s=10.0,
        frame=lambda id: f'[2,"{id}","Heartbeat",{{[}}]',
    ),
    Misbehaviour(
        name="no-frame",
        does="sends JSON that is no OCPP frame, every 10 s",
        frames_every_s=10.0,
        frame=lambda _: '{"hello":"world"}',
    ),
    Misbehaviour(
        name="unknown-action",
        does="sends a CALL of an action that no version has, every 10 s",
        frames_every_s=10.0,
        frame=_call("CustomOperation", "{}"),
    ),
    Misbehaviour(
        name="invalid-field",
        does="sends a CALL whose payload breaks its schema, every 10 s",
        frames_every_s=10.0,
        frame=_call("StatusNotification", '{"connectorId":"one","status":7}'),
    ),
    Misbehaviour(
        name="oversized-frame",
        does="sends a frame of one MiB, every 10 s",
        frames_every_s=10.0,
        frame=_call("DataTransfer", f'{{"vendorId":"Voltkeep","data":"{"x" * _OVERSIZED}"}}'),
    ),
    Misbehaviour(name="extra-field", does="adds a field to each CALL", rewrite=_extra),
    Misbehaviour(name="null-payload", does="writes null for an empty payload", rewrite=_null),
    Misbehaviour(
        name="numeric-values",
        does="writes meter values as numbers where strings belong (1.6), and the reverse (2.x)",
        rewrite=_numeric,
    ),
    Misbehaviour(
        name="no-samples", does="sends meter values without a sample", rewrite=_no_samples
    ),
    Misbehaviour(
        name="stop-minus-one",
        does="names its transactions -1 in StopTransaction and MeterValues (1.6)",
        rewrite=_minus_one,
    ),
    Misbehaviour(name="repeats", does="sends each CALL twice, with one id", repeats=1),
    Misbehaviour(name="same-id", does="gives all its CALLs one id", same_id=True),
    Misbehaviour(name="binary-frames", does="sends its text in binary frames", binary=True),
    Misbehaviour(
        name="drops",
        does="drops its connection every 30 s, without a close frame",
        drops_every_s=30.0,
    ),
    Misbehaviour(
        name="boots-on-connect",
        does="sends a BootNotification after each reconnect, rebooted or not",
        boots_on_connect=True,
    ),
    Misbehaviour(
        name="boot-storm", does="sends a BootNotification every second", boots_every_s=1.0
    ),
    Misbehaviour(
        name="local-time",
        does="writes its local time, two hours ahead, as if it were UTC",
        clock_error_s=_LOCAL_TIME_S,
        learns_time=False,
    ),
    Misbehaviour(
        name="clock-1970",
        does="begins in 1970 and never learns the time",
        clock_error_s=-1.7e9,
        learns_time=False,
    ),
    Misbehaviour(
        name="naive-time", does="writes timestamps without an offset", rewrite_text=_naive
    ),
    Misbehaviour(
        name="short-offset", does='writes "+00" where "Z" belongs', rewrite_text=_short_offset
    ),
    Misbehaviour(
        name="key-as-written",
        does="sends a new AuthorizationKey as the text it came in, not the bytes it stands for",
        key_as_written=True,
    ),
    Misbehaviour(
        name="rejects-key", does="rejects every new key or password", key_answer="Rejected"
    ),
    Misbehaviour(
        name="no-key-change", does="does not support a new key", key_answer="NotSupported"
    ),
    Misbehaviour(
        name="lost-key-answer",
        does="takes a new key and loses its connection before it has answered",
        loses_key_answer=True,
    ),
    Misbehaviour(
        name="old-tls",
        does="speaks no TLS later than 1.1",
        tls_maximum=ssl.TLSVersion.TLSv1_1,
        tls_ciphers="ALL:@SECLEVEL=0",
    ),
    Misbehaviour(
        name="weak-ciphers",
        does="offers only cipher suites that OCPP does not name (TLS 1.2, CBC)",
        tls_maximum=ssl.TLSVersion.TLSv1_2,
        tls_ciphers="AES128-SHA:AES256-SHA:@SECLEVEL=0",
    ),
    Misbehaviour(
        name="no-client-certificate",
        does="shows no certificate where security profile 3 wants one",
        client_certificate="none",
    ),
    Misbehaviour(
        name="foreign-client-certificate",
        does="shows a certificate of its own making",
        client_certificate="foreign",
    ),
    Misbehaviour(
        name="any-host",
        does="believes a server certificate whatever host it names",
        ignores_host=True,
    ),
    Misbehaviour(
        name="returns-to-lower",
        does="goes back to the lower security profile once a higher one has worked",
        returns_to_lower=True,
    ),
    Misbehaviour(
        name="refuses-files", does="rejects requests for logs and firmware", refuses_files=True
    ),
    Misbehaviour(
        name="installation-fails",
        does="fetches firmware, and fails to install it",
        install_failure="InstallationFailed",
    ),
    Misbehaviour(
        name="no-security-extensions",
        does="knows nothing of the security whitepaper (1.6): only the old messages for files",
        knows_no_security=True,
    ),
)

MISBEHAVIOURS = {row.name: row for row in _ROWS}


class Manners:
    """Several misbehaviours at once. Without any, a station behaves."""

    __slots__ = ("rows",)

    def __init__(self, names: Iterable[str] = ()) -> None:
        """Look the names up.

        Raises:
            KeyError: no misbehaviour is called so.
        """
        unknown = [name for name in names if name not in MISBEHAVIOURS]
        if unknown:
            known = ", ".join(MISBEHAVIOURS)
            raise KeyError(f"No misbehaviour {', '.join(unknown)}; there are: {known}")
        self.rows = tuple(MISBEHAVIOURS[name] for name in names)

    def __bool__(self) -> bool:
        return bool(self.rows)

    def any(self, trait: str) -> bool:
        """Whether one of them has a trait that is off by default."""
        return any(getattr(row, trait) for row in self.rows)

    def most(self, trait: str) -> float:
        """The largest value among them, by size; 0 without one."""
        return max((getattr(row, trait) for row in self.rows), key=abs, default=0.0)

    def first(self, trait: str) -> Any:
        """The value of the first that has one; None without one."""
        values = (getattr(row, trait) for row in self.rows)
        return next((value for value in values if value is not None), None)

    @property
    def answers(self) -> bool:
        """Whether CALLs are answered at all."""
        return all(row.answers for row in self.rows)

    @property
    def learns_time(self) -> bool:
        """Whether the clock is set by what the CSMS says."""
        return all(row.learns_time for row in self.rows)

    def payload(self, action: str, payload: bytes) -> bytes:
        """What becomes of a CALL's payload."""
        for row in self.rows:
            if row.rewrite is not None:
                payload = json.encode(row.rewrite(action, json.decode(payload)))
            if row.rewrite_text is not None:
                payload = row.rewrite_text(payload)
        return payload

    def answer(self, payload: bytes) -> bytes:
        """What becomes of an answer's payload."""
        for row in self.rows:
            if row.rewrite_answer is not None:
                payload = row.rewrite_answer(payload)
            if row.rewrite is _null and payload == b"{}":
                payload = b"null"
        return payload

    def frames(self, id: str) -> list[str]:
        """The frames to send unasked, each under an id of its own."""
        return [
            row.frame(f"{id}-{number}")
            for number, row in enumerate(self.rows)
            if row.frame is not None
        ]
