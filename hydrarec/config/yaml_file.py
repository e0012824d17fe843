"""A YAML file as plain data, and the line on which each of its values stands, among several files too.

Plain means text, numbers, lists and mappings. Refused are tags, keys that stand twice, of which YAML keeps the last,
and aliases that unfold a short text into more than anybody has written.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from hydrarec.config.base import ConfigError

LARGEST_BYTES = 2**20
MOST_VALUES = 100_000
"""Values of a file, those of an alias counted wherever it stands."""


@dataclass(frozen=True)
class YamlFile:
    """What a file says, and where."""

    path: Path
    values: Any
    root: Node | None

    def locate(self, keys: Sequence[str | int]) -> str:
        """Return file and line of a value, of its surroundings if it is not there.

        Parameters
        ----------
        keys
            Keys and indices from the top down. Those that are not there are passed over, since what checks a
            configuration also names the kinds it has tried.
        """
        return locate_among([self], keys)


def locate_among(files: Sequence[YamlFile], keys: Sequence[str | int]) -> str:
    """Return file and line of a value of several files laid over each other, mapping by mapping, the last on top.

    Parameters
    ----------
    files
        At least one.
    keys
        As for `YamlFile.locate`.
    """
    standing = [(file, 1, file.root) for file in files]
    for key in keys:
        found = [(file, *child) for file, _, node in standing if node and (child := _child(node, key))]
        # What is no mapping replaces all that lies under it.
        replacing = [at for at, (_, _, node) in enumerate(found) if not isinstance(node, MappingNode)]
        standing = found[replacing[-1] if replacing else 0 :] or standing
    file, line, _ = standing[-1]
    return f"{file.path}:{line}"


def read_yaml(path: Path) -> YamlFile:
    """Read a YAML file.

    Raises
    ------
    OSError
        If it cannot be read.
    ConfigError
        If it is not UTF-8, larger than 1 MiB or no plain YAML; the message names the line.
    """
    if (size := path.stat().st_size) > LARGEST_BYTES:
        raise ConfigError(f"{path}: has {size} bytes; allowed: up to {LARGEST_BYTES}. Is this a configuration?")
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
        root = _composed(text)
        if root is not None:
            _check(root, path, {}, ())
        values = yaml.safe_load(text)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: byte 0x{content[error.start]:02x} is not UTF-8; save it as UTF-8") from None
    except yaml.reader.ReaderError as error:
        line = content.count(b"\n", 0, error.position) + 1
        raise ConfigError(f"{path}:{line}: the character {chr(error.character)!r} is not allowed in YAML") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        said = "; ".join(part for part in (error.context, error.problem) if part)
        raise ConfigError(f"{path}:{line}: not valid YAML: {said}") from None
    except RecursionError:
        raise ConfigError(f"{path}: not valid YAML: nested too deeply") from None
    except (ValueError, OverflowError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"{path}: not valid YAML: {error}") from None
    # Not the nodes that the values came from: to merge keys (<<) is to change nodes.
    return YamlFile(path, values, root)


def _composed(text: str) -> Node | None:
    return cast(Any, yaml).compose(text, yaml.SafeLoader)


def _check(node: Node, path: Path, sizes: dict[int, int], above: tuple[int, ...]) -> int:
    """Refuse what is not plain; return how many values there are with all aliases unfolded."""
    line = node.start_mark.line + 1
    if id(node) in above:
        raise ConfigError(f"{path}:{line}: this value contains itself through an alias")
    if id(node) in sizes:
        return sizes[id(node)]
    size = 1 + sum(_check(child, path, sizes, (*above, id(node))) for child in _children(node, path))
    if size > MOST_VALUES:
        raise ConfigError(
            f"{path}:{line}: its aliases unfold to more than {MOST_VALUES} values; write out what is meant"
        )
    sizes[id(node)] = size
    return size


def _children(node: Node, path: Path) -> list[Node]:
    if isinstance(node, SequenceNode):
        return node.value
    if not isinstance(node, MappingNode):
        return []
    lines: dict[str, int] = {}
    for key, _ in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, ScalarNode):
            raise ConfigError(f"{path}:{line}: a key must be text")
        if key.value in lines:
            raise ConfigError(
                f"{path}:{line}: the key {key.value!r} stands in line {lines[key.value]} already; remove one of them"
            )
        lines[key.value] = line
    return [value for _, value in node.value]


def _child(node: Node, key: str | int) -> tuple[int, Node] | None:
    if isinstance(node, SequenceNode) and isinstance(key, int) and key < len(node.value):
        return node.value[key].start_mark.line + 1, node.value[key]
    if isinstance(node, MappingNode):
        for name, value in node.value:
            if name.value == str(key):
                return name.start_mark.line + 1, value
    return None
