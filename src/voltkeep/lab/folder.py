"""A folder to begin with: a plan, a driver's file and the certificates that a laboratory needs."""

import base64
import json
import os
import secrets
import textwrap
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from voltkeep.lab.authority import Authority
from voltkeep.lab.driver import OPERATIONS
from voltkeep.lab.drivers.http import templates
from voltkeep.lab.drivers.samples import optional, samples
from voltkeep.lab.drivers.words import WORDS, explained

PLAN, DRIVER, CERTIFICATES, FIRMWARE = "lab.toml", "driver.toml", "certificates", "firmware.bin"
Kind = Literal["http", "manual", "voltkeep"]

_EXAMPLES = Path(__file__).parent / "examples"
_FOR_VOLTKEEP = Path(__file__).parent / "drivers" / "voltkeep.toml"
_KEY_BYTES = 20
# By security profile; raised ones lose theirs in the run.
_STATIONS = ("1", "2", "3", "1-to-2", "2-to-3")
_WITH_KEY = {"1", "2", "1-to-2", "2-to-3"}
_WITH_CERTIFICATE = {"2", "3", "2-to-3"}
_SHOWN = {"expired": "expired", "revoked": "revoked", "of another station": "another-station"}
_THIRD = "LAB-3"  # whom the certificates that must be refused name


def make_folder(folder: Path, operator: str, kind: Kind, now: datetime) -> list[Path]:
    """Write it; the files, in order. Private keys can be read by nobody else.

    Raises:
        OSError: a file is there already, and nothing was written; or it cannot be written.
    """
    files = _files(operator, kind, now)
    for name in files:
        if (folder / name).exists():
            raise FileExistsError(17, "it is there already", str(folder / name))
    (folder / CERTIFICATES).mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        is_private = name == PLAN or name.endswith(".key")
        _write(folder / name, content, 0o600 if is_private else 0o644)
    return [folder / name for name in files]


def driver_example() -> str:
    """A driver's file with every operation, all of them commented out."""
    return _example(DRIVER, operations=[_operation(name) for name in OPERATIONS])


def _files(operator: str, kind: Kind, now: datetime) -> dict[str, bytes]:
    authority = Authority(now, operator)
    firmware = b"firmware of the laboratory: " + secrets.token_hex(16).encode() + b"\n"
    signing, signature = authority.firmware_signature(firmware)
    stations = {name: _station(name) for name in _STATIONS}
    pairs = {
        each["file"]: authority.station(each["identity"])
        for each in stations.values()
        if each["file"]
    }
    pairs["expired"] = authority.expired(_THIRD)
    pairs["revoked"] = authority.revoked(_THIRD)
    pairs["another-station"] = authority.station("LAB-OTHER")
    plan = _example(
        PLAN,
        driver="manual" if kind == "manual" else DRIVER,
        operator=json.dumps(operator),
        stations=stations,
        shown=_SHOWN,
        signature=base64.b64encode(signature).decode(),
    )
    certificates = {
        "root.pem": authority.root,
        "revocation-list.pem": authority.revocation_list(),
        "firmware-signing.pem": signing,
    }
    for name, pair in pairs.items():
        certificates |= {f"{name}.pem": pair.certificate, f"{name}.key": pair.private_key}
    drivers = {"http": driver_example, "voltkeep": _FOR_VOLTKEEP.read_text}
    texts = {PLAN: plan} | ({DRIVER: drivers[kind]()} if kind in drivers else {})
    texts |= {f"{CERTIFICATES}/{name}": text for name, text in certificates.items()}
    return {name: text.encode() for name, text in texts.items()} | {FIRMWARE: firmware}


def _station(name: str) -> dict[str, str]:
    return {
        "identity": f"LAB-{name.upper()}",
        "key": secrets.token_hex(_KEY_BYTES) if name in _WITH_KEY else "",
        "file": f"station-{name}" if name in _WITH_CERTIFICATE else "",
    }


def _operation(name: str) -> dict[str, Any]:
    (_, full), *_ = samples(name)
    arguments = ("station", *OPERATIONS[name])
    none = [each for each in optional(name) if each != "keys"]  # an empty list instead
    order = templates().from_string(WORDS[name].order).render(full).replace(" below", "")
    return {
        "name": name,
        "order": textwrap.fill(f"{WORDS[name].message}: {order}.", 96).replace("\n", "\n# "),
        "arguments": [(each, explained(name, each), each in none) for each in arguments],
        "width": max(map(len, arguments)),
        "body": _body(name),
    }


def _body(operation: str) -> str:
    """JSON of all arguments but the station."""
    pairs = [f'"{name}": {{{{ {name} | tojson }}}}' for name in OPERATIONS[operation]]
    return f"{{{', '.join(pairs)}}}" if pairs else ""


def _example(name: str, **values: Any) -> str:
    environment = templates()
    environment.keep_trailing_newline = True
    return environment.from_string((_EXAMPLES / name).read_text()).render(values)


def _write(path: Path, content: bytes, mode: int) -> None:
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
        file.write(content)
