"""What the small CSMS knows: stations, tokens, transactions; and what a fault may change of it."""

import itertools
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tests.lab.csms.certificates import Authority
from tests.lab.csms.out import Out, Spoiling

if TYPE_CHECKING:
    from tests.lab.csms.link import Link

Payload = dict[str, Any]


@dataclass
class Record:
    """A station. It may come in on its profile, and once on the next one."""

    identity: str
    serial_number: str
    profile: int
    key: bytes
    next_profile: int | None = None
    was_accepted: bool = False
    former_keys: list[bytes] = field(default_factory=list)  # that a fault still takes

    @property
    def keys(self) -> list[bytes]:
        return [self.key, *self.former_keys]


@dataclass
class State:
    """Of the whole CSMS."""

    authority: Authority
    stations: dict[str, Record] = field(default_factory=dict)
    tokens: dict[str, Payload] = field(default_factory=dict)  # by the tag in upper case
    revoked: set[int] = field(default_factory=set)
    links: dict[str, "Link"] = field(default_factory=dict)
    given: dict[str, dict[str, Out]] = field(default_factory=dict)  # answers, by station and CALL
    starts: dict[tuple[object, ...], Payload] = field(default_factory=dict)
    checks: dict[str, tuple[Callable[..., bool], HTTPStatus]] = field(default_factory=dict)
    rules: dict[str, Callable[["Link", Any], Payload]] = field(default_factory=dict)
    spoilings: list[Spoiling] = field(default_factory=list)
    wishes: dict[str, Any] = field(default_factory=dict)  # of TLS and the upgrade
    follow_ups: dict[str, tuple[str, Payload]] = field(default_factory=dict)  # after an answer
    admits_strangers: bool = False
    minds_letter_case: bool = False
    takes_garbage: bool = True
    waits_for_answers: bool = True
    keeps_old_keys: bool = False
    forgets_changes: bool = False  # of a key, of a security profile
    shortest_signature: int = 0  # octets of one that is taken from an operator
    interval_s: int = 1
    new_id: Callable[[], str] = field(default=lambda: str(uuid.uuid4()))

    async def call(self, link: "Link", action: str, payload: Payload) -> Payload:
        """How a CALL is made when it is its turn; what a change of the CSMS may do otherwise."""
        return await link.sent(action, payload)

    def __post_init__(self) -> None:
        self.numbers = itertools.count(1)  # transactions, reservations, requests


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
