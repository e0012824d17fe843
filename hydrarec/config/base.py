"""What all configuration classes share: frozen, no unknown keys, errors that name the key and the allowed values."""

import importlib
import re
import reprlib
from collections.abc import Callable, Sequence
from typing import Annotated, Any, ClassVar, Self, Union, cast

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema, ErrorDetails

LARGEST = 2**31 - 1
"""Whole numbers are at most this; tables hold them in 32 bits."""
Count = Annotated[int, Field(ge=1, le=LARGEST)]
Seed = Annotated[int, Field(ge=0, le=LARGEST)]


class ConfigError(ValueError):
    """The configuration is wrong; the message has one line per mistake, each with the path of its key."""


class Block(BaseModel):
    """A block of the configuration."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        # Most processes use few of all blocks, and every job is a process.
        defer_build=True,
    )

    def overridden_by(self, override: Self | None) -> Self:
        """Return this block with the keys that were written out in `override`."""
        if override is None:
            return self
        return self.model_copy(update={key: getattr(override, key) for key in override.model_fields_set})


class KindBlock(Block):
    """A block whose `kind` names a file: `kind: hydra` is `hydrarec/attention/hydra.py`."""

    kind: Any
    """Each subclass narrows this to a literal, which also is its default."""
    room: ClassVar[str]
    """The package folder that holds one file per kind."""

    def implementation(self) -> type:
        """Import and return the class that this block configures.

        `kind: cross_entropy` of the room `losses` with its configuration class `CrossEntropyLossConfig` is the
        class `CrossEntropyLoss` in `hydrarec/losses/cross_entropy.py`.
        """
        module = importlib.import_module(f"hydrarec.{self.room}.{self.kind}")
        return cast(type, getattr(module, type(self).__name__.removesuffix("Config")))


class AnyKind:
    """Marks a field that takes any kind of its type, told apart by `kind`: `Annotated[LossConfig, AnyKind()]`.

    A new kind is registered by its class being written, so there is no list to keep.
    """

    def __get_pydantic_core_schema__(self, source: type[KindBlock], handler: GetCoreSchemaHandler) -> CoreSchema:
        """Build the schema of the tagged union when a field of this type is defined."""
        kinds = tuple(block for block in _descendants(source) if _kind_of(block))
        if len(kinds) == 1:
            return handler.generate_schema(kinds[0])
        return handler.generate_schema(Annotated[Union[kinds], Field(discriminator="kind")])  # noqa: UP007


Place = Callable[[Sequence[str | int]], str]
"""Says where the value with these keys stands, such as `config.yaml:12`."""


def explain(error: ValidationError, within: str = "", place: Place | None = None) -> str:
    """Turn pydantic's errors into one line each: place if that is known, key path, what is wrong, what is allowed."""
    lines: list[str] = []
    for detail in error.errors():
        path, said, keys = _path(detail, within), _message(detail), list(detail["loc"])
        # Checks of several keys at once name the one in question themselves.
        if detail["type"] == "value_error" and (named := _named_keys(said, detail["input"])):
            keys += named
            said = f"{path}: {said}" if path else said
        else:
            said = f"{path or '(top level)'}: {said}"
        lines.append(f"  {place(keys)}: {said}" if place else f"  {said}")
    return "\n".join(lines)


def _named_keys(said: str, values: Any) -> list[str | int]:
    """Return the keys that a message begins with: `grid.labels: …`, or `run x: …` among the `values` of the top."""
    if run := re.match(r"run (\S+): ", said):
        runs: list[Any] = values.get("runs", []) if hasattr(values, "get") else []
        ids = [one.get("id") if hasattr(one, "get") else None for one in runs]
        return ["runs", ids.index(run[1])] if run[1] in ids else ["grid"]
    path = re.match(r"[\w.-]+(?=: )", said)
    return list(path[0].split(".")) if path else []


def _path(detail: ErrorDetails, within: str) -> str:
    path = within
    tags = _tags(detail)
    for part in detail["loc"]:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part not in tags:
            path += f".{part}" if path else part
    return path


def _tags(detail: ErrorDetails) -> set[str]:
    """Return the parts of the location that are names of union members, not keys a user wrote."""
    names = {base.__name__ for base in _descendants(Block)}
    kinds = {str(part) for part in detail["loc"] if any(_kind_of(b) == part for b in _descendants(KindBlock))}
    return names | kinds


def _descendants(base: type[Block]) -> list[type[Block]]:
    return [base, *(deeper for child in base.__subclasses__() for deeper in _descendants(child))]


def _kind_of(block: type[Block]) -> str | None:
    field = block.model_fields.get("kind")
    return field.default if field and isinstance(field.default, str) else None


def _message(detail: ErrorDetails) -> str:
    context, found = detail.get("ctx", {}), detail["input"]
    match detail["type"]:
        case "extra_forbidden":
            return "no such key"
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
        case "float_type" | "int_type" if isinstance(found, str) and _is_number(found):
            # YAML 1.1 takes 1e-3 for text.
            return f"found {found!r}, which is text; write a number without quotes, and 1.0e-3 instead of 1e-3"
        case _:
            return f"{detail['msg'][0].lower()}{detail['msg'][1:]}; found {_shown(found)}"


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
