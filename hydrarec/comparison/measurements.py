"""Which measurements of speed and memory are there, complete and of this configuration."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydrarec.columns import EFFICIENCY_TIMES
from hydrarec.config import BenchmarkConfig
from hydrarec.config.differences import differences
from hydrarec.config.efficiency import Part
from hydrarec.config.measured import measured_settings
from hydrarec.contention import contention
from hydrarec.files import read_object
from hydrarec.layout import efficiency_folder
from hydrarec.outdated import summarise_differences
from hydrarec.tables import read_table

log = logging.getLogger(__name__)

OF_DEVICE, OF_PART = ("speed.parquet", "scaling.parquet"), ("work.parquet", "times.parquet", "machine.json")
"""What is in a device's folder, and in the folder of each part."""


@dataclass(frozen=True)
class Measurements:
    """What was measured on a device."""

    device: str
    """As the configuration names it."""
    folder: Path
    machines: dict[str, dict[str, Any]]
    """`machine.json` by part."""

    @property
    def title(self) -> str:
        """The GPU or processor; several, where parts were measured on several."""
        return " and ".join(dict.fromkeys(str(machine["gpu"] or machine["cpu"]) for machine in self.machines.values()))

    @property
    def contention(self) -> dict[str, str]:
        """By what signs others used the machine, by the parts that were timed meanwhile."""
        signs = {part: self._contention(part, machine) for part, machine in self.machines.items()}
        return {part: said for part, said in signs.items() if said}

    def _contention(self, part: str, machine: dict[str, Any]) -> str | None:
        times = read_table(self.folder / part / "times.parquet", EFFICIENCY_TIMES)
        return contention(
            device=machine["gpu"] or "cpu",
            threads=machine["threads"],
            wall_s=float(times["wall_s"].sum()),
            cpu_s=float(times["cpu_s"].sum()),
            load=float(times["load"].median()),
            cores=machine.get("cpu_cores"),
        )


def read_measurements(config: BenchmarkConfig, results: Path, *, complete: bool) -> Iterator[Measurements]:
    """Yield the measurements that can be used, device by device.

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
        try:
            found = _read_device(config, config.efficiency.parts, device, folder)
        except ValueError as why:
            if complete:
                raise ValueError(f"{why}; measure again with Snakemake") from None
            if folder.exists():
                log.warning("measurements on %s are left out: %s", device, why)
        else:
            yield found


def _read_device(config: BenchmarkConfig, parts: Sequence[Part], device: str, folder: Path) -> Measurements:
    wanted = [folder / name for name in OF_DEVICE]
    wanted += [folder / part / name for part in parts for name in OF_PART]
    if absent := [path for path in wanted if not path.is_file()]:
        raise ValueError(f"{absent[0]}: no such file")
    machines = {part: read_object(folder / part / "machine.json") for part in parts}
    for part in parts:
        path, found = folder / part / "machine.json", machines[part].get("measured")
        if not isinstance(found, dict):
            raise ValueError(f"{path}: does not say what was measured")
        if apart := differences(found, measured_settings(config, part)):
            raise ValueError(f"{path}: was measured with {summarise_differences(apart)}")
    return Measurements(device, folder, dict(machines))
