"""Run benchmarks and keep what they measured."""

import importlib
import logging
import pkgutil
import shlex
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import cast

import pandas as pd

import hydrarec.bench
from hydrarec.bench.base import Benchmark, Case, Conditions
from hydrarec.columns import BENCH
from hydrarec.config.training import Device
from hydrarec.devices import device_name, prepare_process, select_device
from hydrarec.efficiency.machine import measure_rates
from hydrarec.efficiency.rounds import interleaved, time_ratio
from hydrarec.files import write_json
from hydrarec.provenance import describe_machine, now
from hydrarec.sources import code_state
from hydrarec.tables import write_table

log = logging.getLogger(__name__)

DATA = Path("results/data")
"""Where the workflow's data sets are."""
NOT_A_BENCHMARK = ("base", "run", "page", "plain", "peers")


def names() -> list[str]:
    """Return the benchmarks: the files of this room that are none of its own machinery."""
    found = [module.name for module in pkgutil.iter_modules(hydrarec.bench.__path__) if not module.ispkg]
    return [name for name in found if name not in NOT_A_BENCHMARK]


def load(name: str) -> Benchmark:
    """Return a benchmark's module.

    Raises
    ------
    ValueError
        If there is none of that name.
    """
    if name not in names():
        raise ValueError(f"no benchmark {name!r}; allowed: {', '.join(names())}")
    return cast(Benchmark, importlib.import_module(f"hydrarec.bench.{name}"))


def run(
    wanted: Sequence[str],
    output: Path,
    *,
    device: Device = "auto",
    threads: int = 1,
    rounds: int | None = None,
    quick: bool = False,
    data: Path = DATA,
) -> None:
    """Run benchmarks and write `<output>/<name>/times.parquet` and `machine.json` for each.

    Parameters
    ----------
    wanted
        Names; none stands for all.
    output
        Folder to write into.
    device
        `auto`, `cpu` or `cuda`.
    threads
        CPU threads.
    rounds
        Measured rounds; None for each benchmark's own number.
    quick
        Small sizes and two rounds, to see that everything works.
    data
        Folder of prepared data sets.

    Raises
    ------
    ValueError
        If there is no benchmark of a name.
    """
    benchmarks = {name: load(name) for name in wanted or names()}
    # Asked now: the checkout may be another when the results are written.
    code_state()
    where = select_device(device)
    prepare_process(threads, where)
    for name, benchmark in benchmarks.items():
        times, cases = [], {}
        with tempfile.TemporaryDirectory(prefix=f"hydrarec-{name}-") as scratch:
            conditions = Conditions(where, threads, quick, data, Path(scratch))
            for case in benchmark.cases(conditions):
                n_rounds = rounds or (2 if quick else benchmark.ROUNDS)
                found = interleaved(case.subjects, rounds=n_rounds, seed=0, device=where, what=case.name)
                _log(name, case, found, clock="cpu_s" if where.type == "cpu" else "wall_s")
                times.append(found.assign(bench=name, case=case.name))
                cases[case.name] = {
                    "unit": case.unit,
                    "subjects": [subject.name for subject in case.subjects],
                    "against": case.against,
                    "needs": {subject: asdict(need) for subject, need in case.needs.items()},
                    "peak_mib": case.peak_mib,
                }
        description = {
            "created": now(),
            "command": _command(name, device, threads, rounds, data),
            "quick": quick,
            "rates": asdict(measure_rates(where)),
            "threads": threads,
            # Kept in the repository, where a host's name says nothing.
            **{key: value for key, value in describe_machine(device_name(where)).items() if key != "host"},
            "cases": cases,
        }
        write_table(pd.concat(times, ignore_index=True), output / name / "times.parquet", BENCH)
        write_json(output / name / "machine.json", description)


def _command(name: str, device: Device, threads: int, rounds: int | None, data: Path) -> str:
    """Return the command that measures the same again."""
    said = {"--device": None if device == "auto" else device, "--threads": threads, "--rounds": rounds}
    said |= {"--data": None if data == DATA else data}
    words = (f"{option} {shlex.quote(str(value))}" for option, value in said.items() if value is not None)
    return " ".join(["hydrarec bench", name, *words])


def _log(name: str, case: Case, times: pd.DataFrame, clock: str) -> None:
    for subject in case.subjects:
        ratio = time_ratio(times, case.against, subject.name, clock=clock)
        log.info("%s, %s: %s is %.2f x as fast as %s", name, case.name, subject.name, ratio.value, case.against)
