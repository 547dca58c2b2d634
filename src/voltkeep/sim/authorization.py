"""Who may charge: what the CSMS says, and without it what the station remembers (OCPP, C)."""

from collections.abc import Callable

from voltkeep.sim.configuration import Configuration
from voltkeep.sim.dialect import Verdict
from voltkeep.sim.outlet import Outlet
from voltkeep.sim.transaction import Reservation, Token

Then = Callable[[Verdict], None]
Ask = Callable[[Token, Callable[[Verdict | None], None]], bool]
"""Ask the CSMS. False: there is no way to. The verdict is None if no answer came."""

_NOT_HERE = Verdict("NotAtThisLocation")


class Authorizer:
    """The local list, the cache, and the rules between them and the CSMS."""

    __slots__ = ("_ask", "_configuration", "cache", "listed", "version")

    def __init__(self, configuration: Configuration, ask: Ask) -> None:
        self._configuration = configuration
        self._ask = ask
        self.cache: dict[str, Verdict] = {}
        self.listed: dict[str, Verdict] = {}
        self.version = 0

    def identify(self, outlet: Outlet, token: Token, then: Then) -> None:
        """Find out whether a driver may charge there; `then` may be called before this returns."""
        reservation = outlet.reservation

        def decide(verdict: Verdict) -> None:
            then(verdict if _may_use(reservation, token, verdict) else _NOT_HERE)

        def answered(verdict: Verdict | None) -> None:
            if verdict is not None:
                self.learn(token, verdict)
            decide(verdict or self.offline(token))

        known = self._known(token)
        early = self._configuration.flag("AuthCtrlr.LocalPreAuthorize")
        if early and known is not None and known.accepted:
            decide(known)
        elif not self._ask(token, answered):
            decide(self.offline(token))

    def offline(self, token: Token) -> Verdict:
        """The verdict on a token that nobody can be asked about (C15, 1.6 section 3.5)."""
        known = self._known(token)
        if known is not None:
            allowed = self._configuration.flag("AuthCtrlr.LocalAuthorizeOffline")
            return known if allowed else Verdict("Unknown")
        anyone = self._configuration.flag("AuthCtrlr.OfflineTxForUnknownIdEnabled")
        return Verdict("Accepted" if anyone else "Unknown")

    def learn(self, token: Token, verdict: Verdict) -> None:
        """Remember what the CSMS said (C10.FR.01)."""
        if self._configuration.flag("AuthCacheCtrlr.Enabled"):
            self.cache[token.value.lower()] = verdict

    def update(self, entries: dict[str, Verdict | None], version: int, *, full: bool) -> None:
        """Replace the local list, or change entries of it; None removes one."""
        if full:
            self.listed = {}
        for value, verdict in entries.items():
            if verdict is None:
                self.listed.pop(value.lower(), None)
            else:
                self.listed[value.lower()] = verdict
        self.version = version

    def _known(self, token: Token) -> Verdict | None:
        value = token.value.lower()
        listed = self._configuration.flag("LocalAuthListCtrlr.Enabled") and self.listed.get(value)
        return listed or self.cache.get(value)


def _may_use(reservation: Reservation | None, token: Token, verdict: Verdict) -> bool:
    """A reserved outlet serves its token, and its group's (H01, H03)."""
    if reservation is None or reservation.token.lower() == token.value.lower():
        return True
    return reservation.group is not None and reservation.group == verdict.group
