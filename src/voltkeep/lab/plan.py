"""What is tested, where and with what: the plan that a laboratory's TOML file holds.

`plan_file.load_plan` reads it, with the PEM files that it names, and says all that is wrong with it
before anything runs.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

_Words = Annotated[str, Meta(min_length=1, max_length=200)]
_Port = Annotated[int, Meta(ge=1, le=65535)]
_Seconds = Annotated[float, Meta(gt=0, le=3600)]


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every table of a plan."""


class Product(Section, frozen=True, kw_only=True):
    """The CSMS, as its vendor calls it."""

    name: _Words
    vendor: _Words
    version: _Words


class Laboratory(Section, frozen=True, kw_only=True):
    """Who tests, and when; without a date it is that of the run."""

    name: _Words
    date: str = ""


class Csms(Section, frozen=True, kw_only=True):
    """Where stations of each security profile connect, without their identity.

    ``roots`` is what stations believe: PEM. ``address`` is where the name in the URLs really is, if
    no name server says so, and ``ports`` where it listens for each profile, if not as the URLs say.
    """

    urls: dict[int, str]
    roots: str = ""
    address: str | None = None
    ports: dict[int, _Port] = {}


class Account(Section, frozen=True, kw_only=True):
    """A station as the CSMS knows it. ``key``: hex digits, or 16 to 20 characters of text.

    ``certificate`` and ``private_key`` are PEM; so are all certificates of a plan, once loaded.
    """

    identity: _Words
    serial_number: _Words
    key: str = ""
    certificate: str = ""
    private_key: str = ""

    @property
    def key_octets(self) -> bytes:
        """The key as it goes into HTTP Basic (whitepaper, A00.FR.205; OCTT, TC_085)."""
        try:
            octets = bytes.fromhex(self.key)
        except ValueError:
            return self.key.encode()
        return octets if 16 <= len(octets) <= 20 else self.key.encode()


class Shown(Section, frozen=True, kw_only=True):
    """A client certificate and its key, as PEM."""

    certificate: str = ""
    private_key: str = ""


class Tokens(Section, frozen=True, kw_only=True):
    """Tokens that the CSMS knows, and one that it does not.

    ``valid`` and ``sibling`` are of the group ``parent``.
    """

    valid: _Words
    expired: _Words
    blocked: _Words
    unknown: _Words
    parent: _Words
    sibling: _Words


class Files(Section, frozen=True, kw_only=True):
    """Where stations are told to fetch and to leave files. Nothing is fetched.

    ``signature`` is of the firmware by ``signing_certificate`` (PEM); ``wrong_signature`` is not,
    and without it the right one is sent with a bit flipped. ``csms_root`` and ``manufacturer_root``
    (PEM) are installed in stations, for a CSMS that installs only what it knows; without them the
    laboratory makes a new one each time.
    """

    firmware: str = "https://files.lab.example/firmware.bin"
    diagnostics: str = "https://files.lab.example/diagnostics"
    log: str = "https://files.lab.example/log"
    signing_certificate: str = ""
    signature: str = ""
    wrong_signature: str = ""
    csms_root: str = ""
    manufacturer_root: str = ""


class Charging(Section, frozen=True, kw_only=True):
    """Of the charging profiles and of the composite schedule that are ordered.

    ``phases`` is their numberPhases; ``duration_s`` is that of a schedule.
    """

    unit: Literal["A", "W"] = "A"
    phases: Annotated[int, Meta(ge=1, le=3)] = 3
    stack_level: Annotated[int, Meta(ge=0, le=100)] = 0
    duration_s: Annotated[int, Meta(ge=60, le=86_400)] = 300


class Deadlines(Section, frozen=True, kw_only=True):
    """How long is waited, in seconds: for a connection, an answer, an order to arrive, a case.

    ``quiet_s`` is how long nothing more may come at the end of a case; ``idle_s``, for how long in
    the cases where a CSMS is tempted to ask for something: after a boot, after a change.
    """

    connection_s: _Seconds = 10.0
    answer_s: _Seconds = 30.0
    order_s: _Seconds = 30.0
    case_s: _Seconds = 180.0
    quiet_s: _Seconds = 0.2
    idle_s: _Seconds = 10.0


class Plan(Section, frozen=True, kw_only=True):
    """All that a run needs to know of the CSMS.

    ``stations`` are by the security profile they use, and by "1-to-2" and "2-to-3" those whose
    profile is raised. ``shown`` are certificates that must be refused: "expired", "revoked",
    "of another station". ``unsupported`` are functionalities that the product does not claim.
    ``reservation_s`` is how long the reservation lasts that a case lets expire; from a minute on
    it ends with a whole minute, as a form for operators may have it.
    """

    product: Product
    laboratory: Laboratory
    csms: Csms
    stations: dict[str, Account]
    tokens: Tokens
    files: Files = Files()
    charging: Charging = Charging()
    shown: dict[str, Shown] = {}
    deadlines: Deadlines = Deadlines()
    connectors: Annotated[int, Meta(ge=1, le=16)] = 2
    reservation_s: Annotated[int, Meta(ge=1, le=1800)] = 60
    cpo_name: str = ""
    key_algorithm: str = "ec"  # of a key that a station makes: ec or rsa
    unsupported: tuple[str, ...] = ()
