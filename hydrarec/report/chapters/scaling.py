"""Speed and memory as measured apart from the runs: growth with length and width, and speed against fused softmax."""

from collections.abc import Hashable
from typing import Any

import numpy as np

from hydrarec.config.efficiency import NO_MIXING
from hydrarec.config.titles import short_names
from hydrarec.formatting import NARROW, NOTHING, duration, several, size
from hydrarec.report.blocks import Chapter, Part, Text
from hydrarec.report.cells import Cell, Column, Row, Table
from hydrarec.report.figures.growth import exponent, growth
from hydrarec.report.inputs import Inputs
from hydrarec.report.measured import Measured

LINEAR = (0.9, 1.1)
"""An exponent whose interval lies inside is called linear (method: equivalence to 1)."""
_ABOUT = (
    "What operators, blocks, training steps and inference cost, measured by themselves and not taken from the runs "
    "above. A speed-up of an operator is worth as much as its share of the whole: the bound says how much faster "
    "anything could get if mixing cost nothing."
)
_RUNS = {
    "steps": "Training steps of the runs against the same with fused softmax, and how fast they could be",
    "inference": "Inference of the runs against the same with fused softmax, and how fast it could be",
}
_PEAK_OF = {"cpu": "in a process of its own", "cuda": "allocated on the GPU"}
_UNITS = {"operators": "sequence", "blocks": "sequence", "steps": "step", "inference": "user"}


def scaling(inputs: Inputs) -> Chapter | None:
    """Show what was measured on every device; None where nothing was."""
    if not inputs.measured:
        return None
    devices = [_device_part(inputs, measured) for measured in inputs.measured]
    return Chapter("scaling", "Scaling and speed", [Part([Text(_ABOUT)]), *devices], "Scaling")


def format_factor(value: float | None) -> str:
    """Write how many times as fast something is.

    >>> format_factor(0.954), format_factor(12.34), format_factor(250.2), format_factor(None)
    ('0.95', '12.3', '250', '–')
    """
    if value is None or value != value:
        return NOTHING
    return f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f}"


def _device_part(inputs: Inputs, measured: Measured) -> Part:
    machine = next(iter(measured.machines.values()))
    threads = "" if machine["gpu"] else f", {several(machine['threads'], 'thread')}"
    return Part(
        title=f"{measured.source.title}{threads}",
        anchor=f"scaling-on-{measured.device}",
        blocks=[
            Text(_describe_measurement(measured), "under"),
            *growth(measured),
            *(table for table in _tables(inputs, measured) if table.bodies[0]),
        ],
    )


def _describe_measurement(measured: Measured) -> str:
    machine = next(iter(measured.machines.values()))
    settings = machine["settings"]
    days = sorted({one["created"].partition("T")[0] for one in measured.machines.values()})
    return (
        f"Measured on {_describe_hosts(measured)}, {' and '.join(days)}. Medians of {measured.clock} over "
        f"{settings['rounds']} rounds; in each round everything of a part ran once, in random order, after "
        f"{several(settings['warm_up'], 'repetition')} not counted. Memory is the peak of one repetition with its "
        f"inputs, {_PEAK_OF.get(measured.device, _PEAK_OF['cpu'])}; of operators and blocks, by the sequences in it."
        f"{_describe_contention(measured)}{_describe_versions(measured)}"
    )


def _describe_contention(measured: Measured) -> str:
    """Say of which parts others used the machine meanwhile."""
    parts: dict[str, list[str]] = {}
    for part, signs in measured.source.contention.items():
        parts.setdefault(signs, []).append(part)
    said = "; ".join(f"{' and '.join(timed)}: {signs}" for signs, timed in parts.items())
    return f" Others used the machine meanwhile, so that small differences are no evidence ({said})." if said else ""


def _describe_hosts(measured: Measured) -> str:
    """Name host and clock; of each part, where parts were measured on several machines."""
    hosts: dict[str, list[str]] = {}
    for part, machine in measured.machines.items():
        # Measurements of before asked an idle GPU first and say less.
        state = machine.get("gpu_state") or machine.get("gpu_after")
        rate = f"GPU at {state['clock_mhz']:g} MHz" if state else f"CPU at {machine['cpu_mhz'] or 'unknown'} MHz"
        hosts.setdefault(str(machine["host"]), []).append(f"{part}: {rate}")
    if len(hosts) == 1:
        ((host, rates),) = hosts.items()
        return f"{host}, {rates[0].partition(': ')[2]}"
    return " and ".join(f"{host} ({', '.join(rates)})" for host, rates in hosts.items())


def _describe_versions(measured: Measured) -> str:
    """Say which version of the code measured which part, where it was not one."""
    parts: dict[str, list[str]] = {}
    for part, machine in measured.machines.items():
        parts.setdefault((machine.get("git_commit") or "an unknown one")[:10], []).append(part)
    if len(parts) == 1:
        return ""
    said = "; ".join(f"{' and '.join(of_commit)} by {commit}" for commit, of_commit in parts.items())
    return f" Versions of the code differ: {said}."


def _tables(inputs: Inputs, measured: Measured) -> list[Table]:
    of_runs = [_runs(inputs, measured, part) for part in _RUNS]
    return [*of_runs, _parts(measured), _exponents(measured), _skipped_table(measured)]


def _speed_columns(first: str) -> list[Column]:
    return [
        Column(first, numeric=False, hint="with its form, what is around the operator, and the data set if any"),
        Column("Time", hint="median over rounds, of a step, a user or a sequence"),
        Column("Times as fast", hint="as the same with fused softmax in the same rounds; 95 % interval over rounds"),
        Column("Bound", hint="times as fast as fused softmax if nothing mixed, timed in the same rounds"),
        Column("Bound by count", hint="times as fast if softmax's operations cost nothing, by operation counts"),
        Column("Operations", hint="by formula, forward and backward where there is a backward pass"),
        Column("Memory", hint="peak of a process that does nothing else; of operators and blocks, by its sequences"),
    ]


def _speed_row(row: dict[Hashable, Any]) -> Row:
    known = not np.isnan(row["speedup"])
    interval = f"[{format_factor(row['low'])}, {format_factor(row['high'])}]" if known else ""
    return Row(
        [
            _subject(row),
            Cell(_format_time(row["unit_s"]), float(row["unit_s"]), note=f"a {_UNITS[row['part']]}"),
            Cell(format_factor(row["speedup"]), float(row["speedup"]) if known else 0.0, note=interval),
            _bound(row["measured_bound"]),
            _bound(row["counted_bound"]),
            Cell(NOTHING, 0.0)
            if np.isnan(row["flops"])
            else Cell(_format_operations(row["flops"]), float(row["flops"])),
            Cell(_format_size(row["unit_mib"]), float(row["unit_mib"])),
        ],
        "optimum" if row["subject"] == NO_MIXING else "trained",
    )


def _subject(row: Any) -> Cell:
    return Cell(str(row["subject"]), note=f"{row['form']}, {row['layout']}")


def _bound(value: float) -> Cell:
    return Cell(NOTHING, 0.0) if np.isnan(value) else Cell(format_factor(value), float(value))


def _format_time(seconds: float) -> str:
    return f"{seconds * 1e6:.3g}{NARROW}µs" if seconds < 1e-3 else duration(seconds)


def _format_size(mib: float) -> str:
    return f"{mib * 1024:.3g}{NARROW}KiB" if mib < 1 else size(mib)


def _format_operations(flops: float) -> str:
    for power, prefix in ((12, "T"), (9, "G"), (6, "M"), (3, "k")):
        if flops >= 10**power:
            return f"{flops / 10**power:.3g}{NARROW}{prefix}"
    return f"{flops:.3g}"


def _runs(inputs: Inputs, measured: Measured, part: str) -> Table:
    speed = measured.speed[measured.speed["part"] == part]
    groups = speed.groupby(["layout", "form"], sort=False)
    bodies = [[_speed_row(_write_out_names(row, inputs)) for row in group.to_dict("records")] for _, group in groups]
    return Table(f"speed-{measured.device}-{part}", _RUNS[part], _speed_columns("Run"), bodies or [[]], speed)


def _write_out_names(row: dict[Hashable, Any], inputs: Inputs) -> dict[Hashable, Any]:
    return row | {"subject": inputs.config.label(row["subject"]), "layout": _layout_title(row["layout"], inputs)}


def _layout_title(layout: str, inputs: Inputs) -> str:
    """Name model and data set of `sasrec@ml-1m`; in brackets behind it may be the first run of a further size."""
    model, _, rest = layout.partition("@")
    dataset, _, size = rest.partition(" (")
    short = short_names(inputs.config).get(dataset, dataset)
    return f"{inputs.config.label(size.removesuffix(')')) if size else model}, {short}"


def _parts(measured: Measured) -> Table:
    speed = measured.speed
    over = speed[(speed["axis"] == "length") & (speed["work"] == "training")]
    bodies = []
    for _, group in over.groupby(["part", "layout", "form"], sort=False):
        # The largest size at which the alternative could be measured too.
        largest = group[group["length"] == group.loc[group["speedup"].notna(), "length"].max()]
        named = largest.assign(form=[f"{form}, T = {t}" for form, t in largest[["form", "length"]].to_numpy()])
        bodies.append([_speed_row(row) for row in named.to_dict("records")])
    return Table(
        f"speed-{measured.device}-parts",
        "Operators and blocks at the largest length, forward and backward",
        _speed_columns("Operator"),
        bodies or [[]],
        speed[speed["part"].isin(["operators", "blocks"])],
    )


def _exponents(measured: Measured) -> Table:
    rows = []
    for _, row in measured.scaling[measured.scaling["work"] == "training"].iterrows():
        timed = not np.isnan(row["low"])
        interval = f"[{exponent(row['low'])}, {exponent(row['high'])}]" if timed else ""
        linear = timed and LINEAR[0] < row["low"] and row["high"] < LINEAR[1]
        rows.append(
            Row(
                [
                    _subject(row),
                    Cell(f"{row['measure']} over {'T' if row['axis'] == 'length' else 'D'}"),
                    Cell(exponent(row["exponent"]), float(row["exponent"]), note=interval),
                    Cell("yes" if linear else "not shown" if timed else NOTHING),
                    Cell(exponent(row["last_slope"]), float(row["last_slope"])),
                    Cell(f"{row['smallest']}\u2013{row['largest']}", float(row["largest"])),
                ]
            )
        )
    return Table(
        f"scaling-{measured.device}",
        "Exponents p of a + b nᵖ, forward and backward, for one sequence",
        [
            Column("Operator", numeric=False, hint="with its form and what is around it"),
            Column("Growth of", numeric=False),
            Column("p", hint="90 % interval over rounds; memory is measured once"),
            Column("Linear", numeric=False, hint="the interval lies between 0.9 and 1.1"),
            Column("Last slope", hint="between the two largest sizes, without an offset"),
            Column("Sizes"),
        ],
        [rows],
        measured.scaling,
    )


def _skipped_table(measured: Measured) -> Table:
    rows = [
        Row(
            [Cell(str(row[column])) for column in ("subject", "part", "layout", "form", "work", "length", "width")]
            + [Cell(str(row["skipped"]))]
        )
        for _, row in measured.skipped.iterrows()
    ]
    titles = ("Operator or run", "Part", "In", "Form", "Work", "T", "D", "Why")
    columns = [Column(title, numeric=title in ("T", "D")) for title in titles]
    return Table(f"skipped-{measured.device}", "Not measured", columns, [rows], measured.skipped, prose=True)
