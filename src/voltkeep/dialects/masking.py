"""What the message log must not keep: keys, passwords, and the addresses that contain them."""

import re
from collections.abc import Iterable
from typing import Any

from msgspec import DecodeError, json

from voltkeep.domain.device_model import SECRET, USER_INFO

MASK = "***"

# Only these carry secrets by design, in the CALL or in its answer; other frames are not looked at.
_ACTIONS = {
    "ChangeConfiguration",
    "DataTransfer",
    "GetConfiguration",
    "GetDiagnostics",
    "GetLog",
    "GetReport",
    "GetVariables",
    "NotifyEvent",
    "NotifyReport",
    "PublishFirmware",
    "SetNetworkProfile",
    "SetVariables",
    "SignedUpdateFirmware",
    "UpdateFirmware",
}
# The tokens of our own addresses (services/transfers.py): what they open, a reader must not.
_TOKEN = re.compile(r"(/(?:upload|firmware)/[A-Za-z0-9_-]+\.)[A-Za-z0-9_-]{43}")
_TELLING = 8  # characters; a shorter word may stand in any sentence
_NAMED_VALUES = ("value", "attributeValue", "actualValue")


def masked(action: str, frame: bytes) -> bytes:
    """``frame`` without its secrets; one that has some and cannot be read is not kept at all.

    Of a frame without an action (it answers nothing, or cannot be read) its words must tell.
    """
    if action not in _ACTIONS and (action or not SECRET.search(frame.decode(errors="replace"))):
        return frame
    try:
        content = [json.decode(frame)]
    except (DecodeError, RecursionError, UnicodeError):
        return b'"' + MASK.encode() + b'"'
    return json.encode(content[0]) if _mask(content) else frame


def without_secrets_of(action: str, call: bytes, words: bytes) -> bytes:
    """What was answered to ``call``, or said of it, where that repeats a secret of the call."""
    if action not in _ACTIONS:
        return words
    try:
        secrets = _mask([json.decode(call)])
    except (DecodeError, RecursionError, UnicodeError):
        return words
    for secret in secrets:
        if len(secret) >= _TELLING:
            for written in (secret.encode(), json.encode(secret)[1:-1]):
                words = words.replace(written, MASK.encode())
    return words


def _mask(content: list[Any]) -> list[str]:
    """Overwrite the secrets in place, and return them. Not recursive: a peer chose it."""
    found: list[str] = []
    waiting: list[Any] = [content]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            found += _mask_fields(node)
        items = list(node.items() if isinstance(node, dict) else enumerate(node))
        for key, value in items:
            if isinstance(value, dict | list):
                waiting.append(value)
            elif isinstance(value, str) and "/" in value:
                node[key] = _TOKEN.sub(rf"\1{MASK}", USER_INFO.sub(rf"\1{MASK}@", value))
                found += [value] if node[key] != value else []
    return found


def _mask_fields(node: dict[str, Any]) -> list[str]:
    """A value beside the name of a secret, or in a field that bears such a name."""
    found: list[str] = []
    variable = node.get("variable")
    name = variable.get("name") if isinstance(variable, dict) else variable or node.get("key")
    if isinstance(name, str) and SECRET.search(name):
        attributes = node.get("variableAttribute")
        found = _overwrite(node, _NAMED_VALUES)
        for attribute in attributes if isinstance(attributes, list) else ():
            if isinstance(attribute, dict):
                found += _overwrite(attribute, _NAMED_VALUES)
    vpn = node.get("vpn")
    if isinstance(vpn, dict):
        found += _overwrite(vpn, ("key",))
    return found + _overwrite(node, [field for field in node if SECRET.search(field)])


def _overwrite(node: dict[str, Any], fields: Iterable[str]) -> list[str]:
    found: list[str] = []
    for field in fields:
        if isinstance(node.get(field), str | int | float):
            found.append(str(node[field]))
            node[field] = MASK
    return found
