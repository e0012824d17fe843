"""In what settings differ that were written down at different times, key by key."""

from collections.abc import Collection
from typing import Any, cast

from hydrarec.config.benchmark import RunSettings

LABEL = "run.label"
"""What a run is called, and not what it is."""


def differences(before: Any, now: Any, ignored: Collection[str] = ()) -> dict[str, tuple[Any, Any]]:
    """Return the keys of nested settings whose values differ, with both values; None where a key is absent.

    >>> differences({"encoder": {"d_model": 8}, "seed": 1}, {"encoder": {"d_model": 64}, "seed": 1})
    {'encoder.d_model': (8, 64)}
    """
    one, other = flatten(before), flatten(now)
    keys = sorted(key for key in {*one, *other} - {*ignored} if one.get(key) != other.get(key))
    return {key: (one.get(key), other.get(key)) for key in keys}


def settings_apart(found: Any, wanted: RunSettings, ignored: Collection[str] = ()) -> dict[str, tuple[Any, Any]]:
    """Return in what the settings of a trained run's manifest differ from those wanted, but for its label.

    Keys that did not exist when it was computed count with their defaults.

    Raises
    ------
    pydantic.ValidationError
        If they are no settings of this version.
    """
    read = RunSettings.model_validate(found)
    return differences(read.model_dump(mode="json"), wanted.model_dump(mode="json"), {LABEL, *ignored})


def flatten(value: Any, prefix: str = "") -> dict[str, Any]:
    """Return nested settings by the path of their keys.

    >>> flatten({"encoder": {"d_model": 8}, "loss": {"kind": "cross_entropy"}})
    {'encoder.d_model': 8, 'loss.kind': 'cross_entropy'}
    """
    if not isinstance(value, dict):
        return {prefix: value}
    items = cast(dict[str, Any], value).items()
    pairs = (flatten(each, f"{prefix}.{key}" if prefix else key) for key, each in items)
    return {path: each for pair in pairs for path, each in pair.items()}
