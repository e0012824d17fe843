"""What all configuration classes share: frozen, no unknown keys, errors that name the key and the allowed values."""

import ast
import functools
import importlib
import importlib.util
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self, Union, cast

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema

_PACKAGE = Path(__file__).parents[1]
LARGEST = 2**31 - 1
"""Whole numbers are at most this; tables hold them in 32 bits."""
Count = Annotated[int, Field(ge=1, le=LARGEST)]
Seed = Annotated[int, Field(ge=0, le=LARGEST)]


class ConfigError(ValueError):
    """The configuration is wrong; the message has one line per mistake, each with the path of its key."""


class ConfigModel(BaseModel):
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


class KindConfigModel(ConfigModel):
    """A block whose `kind` names a file: `kind: hydra` is `hydrarec/attention/hydra.py`."""

    kind: Any
    """Each subclass narrows this to a literal, which also is its default."""
    room: ClassVar[str]
    """The package folder that holds one file per kind."""

    def implementation(self) -> type:
        """Import and return the class that this block configures.

        `kind: cross_entropy` of the room `losses` with its configuration class `CrossEntropyLossConfig` is the
        class `CrossEntropyLoss` in `hydrarec/losses/cross_entropy.py`.

        Raises
        ------
        ValueError
            If there is no such file, or no such class in it.
        """
        name = f"hydrarec.{self.room}.{self.kind}"
        if importlib.util.find_spec(name) is None:
            raise ValueError(self.why_not_implemented())
        module, wanted = importlib.import_module(name), type(self).__name__.removesuffix("Config")
        if not hasattr(module, wanted):
            raise ValueError(
                self.why_not_implemented() or f"kind {self.kind}: {module.__file__} holds no class {wanted}"
            )
        return cast(type, getattr(module, wanted))

    def why_not_implemented(self) -> str | None:
        """Return why there is no implementation, found without importing any; None if there is one."""
        path, name = _PACKAGE / self.room / f"{self.kind}.py", type(self).__name__.removesuffix("Config")
        shown = path.relative_to(_PACKAGE.parent)
        if not path.is_file():
            return f"kind {self.kind}: there is no {shown}, where its class {name} must be"
        try:
            classes = _classes_in(path.read_text(encoding="utf-8"))
        except SyntaxError as error:
            return f"kind {self.kind}: {shown}:{error.lineno}: {error.msg}"
        if name not in classes:
            return f"kind {self.kind}: {shown} holds no class {name}, as the class of its configuration is {name}Config"
        return None


@functools.cache
def _classes_in(code: str) -> frozenset[str]:
    """Return the names of a module's classes, found without running it."""
    return frozenset(node.name for node in ast.parse(code).body if isinstance(node, ast.ClassDef))


class AnyKind:
    """Marks a field that takes any kind of its type, told apart by `kind`: `Annotated[LossConfig, AnyKind()]`.

    A new kind is registered by its class being written, so there is no list to keep.
    """

    def __get_pydantic_core_schema__(self, source: type[KindConfigModel], handler: GetCoreSchemaHandler) -> CoreSchema:
        """Build the schema of the tagged union when a field of this type is defined."""
        kinds = tuple(kinds_of(source))
        if len(kinds) == 1:
            return handler.generate_schema(kinds[0])
        return handler.generate_schema(Annotated[Union[kinds], Field(discriminator="kind")])  # noqa: UP007


def find_duplicates(values: Iterable[Any]) -> str:
    """Return what stands there more than once, in words; empty if nothing does."""
    return ", ".join(str(value) for value, number in Counter(values).items() if number > 1)


def each_once(values: list[Any]) -> list[Any]:
    """Return a list, or refuse it if anything stands there more than once; a validator of fields."""
    if more := find_duplicates(values):
        raise ValueError(f"each may stand there once; more than once stands {more}")
    return values


def kinds_of(base: type[ConfigModel]) -> list[type[ConfigModel]]:
    """Return the blocks of a type that are of a kind."""
    return [block for block in descendants(base) if kind_of(block)]


def descendants(base: type[ConfigModel]) -> list[type[ConfigModel]]:
    """Return a block with all that are made of it."""
    return [base, *(deeper for child in base.__subclasses__() for deeper in descendants(child))]


def kind_of(block: type[ConfigModel]) -> str | None:
    """Return a block's kind; None if it may be of several, or has none."""
    field = block.model_fields.get("kind")
    return field.default if field and isinstance(field.default, str) else None
