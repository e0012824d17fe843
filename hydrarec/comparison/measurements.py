"""Which measurements of speed and memory are there, complete and of this configuration."""

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from hydrarec.comparison.belonging import told
from hydrarec.config import BenchmarkConfig
from hydrarec.config.differences import differences
from hydrarec.config.measured import measured
from hydrarec.files import read_object
from hydrarec.layout import efficiency_folder

log = logging.getLogger(__name__)

OF_DEVICE, OF_PART = ("speed.parquet", "scaling.parquet"), ("work.parquet", "times.parquet", "machine.json")
"""What is in a device's folder, and in the folder of each part."""


def measured_on(config: BenchmarkConfig, results: Path, *, complete: bool) -> Iterator[tuple[str, Path]]:
    """Yield each device whose measurements can be used, and its folder.

    Parameters
    ----------
    config
        The comparison.
    results
        Folder of everything computed.
    complete
        Whether all that the configuration asks for must be there; otherwise what is not is left out with a warning.

    Raises
    ------
    ValueError
        If something that must be there is not, or was measured for other settings.
    """
    for device in config.efficiency.devices if config.efficiency else ():
        folder = efficiency_folder(results, config.report, device)
        if not (why := _unusable(config, folder)):
            yield device, folder
        elif complete:
            raise ValueError(f"{why}; measure again with Snakemake")
        elif folder.exists():
            log.warning("measurements on %s are left out: %s", device, why)


def device_title(machines: Iterable[dict[str, Any]]) -> str:
    """Name the GPU or processor that some `machine.json` are of; several, where parts were measured on several."""
    return " and ".join(dict.fromkeys(str(machine["gpu"] or machine["cpu"]) for machine in machines))


def _unusable(config: BenchmarkConfig, folder: Path) -> str:
    """Return why measurements cannot be used; empty if they can."""
    assert config.efficiency is not None
    wanted = [folder / name for name in OF_DEVICE]
    wanted += [folder / part / name for part in config.efficiency.parts for name in OF_PART]
    if absent := [path for path in wanted if not path.is_file()]:
        return f"{absent[0]}: no such file"
    for part in config.efficiency.parts:
        path = folder / part / "machine.json"
        found = read_object(path).get("measured")
        if not isinstance(found, dict):
            return f"{path}: does not say what was measured"
        if apart := differences(found, measured(config, part)):
            return f"{path}: was measured with {told(apart)}"
    return ""
