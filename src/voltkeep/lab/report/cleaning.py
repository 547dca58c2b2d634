"""Words made fit for a report: harmless, of a bounded length, and without secrets."""

import base64
import re
from collections.abc import Iterator

from msgspec import json

from voltkeep.lab.plan import Account, Plan
from voltkeep.ocpp.errors import plain

_LONGEST = 12_000  # characters, as in the wire log
_MASK = "•••"
_WHITE = str.maketrans("\r\n\t", "   ")
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
)
_AUTHORIZATION = re.compile(r"(authorization\W{1,5}basic\s+)[\w+/=-]+", re.IGNORECASE)


class Cleaner:
    """Cleans whatever is shown of a run with this plan.

    The wire log has no secrets already. This is the second lock: what else is quoted may.
    """

    def __init__(self, plan: Plan) -> None:
        forms = {form for account in plan.stations.values() for form in _forms(account)}
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        self._secrets = re.compile(
            "|".join(map(re.escape, longest_first)) or r"(?!)", re.IGNORECASE
        )

    def __call__(self, text: str) -> str:
        """The text as a report may show it, on one line."""
        text = _PRIVATE_KEY.sub("[a private key]", text)
        text = _AUTHORIZATION.sub(rf"\1{_MASK}", text)
        text = self._secrets.sub(_MASK, text).translate(_WHITE)
        if len(text) <= _LONGEST:
            return plain(text, _LONGEST)
        return f"{plain(text, _LONGEST)}… ({len(text):,} characters)"


def _forms(account: Account) -> Iterator[str]:
    """How a station's key can be written: as it is, in hex, and in HTTP Basic."""
    if not account.key:
        return
    octets = account.key_octets
    yield account.key
    yield json.encode(account.key).decode()[1:-1]
    yield octets.hex()
    yield base64.b64encode(octets).decode()
    yield base64.b64encode(account.identity.encode() + b":" + octets).decode()
