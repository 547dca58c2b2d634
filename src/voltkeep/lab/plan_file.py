"""The file of a plan, lab.toml: read with the PEM files that it names, and checked as a whole."""

import base64
import contextlib
import re
from collections import Counter
from collections.abc import Collection
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm

from voltkeep.lab.case import Functionality
from voltkeep.lab.kept import Kept
from voltkeep.lab.plan import Account, Plan
from voltkeep.lab.plan_certificates import check_certificates
from voltkeep.lab.toml_file import Document, Keys, Mistakes, dotted, nearest, shown
from voltkeep.sim.trust import is_own, parse

BY_HAND = "manual"  # the driver that is a person
_SCHEMES = {1: "ws", 2: "wss", 3: "wss"}
_LONGEST_TAG = 20  # characters of an IdToken (OCPP 1.6 edition 2, section 7.28)
_LARGEST_PEM = 1 << 18  # bytes
_RESERVATION_OVER_S = 120  # it may end with the next whole minute, or with that after it
_RAISED = {"1-to-2": (1, 2), "2-to-3": (2, 3)}
_WITH_KEY = {"1", "2", *_RAISED}
_WITH_CERTIFICATE = {"3", "2-to-3"}
_IN_SHOWN = ("certificate", "private_key")
_TO_INSTALL = ("csms_root", "manufacturer_root")
_ALWAYS_CLAIMED = {Functionality.CORE.value, Functionality.SECURITY.value}


class Loaded(NamedTuple):
    """A plan, and the file of the driver; None: a person is the driver."""

    plan: Plan
    driver: Path | None


def load_plan(
    path: Path, profiles: Collection[int] | None = None, now: datetime | None = None
) -> Loaded:
    """Read a plan; without ``profiles`` those are run that it has URLs for.

    Certificates must be right ``now``: those that stations have after earlier runs, if any.

    Raises:
        Mistakes: all that is wrong with it, with lines.
    """
    document = _read(path)
    driver = document.table.get("driver", "driver.toml")
    if not isinstance(driver, str) or not driver:
        document.wrong("driver is no path, and not `manual`.", "driver")
    document.read(Plan, "driver")
    _fill_in(document)
    plan = document.read(Plan, "driver")
    _check_csms(document, plan)
    profiles = profiles or tuple(plan.csms.urls)
    _check_stations(document, plan, profiles)
    _check_shown(document, plan)
    _check_tokens(document, plan)
    _check_rest(document, plan)
    kept = None
    with contextlib.suppress(Mistakes):  # told by who goes on with it
        kept = Kept.load(path.parent, plan.stations)
    check_certificates(document, plan, profiles, kept, now or datetime.now(UTC))
    document.finish()
    return Loaded(plan, None if driver == BY_HAND else _beside(path, driver))


def _read(path: Path) -> Document:
    try:
        return Document(path)
    except Mistakes as mistakes:
        if path.exists():
            raise
        hint = "`voltkeep lab init` makes a folder with one."
        told = [each._replace(text=f"{each.text} {hint}") for each in mistakes.found]
        raise Mistakes(told) from None


def _beside(file: Path, name: str) -> Path:
    """A path in a file is meant from where the file is."""
    return file.parent / Path(name).expanduser()


def _fill_in(document: Document) -> None:
    """Put the texts of PEM files where their names are. Raises Mistakes."""
    for keys in _pem_keys(document):
        table = document.table
        for key in keys[:-1]:
            table = table.get(key, {})
        name = table.get(keys[-1], "")
        if name:
            table[keys[-1]] = _pem(document, name, keys)
    document.finish()


def _pem_keys(document: Document) -> list[tuple[str, ...]]:
    holders = [
        (part, name) for part in ("stations", "shown") for name in document.table.get(part, {})
    ]
    inner = [(*holder, name) for holder in holders for name in _IN_SHOWN]
    files = [("files", name) for name in ("signing_certificate", *_TO_INSTALL)]
    return [("csms", "roots"), *files, *inner]


def _pem(document: Document, name: str, keys: Keys) -> str:
    path = _beside(document.path, name)
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST_PEM).decode("ascii")
    except OSError as error:
        document.wrong(f"{dotted(*keys)}: {path} cannot be read: {error.strerror}.", *keys)
        return ""
    except ValueError:  # no ASCII, or no path at all
        document.wrong(f"{dotted(*keys)}: {shown(name)} is no PEM file.", *keys)
        return ""
    wanted = "PRIVATE KEY" if keys[-1] == "private_key" else "CERTIFICATE"
    if f"{wanted}-----" not in text:
        document.wrong(f"{dotted(*keys)}: {path} holds no {wanted.lower()} in PEM.", *keys)
        return ""
    if wanted == "CERTIFICATE":
        try:
            parse(text)
        except ValueError:
            document.wrong(f"{dotted(*keys)}: {path} holds a certificate that is broken.", *keys)
    return text


def _check_csms(document: Document, plan: Plan) -> None:
    if not plan.csms.urls:
        document.wrong("csms.urls is empty: there is nothing to test.", "csms", "urls")
    for profile, url in plan.csms.urls.items():
        keys = ("csms", "urls", str(profile))
        if profile not in _SCHEMES:
            document.wrong(f"{dotted(*keys)}: security profiles are 1, 2 and 3.", *keys)
            continue
        wrong = _wrong_url(url, _SCHEMES[profile])
        if wrong:
            document.wrong(f"{dotted(*keys)}: {wrong}.", *keys)


def _wrong_url(url: str, scheme: str) -> str:
    """What is wrong with the URL of a CSMS; "" if nothing is. Never repeats it."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "it is no URL"
    if parts.scheme != scheme:
        return f"it must begin with {scheme}://"
    if not host or re.search(r"[\s\x00-\x1f]", url):
        return "it is no URL"
    if parts.username is not None or parts.query or parts.fragment:
        return "it must end with the path, and have no user: stations add their identity to it"
    return ""


def _check_stations(document: Document, plan: Plan, profiles: Collection[int]) -> None:
    for profile in profiles:
        if profile not in plan.csms.urls:
            text = f"csms.urls.{profile} is missing: security profile {profile} is to be run."
            document.wrong(text, "csms", "urls")
        if str(profile) not in plan.stations:
            text = f"stations.{profile} is missing: security profile {profile} is to be run."
            document.wrong(text, "stations")
    known = {str(profile) for profile in _SCHEMES} | _RAISED.keys()
    identities = Counter(each.identity for each in plan.stations.values())
    for name, account in plan.stations.items():
        keys = ("stations", name)
        if name not in known:
            there = ", ".join(sorted(known))
            document.wrong(f"{dotted(*keys)}: stations are {there}.{nearest(name, known)}", *keys)
            continue
        if identities[account.identity] > 1:
            text = f"{dotted(*keys)}.identity: every station has its own."
            document.wrong(text, *keys, "identity")
        if name in _WITH_KEY:
            _check_key(document, account, keys)
        _check_pair(document, account, keys, needed=name in _WITH_CERTIFICATE)


def _check_key(document: Document, account: Account, keys: Keys) -> None:
    if not account.key:
        document.wrong(f"{dotted(*keys)}.key is missing: it goes into HTTP Basic.", *keys)
    elif not 16 <= len(account.key_octets) <= 20:
        text = f"{dotted(*keys)}.key: it must be of 16 to 20 octets, as hex digits or as text."
        document.wrong(text, *keys, "key")


def _check_shown(document: Document, plan: Plan) -> None:
    known = {"expired", "revoked", "of another station"}
    for name, each in plan.shown.items():
        if name not in known:
            there = ", ".join(sorted(known))
            text = f'shown."{name[:80]}": certificates that are shown are: {there}.'
            document.wrong(text + nearest(name, known), "shown", name)
        _check_pair(document, each, ("shown", name), needed=True)


def _check_pair(document: Document, pair: msgspec.Struct, keys: Keys, *, needed: bool) -> None:
    """A certificate and its private key: both or none of them."""
    certificate, key = (getattr(pair, name) for name in _IN_SHOWN)
    for name, text in zip(_IN_SHOWN, (certificate, key), strict=True):
        if not text and (needed or certificate or key):
            document.wrong(f"{dotted(*keys, name)} is missing.", *keys)
    if not certificate or not key:
        return
    try:
        fits = is_own(certificate, key)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it has a password
        text = "it cannot be read; it must be without a password"
        document.wrong(f"{dotted(*keys)}.private_key: {text}.", *keys, "private_key")
        return
    if not fits:
        text = f"{dotted(*keys)}.private_key: it is not the key of the certificate."
        document.wrong(text, *keys, "private_key")


def _check_tokens(document: Document, plan: Plan) -> None:
    tokens = msgspec.structs.asdict(plan.tokens)
    alike = Counter(token.lower() for token in tokens.values())
    for name, token in tokens.items():
        if alike[token.lower()] > 1:
            document.wrong(f"tokens.{name}: every token is another one.", "tokens", name)
        if len(token) > _LONGEST_TAG:
            text = f"tokens.{name}: a token has {_LONGEST_TAG} characters at most."
            document.wrong(text, "tokens", name)


def _check_rest(document: Document, plan: Plan) -> None:
    if plan.reservation_s + _RESERVATION_OVER_S > plan.deadlines.case_s:
        text = f"reservation_s: deadlines.case_s must be {_RESERVATION_OVER_S} s more at least."
        document.wrong(text, "reservation_s")
    if plan.key_algorithm not in {"ec", "rsa"}:
        document.wrong("key_algorithm is ec or rsa.", "key_algorithm")
    optional = [each.value for each in Functionality if each.value not in _ALWAYS_CLAIMED]
    for place, name in enumerate(plan.unsupported):
        if name in _ALWAYS_CLAIMED:
            text = f"unsupported: {name} cannot be left out; security profiles are in [csms.urls]."
            document.wrong(text, "unsupported", place)
        elif name not in optional:
            text = f"unsupported: {shown(name)} is no functionality.{nearest(name, optional)}"
            document.wrong(text, "unsupported", place)
    for name in _TO_INSTALL:
        pem = getattr(plan.files, name)
        if pem and len(parse(pem)) > 1:
            document.wrong(f"files.{name}: it must be one certificate.", "files", name)
    for name in ("signature", "wrong_signature"):
        try:
            base64.b64decode(getattr(plan.files, name), validate=True)
        except ValueError:
            document.wrong(f"files.{name}: it is no base64.", "files", name)
    try:
        if plan.laboratory.date:
            date.fromisoformat(plan.laboratory.date)
    except ValueError:
        text = "laboratory.date: it is no date such as 2030-01-31."
        document.wrong(text, "laboratory", "date")
