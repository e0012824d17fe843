"""Mistakes in a configuration, in words: what pydantic found, with location, key, value and what is allowed."""

import datetime
import re
import reprlib
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from itertools import groupby
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from hydrarec.config.base import ConfigModel, KindConfigModel, descendants, kind_of, kinds_of
from hydrarec.config.patterns import IN_WORDS
from hydrarec.formatting import several

_TYPES = {"string_type": "text", "int_type": "a whole number", "float_type": "a number", "bool_type": "true or false"}
"""Mistakes of a value's type, by the type that was expected."""

Locate = Callable[[Sequence[str | int]], str]
"""Says where the value with these keys stands, such as `config.yaml:12`."""


def explain(error: ValidationError, within: str = "", locate: Locate | None = None) -> str:
    """Turn pydantic's errors into one line each: its location if known, key path, what is wrong, what is allowed."""
    root = next((block for block in descendants(ConfigModel) if block.__name__ == error.title), None)
    lines: list[str] = []
    details = [(detail, *_written(detail, root)) for detail in error.errors()]
    # A value that is of none of several types has a mistake for each of them, and they are one. Others stand alone.
    for _, mistakes in groupby(details, key=lambda one: one[1] if one[0]["type"] in _TYPES else object()):
        (detail, keys, types), *more = mistakes
        path, said = _path(keys, within), _message(detail, types)
        if more:
            allowed = [_TYPES[one["type"]] for one in (detail, *(other for other, *_ in more))]
            said = f"must be {', '.join(allowed[:-1])} or {allowed[-1]}; found {_shown(detail['input'])}"
        # Checks of several keys at once name the one in question themselves.
        if detail["type"] == "value_error" and (named := _named_keys(said, detail["input"])):
            keys += named
            said = f"{path}: {said}" if path else said
        else:
            said = f"{path or '(top level)'}: {said}"
        lines.append(f"  {locate(keys)}: {said}" if locate else f"  {said}")
    return "\n".join(lines)


def format_errors(error: ValidationError, where: str | Path, locate: Locate | None = None) -> str:
    """Return how many mistakes there are in a file or a value, and a line for each; see `explain`."""
    lines = explain(error, locate=locate)
    return f"{where}: {several(lines.count(chr(10)) + 1, 'mistake')}:\n{lines}"


def _named_keys(said: str, values: Any) -> list[str | int]:
    """Return the keys that a message begins with: `grid.labels: …`, or `run x: …` among the `values` of the top."""
    if run := re.match(r"run (\S+): ", said):
        runs: list[Any] = values.get("runs", []) if hasattr(values, "get") else []
        ids = [one.get("id") if hasattr(one, "get") else None for one in runs]
        return ["runs", ids.index(run[1])] if run[1] in ids else ["grid"]
    path = re.match(r"[\w.-]+(\[\d+\][\w.-]*)*(?=: )", said)
    return [int(key) if key.isdigit() else key for key in re.findall(r"[\w-]+", path[0])] if path else []


def _path(keys: Sequence[str | int], within: str) -> str:
    path = within
    for key in keys:
        if isinstance(key, int):
            path += f"[{key}]"
        else:
            path += f".{key}" if path else key
    return path


def _written(detail: ErrorDetails, root: type[ConfigModel] | None) -> tuple[list[str | int], list[Any]]:
    """Return the keys of a location that a user wrote, without names of union members, and the types on the way.

    A data set may be called what a reader is called, so whether a part is a key is said by where it stands.
    """
    keys: list[str | int] = []
    types: list[Any] = [root]
    for part in detail["loc"]:
        inside, is_key = _step(types[-1], part)
        types.append(inside)
        if is_key:
            keys.append(part)
    return keys, types


def _step(outside: Any, part: str | int) -> tuple[Any, bool]:
    """Return the type that a part of a location leads to, None if unknown, and whether the part is a key."""
    kind = _bare(outside)
    arguments = get_args(kind)
    if get_origin(kind) in (Union, UnionType):
        named = [member for member in arguments if getattr(_bare(member), "__name__", "") == part]
        return (named[0] if named else None), False
    if get_origin(kind) in (list, dict):
        return arguments[-1], True
    if not _is_config_model(kind):
        return None, True
    if _kinds_to_tell_apart(kind):
        return next((block for block in kinds_of(kind) if kind_of(block) == part), None), False
    field = kind.model_fields.get(str(part))
    return (field.annotation if field else None), True


def _bare(kind: Any) -> Any:
    """Strip what takes no part of a location: annotations, a null that is allowed too, a choice of one kind."""
    if get_origin(kind) is Annotated:
        return _bare(get_args(kind)[0])
    members = [member for member in get_args(kind) if member is not NoneType]
    if get_origin(kind) in (Union, UnionType) and len(members) == 1:
        return _bare(members[0])
    if _is_config_model(kind) and len(kinds := kinds_of(kind)) == 1:
        return kinds[0]
    return kind


def _is_config_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, ConfigModel)


def _kinds_to_tell_apart(kind: Any) -> list[str]:
    """Return the kinds that a type stands for; none if it is itself one, or no block."""
    if not _is_config_model(kind) or not issubclass(kind, KindConfigModel) or kind_of(kind):
        return []
    return [str(kind_of(block)) for block in kinds_of(kind)]


def _message(detail: ErrorDetails, types: Sequence[Any]) -> str:
    context, found = detail.get("ctx", {}), detail["input"]
    match detail["type"]:
        case "extra_forbidden":
            block = _bare(types[-2])
            allowed = _closest_first(str(detail["loc"][-1]), block.model_fields) if _is_config_model(block) else []
            return f"no such key; allowed: {', '.join(allowed)}" if allowed else "no such key"
        case "model_attributes_type" if kinds := _kinds_to_tell_apart(_bare(types[-1])):
            # YAML has no short form of a block that has nothing but its kind.
            if found in kinds:
                return f"must be a mapping; found {found!r}; write {{kind: {found}}}"
            return f"must be a mapping with a kind; found {_shown(found)}; allowed kinds: {', '.join(kinds)}"
        case "union_tag_invalid":
            return f"{context['tag']!r} is not a kind; allowed: {context['expected_tags']}"
        case "union_tag_not_found":
            return f"needs the key {context['discriminator']}"
        case "literal_error":
            return f"{_shown(found)} is not allowed; allowed: {context['expected']}"
        case "value_error":
            return str(context["error"])
        case "missing":
            return "must be given"
        case _:
            return (
                _of_another_type(detail["type"], found)
                or _of_another_form(detail)
                or (f"{detail['msg'][0].lower()}{detail['msg'][1:]}; found {_shown(found)}")
            )


def _of_another_type(mistake: str, found: Any) -> str:
    """Say what was expected instead of a value of another type; empty where pydantic says it well enough."""
    match mistake:
        case "list_type":
            short = f"; write [{found}]" if isinstance(found, str | int) else ""
            return f"must be a list; found {_shown(found)}{short}"
        case "dict_type" | "model_type" | "model_attributes_type":
            return f"must be a mapping, key: value; found {_shown(found)}"
        case "date_type" | "date_from_datetime_parsing":
            return f"must be a date, written as 2026-11-28 without quotes; found {_shown(found)}"
        case "string_type" if isinstance(found, datetime.date):
            return f"found {found.isoformat()}, which YAML takes for a date; put it in quotes"
        case "float_type" | "int_type" if isinstance(found, str) and _is_number(found):
            # YAML 1.1 takes 1e-3 for text.
            return f"found {found!r}, which is text; write a number without quotes, and 1.0e-3 instead of 1e-3"
        case _:
            return ""


def _of_another_form(detail: ErrorDetails) -> str:
    """Say what was expected instead of a text or a list of another form; empty where pydantic says it well enough."""
    context, found = detail.get("ctx", {}), detail["input"]
    match detail["type"]:
        case "string_pattern_mismatch" if context["pattern"] in IN_WORDS:
            return f"must be {IN_WORDS[context['pattern']]}; found {_shown(found)}"
        case "too_short":
            number = "one entry" if context["min_length"] == 1 else f"{context['min_length']} entries"
            return f"must have {number} or more; found {_shown(found)}"
        case _:
            return ""


def _closest_first(wrong: str, allowed: Iterable[str]) -> list[str]:
    """Return what is allowed, with what a wrong word was probably meant to be at the front."""
    names = list(allowed)
    meant = get_close_matches(wrong, names, n=1)
    return [*meant, *(name for name in names if name not in meant)]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _shown(value: Any) -> str:
    """Return a value as Python writes it, cut to what fits into a message."""
    try:
        return _SHORT.repr(value)
    except ValueError:
        return "a number of thousands of digits"


_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 80
