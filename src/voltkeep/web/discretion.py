"""Tokens, as they are shown: a card's UID can be copied, so not everybody sees all of it."""

import re
from typing import Any, overload

from msgspec import DecodeError, Raw, json

from voltkeep.domain.accounts import Permission, Principal
from voltkeep.domain.identity import IdToken

# Every version of OCPP has words of its own for them, and peers misspell: the end of one tells.
_WORD = r"[a-z]*_?id_?(?:token|tag)"
_TOKEN = re.compile(_WORD, re.IGNORECASE)
_WRITTEN = re.compile(rf"""(\\*"{_WORD}\\*"\s*:\s*\\*")([^"\\]*)""", re.IGNORECASE)


def sees_tokens(principal: Principal) -> bool:
    """Whether tokens are shown to them in full."""
    return Permission.READ_TOKENS in principal.permissions


@overload
def shown_token(principal: Principal, id_token: IdToken) -> IdToken: ...
@overload
def shown_token(principal: Principal, id_token: IdToken | None) -> IdToken | None: ...
def shown_token(principal: Principal, id_token: IdToken | None) -> IdToken | None:
    """A token as they may see it."""
    if id_token is None or sees_tokens(principal):
        return id_token
    return IdToken(id_token.masked, id_token.kind)


def shown_json(principal: Principal, text: str) -> Raw:
    """JSON with the tokens in it as they may see them: a message, or what was asked for."""
    if sees_tokens(principal):
        return Raw(text.encode())
    try:
        return Raw(json.encode(shown(principal, json.decode(text))))
    except (DecodeError, RecursionError, UnicodeError):
        return Raw(json.encode(_in_words(text)))


def shown(principal: Principal, value: Any) -> Any:
    """What was read from JSON, changed in place; or a text that should have been JSON."""
    if sees_tokens(principal):
        return value
    whole = [value]
    waiting: list[Any] = [whole]  # not recursive: a peer chose how deep it is
    while waiting:
        node = waiting.pop()
        for key, each in list(node.items() if isinstance(node, dict) else enumerate(node)):
            if isinstance(each, dict | list):
                if isinstance(each, dict) and _TOKEN.fullmatch(str(key)) and "value" in each:
                    each["value"] = _masked(each["value"])
                waiting.append(each)
            elif isinstance(key, str) and _bears_a_token(node, key):
                node[key] = _masked(each)
            elif isinstance(each, str):
                node[key] = _in_words(each)
    return whole[0]


def _bears_a_token(node: Any, name: str) -> bool:
    """``group`` beside a token is the name of the token that they have in common."""
    return _TOKEN.fullmatch(name) is not None or (name == "group" and "id_token" in node)


def _masked(value: Any) -> Any:
    if value is None or isinstance(value, dict | list):
        return value
    return IdToken(str(value)).masked


def _in_words(text: str) -> str:
    """JSON in a text (of a vendor's message), or what was not JSON after all."""
    return _WRITTEN.sub(lambda found: found[1] + IdToken(found[2]).masked, text)
