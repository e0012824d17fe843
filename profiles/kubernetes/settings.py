"""What has to be known about a cluster, from `settings.toml` beside this file."""

import re
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path

FILE = Path(__file__).with_name("settings.toml")
NAME = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
ALLOWED = {
    "namespace": (NAME, "a name of small letters, digits and -"),
    "claim": (rf"{NAME}(\.{NAME})*", "the name of a PersistentVolumeClaim: small letters, digits, - and ."),
    "mount": (r"/[^:\x00-\x1f]+", "an absolute path without a colon"),
    "image": (r"[A-Za-z0-9][\w.:/@-]*", "the name of a container image"),
    "gpu_resource": (r"[a-z0-9.-]+/[\w.-]+", "the name of a resource, such as nvidia.com/gpu"),
}
"""What each setting looks like, as a pattern and in words."""


@dataclass(frozen=True)
class Settings:
    """Where jobs are created, what they mount and what they run in."""

    namespace: str
    claim: str
    mount: str
    image: str
    gpu_resource: str = "nvidia.com/gpu"


def read_settings(path: Path = FILE) -> Settings:
    """Read and check the settings.

    Raises
    ------
    ValueError
        If the file is no TOML, or a setting is unknown, missing, empty or not allowed; the message names all of them.
    """
    try:
        given = tomllib.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from None
    required = [field.name for field in fields(Settings) if field.name != "gpu_resource"]
    wrong = [f"{key}: no such setting; allowed: {', '.join(ALLOWED)}" for key in given if key not in ALLOWED]
    wrong += [f"{key}: must be given: {ALLOWED[key][1]}" for key in required if not given.get(key)]
    for key, value in given.items():
        pattern, words = ALLOWED.get(key, ("", ""))
        if value and key in ALLOWED and not (isinstance(value, str) and re.fullmatch(pattern, value)):
            wrong.append(f"{key}: {value!r} is not allowed; allowed: {words}")
    if wrong:
        raise ValueError("\n".join(f"{path}: {one}" for one in wrong))
    return Settings(**{key: value for key, value in given.items() if value})
