"""What stations prove themselves with after earlier runs: kept beside the plan, for the next one.

Cases have the CSMS replace keys and certificates and raise security profiles, and it never tells
them again. So each change is written at once, and a run that is killed loses none.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Literal

from cryptography.exceptions import UnsupportedAlgorithm
from msgspec import DecodeError, Struct, json

from voltkeep.lab.bench import Credentials
from voltkeep.lab.plan import Account
from voltkeep.lab.toml_file import Mistake, Mistakes
from voltkeep.sim.trust import is_own

KEPT = "credentials.json"

Told = Callable[[str], None]

_WHAT_TO_DO = (
    "restore it, or remove it and give the stations the keys of lab.toml again in the CSMS"
)


class KeptStation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a station has now. ``planned`` is the digest of its account when it was given that."""

    identity: str
    planned: str
    key: bytes
    certificate: str
    private_key: str
    raised_to: int | None = None

    def __repr__(self) -> str:
        return f"KeptStation({self.identity!r})"


class _File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``stations`` are by their names in the plan."""

    format: Literal[1] = 1
    stations: dict[str, KeptStation]


class Kept:
    """The stations of a plan, as earlier runs have left them.

    ``used`` are the identities that go by what was kept. ``outdated`` are those whose account in
    the plan was changed since: the plan counts.
    """

    def __init__(
        self, path: Path, accounts: Mapping[str, Account], there: Mapping[str, KeptStation]
    ) -> None:
        self.path = path
        self._accounts = accounts
        self._before = there  # with stations that are not in the plan now, and may be again
        self._there = {
            name: kept
            for name, kept in there.items()
            if name in accounts and kept.planned == _digest(accounts[name])
        }
        changed = [name for name in there if name in accounts and name not in self._there]
        self._changes: dict[str, KeptStation | None] = dict.fromkeys(changed)
        self.used = [accounts[name].identity for name in self._there]
        self.outdated = [accounts[name].identity for name in changed]

    @classmethod
    def load(cls, folder: Path, accounts: Mapping[str, Account]) -> "Kept":
        """Those of a folder. Raises Mistakes: its file is broken."""
        return cls(folder / KEPT, accounts, _read(folder / KEPT))

    def certificates(self) -> dict[str, str]:
        """What stations have to show now, as PEM, of those that go by what was kept."""
        return {name: kept.certificate for name, kept in self._there.items()}

    def credentials(self, told: Told) -> dict[str, Credentials]:
        """For a run, which writes every change of them. `told` hears that one cannot be written."""
        if self._changes:
            self._write(told)
        return {name: self._credentials(name, told) for name in self._accounts}

    def _credentials(self, name: str, told: Told) -> Credentials:
        credentials = Credentials.of(self._accounts[name])
        if kept := self._there.get(name):
            credentials.key = kept.key
            credentials.certificate, credentials.private_key = kept.certificate, kept.private_key
            credentials.raised_to = kept.raised_to
        credentials.keep = partial(self._keep, name, told)
        return credentials

    def _keep(self, name: str, told: Told, now: Credentials) -> None:
        self._changes[name] = KeptStation(
            identity=now.account.identity,
            planned=_digest(now.account),
            key=now.key,
            certificate=now.certificate,
            private_key=now.private_key,
            raised_to=now.raised_to,
        )
        self._write(told)

    def _write(self, told: Told) -> None:
        stations = self._before
        with contextlib.suppress(Mistakes):
            stations = _read(self.path)  # another run in this folder may have written meanwhile
        changed = {**stations, **self._changes}
        try:
            _replace(self.path, {name: each for name, each in changed.items() if each is not None})
        except OSError as error:
            told(
                f"{self.path} cannot be written: {error.strerror}. The next run will not know what "
                "stations were given in this one."
            )


def forget(folder: Path, identities: Iterable[str] = ()) -> list[str]:
    """Forget what was kept of these stations, or of all; the identities of those forgotten.

    Raises:
        KeyError: nothing was kept of this one, and nothing is forgotten.
        Mistakes: the file is broken, and not to be removed as a whole.
        OSError: it cannot be written.
    """
    path, wanted = folder / KEPT, set(identities)
    if not wanted:
        there: dict[str, KeptStation] = {}
        with contextlib.suppress(Mistakes):
            there = _read(path)
        path.unlink(missing_ok=True)
        return [kept.identity for kept in there.values()]
    there = _read(path)
    for unknown in sorted(wanted - {kept.identity for kept in there.values()}):
        raise KeyError(unknown)
    _replace(path, {name: kept for name, kept in there.items() if kept.identity not in wanted})
    return [kept.identity for kept in there.values() if kept.identity in wanted]


def _digest(account: Account) -> str:
    """Of all that the plan says of a station, with the contents of the files that it names."""
    return hashlib.sha256(json.encode(account)).hexdigest()


def _read(path: Path) -> dict[str, KeptStation]:
    """Raises Mistakes. Nothing of what is in the file is repeated."""
    try:
        stations = json.decode(path.read_bytes(), type=_File).stations
        for kept in stations.values():
            if kept.certificate and not is_own(kept.certificate, kept.private_key):
                raise ValueError
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise Mistakes([Mistake(path, 0, f"cannot be read: {error.strerror}.")]) from None
    except (DecodeError, ValueError, TypeError, RecursionError, UnsupportedAlgorithm):
        text = f"it is broken, and holds what earlier runs have changed: {_WHAT_TO_DO}."
        raise Mistakes([Mistake(path, 0, text)]) from None
    return stations


def _replace(path: Path, stations: dict[str, KeptStation]) -> None:
    """Write it whole or not at all, readable by nobody else. Raises OSError."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(json.format(json.encode(_File(stations=stations))) + b"\n")
            file.flush()
            os.fsync(handle)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
