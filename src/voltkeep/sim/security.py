"""The half of a station that security is about: profiles, keys, certificates, security events."""

import asyncio
import datetime as dt
import ssl
from collections import deque
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from voltkeep.ocpp.v21 import BootReasonEnum as BootReason
from voltkeep.sim.clock import timestamp
from voltkeep.sim.configuration import Outcome, Setting, split
from voltkeep.sim.jobs import Jobs
from voltkeep.sim.link import Way
from voltkeep.sim.notices import Notices
from voltkeep.sim.presence import Presence
from voltkeep.sim.tls import Terms, own_context, shared_context
from voltkeep.sim.trust import (
    CSMS_ROOT,
    MANUFACTURER_ROOT,
    Trust,
    as_pem,
    foreign_credentials,
    make_key,
)

TLS_BASIC, TLS_CERTIFICATE = 2, 3  # security profiles; 1 is Basic without TLS

SLOTS = range(1, 5)  # of network profiles, in 2.x
_FIRST = 1
_FORMER = -1  # not set any more, but what it falls back to (B10.FR.07)
_RAISED = 0  # 1.6 has no slots: where it tries a higher profile before it has proved good
_REMEMBERED = 500  # events in the security log
_SECURITY_LOG = "SecurityCtrlr."

_PRIORITY = "OCPPCommCtrlr.NetworkConfigurationPriority"
_ACTIVE = "OCPPCommCtrlr.ActiveNetworkProfile"
_PROFILES = ("SecurityProfile", "SecurityCtrlr.SecurityProfile")


class Slot(NamedTuple):
    """A network profile: where to connect, and how securely."""

    profile: int
    url: str


class SecurityEvent(NamedTuple):
    """A line of the security log."""

    at: dt.datetime
    type: str
    text: str


class Secured(Presence):
    """A presence that proves who it is, and knows whom it believes."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        spec = self.spec
        first = Slot(spec.security_profile, spec.url)
        self.slots = {_FIRST: first}
        self.notices = Notices(self.link, self._may_speak)
        self.jobs = Jobs(self.poke)
        self.security_log: deque[SecurityEvent] = deque(maxlen=_REMEMBERED)
        given = spec.credentials
        self.trust = Trust(
            {CSMS_ROOT: given.roots, MANUFACTURER_ROOT: given.manufacturer_roots},
            given.certificate,
            given.key,
            spec.hash_algorithm,
            self.configuration.number("SecurityCtrlr.CertificateEntries"),
        )
        self.log_told: tuple[str, int] = ("Idle", 0)  # the last status, and of which request
        self.firmware_told: tuple[str, int] = ("Idle", 0)
        self._order: tuple[int, ...] = (_FIRST,)
        self._at = 0
        self._tries = 0
        self._last = first
        self._believes_former = False
        self._own: tuple[Terms, str, ssl.SSLContext] | None = None
        self._tell_profile(first)
        if spec.reports_startup:
            self.event("StartupOfTheDevice")

    @property
    def slot(self) -> Slot:
        """The network profile that is used, or tried."""
        return self.slots[self._order[self._at]]

    def _may_speak(self) -> bool:
        return self.accepted

    def pump(self) -> None:
        super().pump()
        self.notices.pump()

    # The connection (link.Host)

    def way(self) -> Way:
        """Where to connect now, and with what."""
        slot = self.slot
        password = None if slot.profile == TLS_CERTIFICATE else self.link.password
        return Way(self.spec.address_at(slot.url), password, self._context(slot))

    def failed(self) -> None:
        """Another attempt, another root, another network profile (A05.FR.08, B10.FR.03)."""
        if isinstance(self.link.failure, ssl.SSLCertVerificationError):
            self.note("InvalidCsmsCertificate", self.link.failure.verify_message)
            self._believes_former = bool(self.trust.former) and not self._believes_former
        self._tries += 1
        most = self.configuration.number("OCPPCommCtrlr.NetworkProfileConnectionAttempts")
        if self._tries >= most and len(self._order) > 1:
            self._tries = 0
            self._at = (self._at + 1) % len(self._order)
        super().failed()

    def opened(self, away_s: float) -> None:
        slot = self.slot
        self._tries = 0
        if not self._believes_former:
            self.trust.settle()
        if slot != self._last:
            self.registration = None  # B10.FR.10: perhaps another CSMS, so boot
        self._settle(slot)
        if self.manners.any("returns_to_lower") and slot != self._last:
            self.slots, self._order = {_FIRST: self._last}, (_FIRST,)
            self.link.drop(abrupt=False, pause_s=1.0)
        else:
            self._last = slot
        super().opened(away_s)

    def _settle(self, slot: Slot) -> None:
        """A network profile works: none that is less secure is kept (A05.FR.06 of 2.x)."""
        number = self._order[self._at]
        if number == _RAISED:
            self.slots, self._order = {_FIRST: slot}, (_FIRST,)
        else:
            kept = {n: each for n, each in self.slots.items() if each.profile >= slot.profile}
            kept.pop(_RAISED, None)
            self.slots = kept
            self._order = tuple(n for n in self._order if n in kept)
        self._at = 0 if number == _RAISED else self._order.index(number)
        self._tell_profile(slot)

    def _tell_profile(self, slot: Slot) -> None:
        for name in _PROFILES:
            self.configuration.put(name, str(slot.profile))
        self.configuration.put(_ACTIVE, str(max(self._order[self._at], _FIRST)))
        self.configuration.put(_PRIORITY, ",".join(str(n) for n in self._order if n in SLOTS))

    def restarted(self, reason: BootReason) -> None:
        """Network profiles are tried in the order that is set, from the first (B10.FR.04)."""
        super().restarted(reason)
        self._order, self._at = self._wanted_order(), 0
        if self.spec.reports_startup:
            self.event("StartupOfTheDevice")

    def _wanted_order(self) -> tuple[int, ...]:
        wanted = [int(each) for each in self.configuration.members(_PRIORITY)]
        order = [each for each in wanted if each in self.slots]
        if self._last not in (self.slots[each] for each in order):
            self.slots[_FORMER] = self._last
            order.append(_FORMER)
        return tuple(order)

    def _context(self, slot: Slot) -> ssl.SSLContext | None:
        if self.spec.ssl is not None or urlsplit(slot.url).scheme != "wss":
            return self.spec.ssl
        terms = self._terms()
        shown = self.manners.first("client_certificate")
        if slot.profile != TLS_CERTIFICATE or shown == "none":
            return shared_context(terms)
        if self._own is None or self._own[:2] != (terms, self.trust.certificate):
            certificate, key = self.trust.certificate, self.trust.key
            if shown == "foreign":
                certificate, key = foreign_credentials(self.spec.id, self.today())
            context = own_context(terms, certificate, key)
            self._own = (terms, self.trust.certificate, context)
        return self._own[2]

    def _terms(self) -> Terms:
        trust, manners = self.trust, self.manners
        roots = trust.former if self._believes_former else trust.of(CSMS_ROOT)
        return Terms(
            roots=as_pem(roots),
            verify=self.spec.credentials.verify,
            check_host=not manners.any("ignores_host"),
            maximum=manners.first("tls_maximum"),
            ciphers=manners.first("tls_ciphers") or "",
        )

    def downloads(self) -> ssl.SSLContext:
        """How a file server is believed: as the CSMS is."""
        return shared_context(self._terms())

    # What is set

    def configure(self, setting: Setting, value: str) -> Outcome:
        """Set something that security is about, or anything else that may simply be set."""
        if setting.secret and (refused := self.manners.first("key_answer")) is not None:
            return Outcome(refused)
        if not self._permits(setting.name, value):
            return Outcome.REJECTED
        outcome = self.configuration.change(setting, value)
        if outcome is not Outcome.ACCEPTED:
            return outcome
        if setting.secret:
            lost = self.manners.any("loses_key_answer")
            if lost:
                self.renew_password(value, abrupt=True)
            else:
                self.later(partial(self.renew_password, value))
        elif setting.name == "SecurityProfile":
            self.later(partial(self._raise_profile, int(value)))
        if setting.secret or setting.name.startswith(_SECURITY_LOG):
            self.note("ReconfigurationOfSecurityParameters", setting.name)  # A01.FR.11 and .12
        return outcome

    def renew_password(self, password: str, *, abrupt: bool = False) -> None:
        """Connect again, with a new password."""
        as_written = self.manners.any("key_as_written")
        self.link.password = password if as_written else self.dialect.password(password)
        self.link.drop(abrupt=abrupt, pause_s=0.0)

    def set_slot(self, number: int, slot: Slot, password: str | None = None) -> str | None:
        """Take a network profile; a reason code of why not (B09.FR.02, .04 and .05)."""
        if number not in SLOTS:
            return "InvalidConfSlot"
        if slot.profile < self._last.profile:
            return "NoSecurityDowngrade"
        scheme = "wss" if slot.profile >= TLS_BASIC else "ws"
        if urlsplit(slot.url).scheme != scheme:
            return "InvalidNetworkConf"
        self.slots[number] = slot
        if password is not None:
            self.link.password = password
        return None

    def _permits(self, name: str, value: str) -> bool:
        if name == "SecurityProfile":
            profile = int(value) if value.isascii() and value.isdigit() else 0
            return self._may_raise(profile)
        if name == _PRIORITY:
            slots = [self.slots.get(int(each)) for each in split(value) if each.isdigit()]
            return bool(slots) and all(
                slot is not None
                and (slot.profile == self._last.profile or self._may_raise(slot.profile))
                for slot in slots
            )
        return True

    def _may_raise(self, profile: int) -> bool:
        """What a profile needs is there (A05.FR.01-.04; 2.x A05.FR.02 and .03)."""
        if not self._last.profile < profile <= TLS_CERTIFICATE:
            return False
        if profile < TLS_CERTIFICATE and self.link.password is None:
            return False
        believes = self.trust.of(CSMS_ROOT) or not self.spec.credentials.verify
        if profile >= TLS_BASIC and not (believes or self.spec.ssl):
            return False
        return profile < TLS_CERTIFICATE or bool(self.trust.certificate)

    def _raise_profile(self, profile: int) -> None:
        """Leave, and come back more securely (A05.FR.06, .07)."""
        scheme = "wss" if profile >= TLS_BASIC else "ws"
        url = (
            self.spec.urls.get(profile) or urlsplit(self.slot.url)._replace(scheme=scheme).geturl()
        )
        self.slots[_RAISED] = Slot(profile, url)
        self._order, self._at, self._tries = (_RAISED, *self._order), 0, 0
        self.link.drop(abrupt=False, pause_s=0.0)

    # Certificates

    def today(self) -> dt.datetime:
        """The station's own time."""
        return timestamp(self.wall(self.clock.now()))

    def renew_certificate(self) -> None:
        """Make a key, and ask for a certificate of it (A02, A03)."""
        self.jobs.start("certificate", self._request_certificate())

    async def _request_certificate(self) -> None:
        kind = self.spec.key_kind
        key = await asyncio.to_thread(make_key, kind) if kind == "rsa" else make_key(kind)
        organization = self.configuration.text("SecurityCtrlr.OrganizationName")
        csr = self.trust.request(key, organization, self.spec.serial or self.spec.id)
        self.say("SignCertificate", self.dialect.sign_certificate(csr), triggered=True)

    def take_certificate(self, chain: str) -> bool:
        """A certificate was signed: use it from the next connection on (A02.FR.06-.08)."""
        limit = self.configuration.number("SecurityCtrlr.MaxCertificateChainSize")
        why = "the chain is too long" if len(chain) > limit else None
        why = why or self.trust.accept(chain, self.today())
        if why is not None:
            self.later(partial(self.event, "InvalidChargingStationCertificate", why))
            return False
        if self.slot.profile == TLS_CERTIFICATE:
            self.later(partial(self.link.drop, abrupt=False, pause_s=0.0))
        return True

    def install_root(self, use: str, pem: str) -> str:
        """Take a root certificate; how it went, in OCPP's words (M05)."""
        successors = self.configuration.flag("SecurityCtrlr.AdditionalRootCertificateCheck")
        return self.trust.install(use, pem, self.today(), only_successors=successors)

    # Security events

    def event(self, type: str, text: str = "") -> None:
        """Something happened that the CSMS has to know, now or when it is there again (A04)."""
        event = self.note(type, text)
        self.notices.add("SecurityEventNotification", self.dialect.security_event(event))

    def note(self, type: str, text: str = "") -> SecurityEvent:
        """Something happened that the security log is for."""
        event = SecurityEvent(self.today(), type, text)
        self.security_log.append(event)
        return event
