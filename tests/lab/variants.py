"""What a right CSMS may also do: each is a change of the small CSMS that its case must pass."""

from typing import NamedTuple

from tests.lab.csms.running import Spoil
from tests.lab.spoils import answers


class Variant(NamedTuple):
    """``words``: what a CSMS may do as well; the case on a security profile must pass it.

    ``warned``: it is odd, and a warning must say so. ``after``: cases that the CSMS must have seen
    before, and passed.
    """

    words: str
    case: str
    change: Spoil
    profile: int = 1
    warned: bool = False
    after: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.case}-{self.words}"


CORE = [
    Variant("It wants a Heartbeat a day", "TC_001", answers("BootNotification", interval=86_400)),
    Variant(
        "It knows every vendor", "TC_064", answers("DataTransfer", status="Accepted"), warned=True
    ),
]

VARIANTS: list[Variant] = [*CORE]
