"""The certificates of a plan: whom they name and when they are valid, as the cases need it."""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.x509.oid import NameOID

from voltkeep.lab.kept import Kept
from voltkeep.lab.plan import Plan
from voltkeep.lab.toml_file import Document, Keys, Mistake, dotted, shown
from voltkeep.sim.trust import parse

_SOON = timedelta(days=30)
_RAISED = {"1-to-2": {1, 2}, "2-to-3": {2, 3}}
_THIRD = "3"  # whom the certificates that are to be refused are about


def check_certificates(
    document: Document, plan: Plan, profiles: Collection[int], kept: Kept | None, now: datetime
) -> None:
    """Note what is wrong with those that are used on these security profiles."""
    present = {} if kept is None else kept.certificates()
    for name in _used(plan, profiles):
        account = plan.stations[name]
        keys: Keys = ("stations", name, "certificate")
        if not account.certificate:
            continue
        leaf = _leaf(account.certificate)
        if _named(leaf) != account.serial_number:
            text = f"it names {shown(_named(leaf))} (CN), not the serial_number of the station."
            document.wrong(f"{dotted(*keys)}: {text}", *keys)
        if present.get(name, account.certificate) == account.certificate:
            _check_valid(document, leaf, keys, now)
        elif kept is not None and (wrong := _invalid(_leaf(present[name]), now)):
            text = f"the certificate of {account.identity}: {wrong}."
            document.mistakes.append(Mistake(kept.path, 0, text))
    if plan.files.signing_certificate:
        keys = "files", "signing_certificate"
        _check_valid(document, _leaf(plan.files.signing_certificate), keys, now)
    if int(_THIRD) in profiles and _THIRD in plan.stations:
        _check_shown(document, plan, now)


def ending(plan: Plan, kept: Kept, now: datetime) -> list[str]:
    """Which certificates of stations are over soon, in words."""
    present = {name: each.certificate for name, each in plan.stations.items()}
    ends = {
        plan.stations[name].identity: _leaf(pem).not_valid_after_utc
        for name, pem in (present | kept.certificates()).items()
        if pem
    }
    return [
        f"the certificate of {identity} ends on {end:%Y-%m-%d}; what comes then is a mistake."
        for identity, end in ends.items()
        if now <= end < now + _SOON
    ]


def _used(plan: Plan, profiles: Collection[int]) -> Iterator[str]:
    for name in plan.stations:
        if name in map(str, profiles) or _RAISED.get(name, {0}) <= set(profiles):
            yield name


def _check_shown(document: Document, plan: Plan, now: datetime) -> None:
    """Each must be wrong in nothing but what it is there for."""
    third = plan.stations[_THIRD].serial_number
    for name, each in plan.shown.items():
        keys = ("shown", name, "certificate")
        if not each.certificate:
            continue
        leaf = _leaf(each.certificate)
        is_third = _named(leaf) == third
        if is_third is (name == "of another station"):
            whom = "not name" if is_third else "name"
            text = f"it names {shown(_named(leaf))} (CN), and must {whom} that of stations.3."
            document.wrong(f"{dotted(*keys)}: {text}", *keys)
        if name != "expired":
            _check_valid(document, leaf, keys, now)
        elif leaf.not_valid_after_utc >= now:
            text = f"it is valid until {leaf.not_valid_after_utc:%Y-%m-%d}, and must be over."
            document.wrong(f"{dotted(*keys)}: {text}", *keys)


def _check_valid(document: Document, leaf: x509.Certificate, keys: Keys, now: datetime) -> None:
    if wrong := _invalid(leaf, now):
        document.wrong(f"{dotted(*keys)}: {wrong}.", *keys)


def _invalid(leaf: x509.Certificate, now: datetime) -> str:
    if leaf.not_valid_after_utc < now:
        return f"it was valid until {leaf.not_valid_after_utc:%Y-%m-%d}"
    if leaf.not_valid_before_utc > now:
        return f"it is not valid before {leaf.not_valid_before_utc:%Y-%m-%d}"
    return ""


def _leaf(pem: str) -> x509.Certificate:
    return parse(pem)[0]


def _named(leaf: x509.Certificate) -> str:
    return ", ".join(
        str(each.value) for each in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    )
