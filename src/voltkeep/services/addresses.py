"""Where this installation listens, and the addresses by which stations reach it there."""

from urllib.parse import quote

from msgspec import structs

from voltkeep.config import LISTENERS, Address, Settings, address_or_off
from voltkeep.domain.identity import DEFAULT_TENANT, StationId
from voltkeep.domain.stations import SecurityProfile

_EVERYWHERE = {"0.0.0.0", "::"}  # noqa: S104  # named here, not listened on
_HERE = {"127.0.0.1", "::1", "localhost"}  # our certificates are for these, too
_FILES = {"files": "http", "files_tls": "https", "ftp": "ftp"}


class Addresses:
    """What the settings say, and once the listeners are open, where they really are."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._open: set[str] = set()

    def listens(self, setting: str, address: Address) -> None:
        """The address that a listener has got: port 0 takes any free one."""
        self.settings = structs.replace(self.settings, **{setting: str(address)})
        self._open.add(setting)

    def stops(self) -> None:
        """The server is stopping: whatever is open closes soon."""
        self._open.clear()

    def open_at(self) -> dict[str, tuple[str, bool]]:
        """Where each listener that is on is, and whether it is open, by its setting."""
        on = {each: self._bound(each) for each in LISTENERS}
        return {each: (str(at), each in self._open) for each, at in on.items() if at is not None}

    def closed(self) -> list[str]:
        """The settings of listeners that are to be open, and are not, yet or any more."""
        return [each for each in LISTENERS if self.is_on(each) and each not in self._open]

    def is_on(self, setting: str) -> bool:
        return self._bound(setting) is not None

    def is_local(self, setting: str) -> bool:
        """Whether nobody but this machine reaches it, as far as we know."""
        bound = self._bound(setting)
        return bound is not None and bound.host in _HERE and not self.settings.public_host

    def listener(self, profile: SecurityProfile) -> str:
        """The setting of the listener that serves a security profile."""
        if profile < SecurityProfile.TLS_BASIC:
            return "ocpp"
        is_shared = self.settings.ocpp_tls_client_certificates and not self.is_on("ocpp_mtls")
        return "ocpp_tls" if profile is SecurityProfile.TLS_BASIC or is_shared else "ocpp_mtls"

    def told(self, setting: str, *, tls: bool) -> Address | None:
        """What stations are told of a listener. None: it is off, or not open on any port yet."""
        bound = self._bound(setting)
        if bound is None or not bound.port:
            return None
        is_named = self.settings.public_host or bound.host in _EVERYWHERE
        if is_named or (tls and bound.host not in _HERE):  # or our certificate would not fit
            return Address(self.settings.host, bound.port)
        return bound

    def base(self, profile: SecurityProfile, tenant: str = DEFAULT_TENANT) -> str:
        """What a station adds a slash and its id to (OCPP-J 3.1.1). Empty: nothing listens."""
        setting = self.listener(profile)
        is_tls = setting != "ocpp"
        at = self.told(setting, tls=is_tls)
        if at is None:
            return ""
        path = "" if tenant == DEFAULT_TENANT else f"/{quote(tenant, safe='')}"
        return f"{'wss' if is_tls else 'ws'}://{at}/ocpp{path}"

    def station(self, station: StationId, profile: SecurityProfile) -> str:
        """The whole address of a station. Empty: nothing listens for this profile."""
        base = self.base(profile, station.tenant)
        return base and f"{base}/{quote(station.name, safe='')}"

    def files(self) -> dict[str, str]:
        """What the addresses of files begin with, by the setting of each listener that is on."""
        urls = {}
        for setting, scheme in _FILES.items():
            if at := self.told(setting, tls=scheme == "https"):
                urls[setting] = f"{scheme}://{at}"
        return urls

    def api(self, setting: str = "http") -> str:
        """Where people and programs reach the API. Empty: that listener is off."""
        at = self.told(setting, tls=setting == "https")
        return f"{setting}://{at}/api/v1" if at else ""

    def _bound(self, setting: str) -> Address | None:
        return address_or_off(getattr(self.settings, setting))
