"""Short names for what is another in each run, and that nobody compares: ids, serials, keys.

With them two runs can be compared, and one can follow in a log what belongs together.
"""

import re
from collections.abc import Set as AbstractSet

from msgspec import json

_NUMBERS = {"transactionId": "t", "reservationId": "r", "requestId": "q"}
_OF_CERTIFICATES = {"issuerKeyHash": "h", "serialNumber": "n"}  # in CertificateHashData
_SIGNATURE = "signature"
_ID = re.compile(r"[1-9][0-9]*")  # 0 and what is below stand for none
_SHORTEST = 8  # characters of an id that is looked for in words
_SHORTEST_SIGNATURE = 40
_IN_WORDS = re.compile(rf"\b({'|'.join(_NUMBERS)})(\W{{1,4}})([1-9][0-9]*)\b")
_WORD = re.compile(r"[\w-]+")


class Names:
    """The names of one log: a letter of what it is, and a number, as they first came."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, str], str] = {}
        self._count: dict[str, int] = {}
        self._ids: dict[str, str] = {}  # of messages, so long that nothing else looks like them

    def of(self, letter: str, value: str) -> str:
        """The name that something has, or has from now on."""
        name = self._names.get((letter, value))
        if name is None:
            self._count[letter] = self._count.get(letter, 0) + 1
            name = self._names[letter, value] = f"{letter}{self._count[letter]}"
            if letter in {"s", "c"} and len(value) >= _SHORTEST and not value.isalpha():
                self._ids[value] = name
        return name

    def known(self, letter: str, value: str) -> str | None:
        """The name that something has, if it has one."""
        return self._names.get((letter, value))

    def serial_number(self, digits: str) -> str:
        """Of a certificate, in hex digits."""
        return self.of("n", digits.lower())

    def of_field(self, field: str, written: str, beside: AbstractSet[str]) -> str | None:
        """Of a field of a payload, among others ``beside`` it; None if its value stays."""
        if field in _NUMBERS:
            return self.of(_NUMBERS[field], written) if _ID.fullmatch(written) else None
        if not written.startswith('"'):
            return None
        if field in _OF_CERTIFICATES and beside >= _OF_CERTIFICATES.keys():
            return self.of(_OF_CERTIFICATES[field], json.decode(written, type=str))
        if field == _SIGNATURE and len(written) >= _SHORTEST_SIGNATURE:
            return self.of("g", written)
        return None

    def put_into(self, text: str) -> str:
        """Words, with the names that are known in place of what they are of."""
        text = _IN_WORDS.sub(self._numbered, text)
        if not self._ids:
            return text
        return _WORD.sub(lambda found: self._ids.get(found[0], found[0]), text)

    def _numbered(self, found: re.Match[str]) -> str:
        name = self.known(_NUMBERS[found[1]], found[3])
        return f"{found[1]}{found[2]}{name}" if name else found[0]
