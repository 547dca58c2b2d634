"""Functional block A, security: who guesses, who probes, and who contends for an identity."""

from datetime import datetime, timedelta
from enum import IntEnum

from msgspec import structs

from voltkeep.domain.audit import Deed
from voltkeep.domain.events import DuplicateConnection, StationChanged, StationQuarantined
from voltkeep.domain.identity import StationId
from voltkeep.domain.stations import SecurityProfile
from voltkeep.services.audit import audit
from voltkeep.services.ports import Begin, Clock, Read
from voltkeep.services.provisioning import locked
from voltkeep.services.refusals import NOBODY, host_of
from voltkeep.services.security import is_generated
from voltkeep.services.security_events import raise_alert


class Look(IntEnum):
    """Whether credentials are looked at although failures have used up the limits."""

    NO = 0
    AT_HOME = 1  # where the station was last let in: guesses made there count all the same
    UNGUESSABLE = 2


class IntrusionService:
    """Records what somebody does at the door that a person should hear of."""

    def __init__(self, begin: Begin, read: Read, clock: Clock, *, quarantine_s: float) -> None:
        self._begin = begin
        self._read = read
        self._clock = clock
        self._quarantine = timedelta(seconds=quarantine_s)

    async def may_try(self, station: StationId, host: str, *, has_failed_here: bool) -> Look:
        """Whether credentials are looked at although failures have used up the limits.

        What cannot be guessed always is, so that nobody's failures keep the real station out: a
        certificate, and a key we generated (160 bits). A key that a person chose is, from where
        the station was last let in, unless the failures were made right there: whoever guesses
        gains no guess. Raises StoreUnavailable.
        """
        async with self._read() as work:
            known = await work.stations.get(station)
        if known is None:
            return Look.NO
        if known.security_profile is SecurityProfile.TLS_CERTIFICATE:
            return Look.UNGUESSABLE
        hashes = [each for each in (known.key_hash, known.trust.next_key_hash) if each is not None]
        if hashes and all(map(is_generated, hashes)):
            return Look.UNGUESSABLE
        is_home = known.remote_address is not None and host_of(known.remote_address) == host
        return Look.AT_HOME if is_home and not has_failed_here else Look.NO

    async def enumerated(self, station: StationId, host: str) -> None:
        """One source has tried too many identities; ``station`` is the last. Raise an alert."""
        text = (
            f"{host} has tried many station ids without the right credentials, {station} last; "
            "it is told to wait. If it is not your own network, block it in your firewall."
        )
        nobody = _whole_tenant(station)
        at = self._clock()
        async with self._begin() as work:
            await raise_alert(work, nobody, "identity enumeration", text, at)
            deed = Deed(action="source.limited", object=host, after="identity enumeration")
            await audit(work, station.tenant, at, deed)

    async def guessed(self, station: StationId, host: str) -> None:
        """One identity fails too often, from wherever; ``host`` is the last. Raise an alert."""
        text = (
            f"Somebody connects as {station} with wrong credentials again and again, last from "
            f"{host}. `voltkeep station explain {station.quoted}` says from where."
        )
        at = self._clock()
        async with self._begin() as work:
            if await work.stations.get(station) is None:
                return  # a name that is nobody's: the refusals tell of it
            await raise_alert(work, station, "password guessing", text, at)
            deed = Deed(action="station.limited", object=str(station), after="password guessing")
            await audit(work, station.tenant, at, deed)

    async def duplicate(
        self, station: StationId, address: str, older_address: str, *, admitted: bool
    ) -> None:
        """A station connected while its older connection was alive (reliability rule 1)."""
        at = self._clock()
        async with self._begin() as work:
            work.emit(
                DuplicateConnection(
                    station=station,
                    at=at,
                    remote_address=address,
                    older_address=older_address,
                    admitted=admitted,
                )
            )
            if not admitted:
                text = (
                    f"Somebody at {address} connects as {station}, which is connected from "
                    f"{older_address} and alive. They are refused."
                )
                await raise_alert(work, station, "duplicate connection", text, at)
            deed = Deed(
                action="connection.duplicate",
                object=str(station),
                before=older_address,
                after=address,
                result="admitted" if admitted else "refused",
            )
            await audit(work, station.tenant, at, deed)

    def quarantine_ends(self) -> datetime:
        """When a quarantine ends that begins now."""
        return self._clock() + self._quarantine

    async def quarantine(self, station: StationId, swaps: int, addresses: tuple[str, ...]) -> None:
        """Two connections contend for one identity: nobody new is let in for a while."""
        at, until = self._clock(), self.quarantine_ends()
        hosts = " and ".join(sorted(set(map(host_of, addresses))))
        text = (
            f"Two connections contend for {station}, from {hosts}: it may be cloned. Give it a "
            f"new key (`voltkeep station rotate-key {station.quoted}`); `voltkeep station release "
            f"{station.quoted}` ends the quarantine."
        )
        async with self._begin() as work:
            known = await work.stations.lock(station)
            if known is None:
                return
            trust = structs.replace(known.trust, quarantined_until=until)
            await work.stations.set_trust(station, trust)
            work.emit(
                StationQuarantined(
                    station=station, at=at, until=until, swaps=swaps, addresses=addresses
                )
            )
            await raise_alert(work, station, "contending connections", text, at)
            deed = Deed(action="station.quarantined", object=str(station), after=f"{until:%FT%TZ}")
            await audit(work, station.tenant, at, deed)

    async def lift_quarantine(self, station: StationId) -> bool:
        """Let new connections of the station in again. False if none was in force.

        Raises UnknownStation.
        """
        at = self._clock()
        async with self._begin() as work:
            known = await locked(work, station)
            until = known.trust.quarantined_until
            if until is None or until <= at:
                return False
            trust = structs.replace(known.trust, quarantined_until=None)
            await work.stations.set_trust(station, trust)
            work.emit(StationChanged(station=station, at=at, what="quarantine"))
            deed = Deed(
                action="station.released", object=str(station), before=f"until {until:%FT%TZ}"
            )
            await audit(work, station.tenant, at, deed)
        return True


def _whole_tenant(station: StationId) -> StationId:
    """The tenant of a station as a whole."""
    return StationId(station.tenant, NOBODY.name)
