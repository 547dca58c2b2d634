"""What a station needs from a version of OCPP: how it tells what happens, and reads what comes."""

from typing import Any, NamedTuple, Protocol

from voltkeep.ocpp.session import Wire
from voltkeep.ocpp.v21 import ReadingContextEnum as Context
from voltkeep.ocpp.v21 import RegistrationStatusEnum as Registration
from voltkeep.sim.meter import Reading
from voltkeep.sim.outlet import Outlet
from voltkeep.sim.queue import Pending
from voltkeep.sim.transaction import Fact, Reservation, Token


class Boot(NamedTuple):
    """What the CSMS says to a BootNotification."""

    status: Registration
    interval_s: float
    now: float


class Verdict(NamedTuple):
    """What the CSMS, or a list it sent, says about a token."""

    status: str
    group: str | None = None

    @property
    def accepted(self) -> bool:
        """Whether the driver may charge."""
        return self.status == "Accepted"


class Dialect(Protocol):
    """One version. Without state of its own: the station is an argument.

    It is `Any` here, because `Station` knows this protocol and not the reverse.
    """

    @property
    def wire(self) -> Wire:
        """How this version behaves on the wire."""

    def boot(self, station: Any) -> bytes:
        """A BootNotification."""

    def booted(self, payload: bytes) -> Boot:
        """Its answer. Raises Refusal."""

    def status_word(self, station: Any, outlet: Outlet | None) -> str | None:
        """The status of an outlet, or of the station; None where this version has none."""

    def status(self, station: Any, outlet: Outlet | None, word: str) -> bytes:
        """A StatusNotification."""

    def authorize(self, token: Token) -> bytes:
        """An Authorize."""

    def verdict(self, payload: bytes) -> Verdict:
        """Its answer. Raises Refusal."""

    def messages(self, station: Any, fact: Fact) -> list[Pending]:
        """What is told of a transaction."""

    def meter_values(
        self, station: Any, outlet: Outlet, readings: tuple[Reading, ...], context: Context
    ) -> bytes:
        """MeterValues of an outlet without a transaction."""

    def reservation_over(self, reservation: Reservation) -> tuple[str, bytes] | None:
        """What is told when a reservation's time is over; None where nothing is."""

    def password(self, value: str) -> str | bytes:
        """A password as it is set in this version, as HTTP Basic wants it."""

    def security_event(self, event: Any) -> bytes:
        """A SecurityEventNotification of a `security.SecurityEvent`."""

    def sign_certificate(self, csr: str) -> bytes:
        """A SignCertificate for the station's own certificate."""

    def handle(self, station: Any, action: str, payload: bytes) -> bytes:
        """Answer a CALL of the CSMS. Raises Refusal."""
