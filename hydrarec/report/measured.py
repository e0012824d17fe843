"""The tables of what was measured about speed and memory on a device."""

from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa

from hydrarec.columns import EFFICIENCY_SPEED, EFFICIENCY_WORK, SCALING
from hydrarec.comparison.measurements import Measurements
from hydrarec.tables import read_table


@dataclass(frozen=True)
class Measured:
    """What was measured about speed and memory on a device."""

    source: Measurements
    speed: pd.DataFrame
    scaling: pd.DataFrame
    skipped: pd.DataFrame
    """Rows of `EFFICIENCY_WORK` that were not timed."""

    @property
    def device(self) -> str:
        """As the configuration names it."""
        return self.source.device

    @property
    def clock(self) -> str:
        """What its times are counted in."""
        return "processor seconds" if (self.speed["clock"] == "cpu_s").all() else "seconds by the wall clock"

    @property
    def machines(self) -> dict[str, dict[str, Any]]:
        """`machine.json` by part."""
        return self.source.machines

    @property
    def tables(self) -> dict[str, tuple[pd.DataFrame, pa.Schema]]:
        """All of it, by the names of the files, each with its schema."""
        return {
            f"speed-{self.device}": (self.speed, EFFICIENCY_SPEED),
            f"scaling-{self.device}": (self.scaling, SCALING),
            f"skipped-{self.device}": (self.skipped, EFFICIENCY_WORK),
        }


def read_measured(found: Measurements) -> Measured:
    """Read its tables."""
    works = [read_table(found.folder / part / "work.parquet", EFFICIENCY_WORK) for part in found.machines]
    work = pd.concat(works, ignore_index=True)
    return Measured(
        found,
        speed=read_table(found.folder / "speed.parquet", EFFICIENCY_SPEED),
        scaling=read_table(found.folder / "scaling.parquet", SCALING),
        skipped=work[work["skipped"].notna()],
    )
