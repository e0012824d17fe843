"""What all configuration classes share: frozen, no unknown keys, errors that name the key and the allowed values."""

import importlib
from typing import Annotated, Any, ClassVar, Self, Union, cast

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema, ErrorDetails


class ConfigError(ValueError):
    """The configuration is wrong; the message has one line per mistake, each with the path of its key."""


class Block(BaseModel):
    """A block of the configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)

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


def explain(error: ValidationError, within: str = "") -> str:
    """Turn pydantic's errors into one line each: key path, what is wrong, what is allowed."""
    return "\n".join(f"  {_path(detail, within)}: {_message(detail)}" for detail in error.errors())


def _path(detail: ErrorDetails, within: str) -> str:
    path = within
    tags = _tags(detail)
    for part in detail["loc"]:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part not in tags:
            path += f".{part}" if path else part
    return path or "(top level)"


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
    context = detail.get("ctx", {})
    match detail["type"]:
        case "extra_forbidden":
            return "no such key"
        case "union_tag_invalid":
            return f"{context['tag']!r} is not a kind; allowed: {context['expected_tags']}"
        case "union_tag_not_found":
            return f"needs the key {context['discriminator']}"
        case "literal_error":
            return f"{detail['input']!r} is not allowed; allowed: {context['expected']}"
        case "value_error":
            return str(context["error"])
        case "missing":
            return "must be given"
        case _:
            return f"{detail['msg'][0].lower()}{detail['msg'][1:]}; found {detail['input']!r}"
