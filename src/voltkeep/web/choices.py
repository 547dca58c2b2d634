"""Fields that have few values: an error names them, so nobody has to guess."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from msgspec import DecodeError, inspect, json

_INVALID = re.compile(r"Invalid (?:enum )?value (?P<said>.*?)(?: - at `\$(?P<path>[^`]*)`)?$")
_STEP = re.compile(r"\.([^.\[\]]+)|\[")


def with_choice(message: str, body: bytes, kind: Any) -> str:
    """What msgspec says of a body that is no ``kind``; of a choice, with what there is."""
    found = _INVALID.fullmatch(message)
    if found is None:
        return message
    try:
        choice = _choice(_info(kind), json.decode(body), found["path"] or "")
    except (DecodeError, RecursionError, LookupError, TypeError):
        return message
    if not choice:
        return message
    at = f" - at `${found['path']}`" if found["path"] else ""
    return none_of(found["said"], choice) + at


def none_of(said: str, choice: Iterable[object]) -> str:
    """That something is not among what there is."""
    return f"{said} is none of: {', '.join(str(each) for each in choice)}"


@lru_cache(maxsize=256)
def _info(kind: Any) -> inspect.Type:
    return inspect.type_info(kind)


def _choice(info: inspect.Type, value: Any, path: str) -> list[object]:
    """What may stand at this place of what was said."""
    options = [info]
    for step in _STEP.finditer(path):
        options = [_plain(each) for option in options for each in _options(option)]
        name = step[1]
        if name is None:
            options = [each for option in options for each in _items(option)]
            value = value[0] if isinstance(value, list) and len(value) == 1 else None
            continue
        structs = [each for each in options if isinstance(each, inspect.StructType)]
        if any(each.tag_field == name for each in structs):
            return [each.tag for each in structs if each.tag_field == name]
        options = [
            field.type
            for each in structs
            if _is_tagged(each, value)
            for field in each.fields
            if field.encode_name == name
        ]
        value = value.get(name) if isinstance(value, dict) else None
    leaves = [_plain(each) for option in options for each in _options(option)]
    return [each for leaf in leaves for each in _values(leaf)]


def _is_tagged(struct: inspect.StructType, value: Any) -> bool:
    """Whether what was said is of this one, of those that a field tells apart."""
    if struct.tag_field is None or not isinstance(value, dict):
        return True
    return bool(value.get(struct.tag_field) == struct.tag)


def _plain(info: inspect.Type) -> inspect.Type:
    while isinstance(info, inspect.Metadata):
        info = info.type
    return info


def _options(info: inspect.Type) -> Iterable[inspect.Type]:
    plain = _plain(info)
    return plain.types if isinstance(plain, inspect.UnionType) else (plain,)


def _items(info: inspect.Type) -> Iterable[inspect.Type]:
    match info:
        case inspect.CollectionType():
            return _options(info.item_type)
        case inspect.DictType():
            return _options(info.value_type)
    return ()


def _values(info: inspect.Type) -> list[object]:
    match info:
        case inspect.EnumType():
            return [each.value for each in info.cls]
        case inspect.LiteralType():
            return list(info.values)
    return []
