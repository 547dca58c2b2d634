"""The small CSMS at work: registered with what the cases need, and the plan of it."""

import base64
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NamedTuple

from cryptography import x509

from tests.lab.csms import certificates, door, rules
from tests.lab.csms.operator import CsmsDriver
from tests.lab.csms.server import listening
from tests.lab.csms.state import Record, State
from voltkeep.lab.authority import Authority
from voltkeep.lab.plan import (
    Account,
    Csms,
    Deadlines,
    Files,
    Laboratory,
    Plan,
    Product,
    Shown,
    Tokens,
)

NAME = "csms.small.example"
DEADLINES = Deadlines(answer_s=20.0, order_s=20.0, case_s=60.0, quiet_s=0.02, idle_s=0.02)
_PROFILES = {"1": 1, "2": 2, "3": 3, "1-to-2": 1, "2-to-3": 2}
_TOKENS = Tokens(
    valid="SMALL-VALID",
    expired="SMALL-EXPIRED",
    blocked="SMALL-BLOCKED",
    unknown="SMALL-UNKNOWN",
    parent="SMALL-PARENT",
    sibling="SMALL-SIBLING",
)

Spoil = Callable[[State], object]


class Tested(NamedTuple):
    """A CSMS that runs, and how the laboratory reaches it."""

    plan: Plan
    driver: CsmsDriver
    state: State


class Made(NamedTuple):
    """What takes time to make: once for all that a process starts."""

    own: certificates.Authority
    laboratory: Authority
    accounts: dict[str, Account]
    shown: dict[str, Shown]
    files: Files


@contextlib.asynccontextmanager
async def running(*spoils: Spoil, deadlines: Deadlines = DEADLINES) -> AsyncIterator[Tested]:
    """A CSMS on free ports, spoiled in these ways, until the block ends."""
    made = make()
    state = State(made.own, checks=dict(door.CHECKS), rules=dict(rules.RULES))
    for name, account in made.accounts.items():
        state.stations[account.identity] = Record(
            account.identity, account.serial_number, _PROFILES[name], account.key_octets
        )
    group = {"status": "Accepted", "parentIdTag": _TOKENS.parent}
    state.tokens = {
        _TOKENS.valid: group,
        _TOKENS.sibling: group,
        _TOKENS.expired: {"status": "Expired"},
        _TOKENS.blocked: {"status": "Blocked"},
    }
    revoked = x509.load_pem_x509_certificate(made.shown["revoked"].certificate.encode())
    state.revoked.add(revoked.serial_number)
    for spoil in spoils:
        spoil(state)
    roots = made.own.root + made.laboratory.root
    async with listening(state, NAME, roots) as ports:
        yield Tested(_plan(made, ports, deadlines), CsmsDriver(state), state)


@cache
def make() -> Made:
    """Keys and certificates, the same whenever a process asks."""
    now = datetime.now(UTC) - timedelta(minutes=1)
    laboratory = Authority(now, certificates.ORGANIZATION)
    accounts = {}
    for name in _PROFILES:
        identity = f"SMALL-{name.upper()}"
        own = laboratory.station(identity)
        accounts[name] = Account(
            identity=identity,
            serial_number=identity,
            key=identity.encode().ljust(20, b"*").hex(),
            certificate=own.certificate,
            private_key=own.private_key,
        )
    serial_number = accounts["3"].serial_number
    shown = {
        "expired": laboratory.expired(serial_number),
        "revoked": laboratory.revoked(serial_number),
        "of another station": laboratory.station("SMALL-NEIGHBOUR"),
    }
    certificate, signature = laboratory.firmware_signature(b"firmware")
    files = Files(signing_certificate=certificate, signature=base64.b64encode(signature).decode())
    return Made(certificates.Authority(), laboratory, accounts, shown, files)


def _plan(made: Made, ports: dict[int, int], deadlines: Deadlines) -> Plan:
    return Plan(
        product=Product(name="Small CSMS", vendor="The tests", version="1"),
        laboratory=Laboratory(name="The tests"),
        csms=Csms(
            urls={
                1: f"ws://127.0.0.1:{ports[1]}/ocpp",
                2: f"wss://{NAME}:{ports[2]}/ocpp",
                3: f"wss://{NAME}:{ports[3]}/ocpp",
            },
            roots=made.own.root,
            address="127.0.0.1",
        ),
        stations=made.accounts,
        tokens=_TOKENS,
        files=made.files,
        shown=made.shown,
        deadlines=deadlines,
        reservation_s=2,
        cpo_name=certificates.ORGANIZATION,
    )
