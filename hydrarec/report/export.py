"""Every table of the report as a CSV file with all its numbers."""

from pathlib import Path

import pandas as pd

from hydrarec.files import write_text
from hydrarec.report.cards import data_cards
from hydrarec.report.cells import Table
from hydrarec.report.inputs import Inputs
from hydrarec.report.operators import operator_tables
from hydrarec.report.origin import exclusions, origin


def write_csv(inputs: Inputs, folder: Path) -> None:
    """Write the tables of results as they were computed, and the others as they are shown."""
    whole = inputs.leaders["group"] == "all"
    provenance, left_out = origin(inputs), exclusions(inputs)
    written = {
        "leaderboard": inputs.leaders[whole],
        "groups": inputs.leaders[~whole],
        "metrics": inputs.metrics,
        "comparison": inputs.comparison,
        "times": inputs.times,
        "runs": inputs.runs,
        "gates": pd.DataFrame([vars(gate) for gate in inputs.gates]),
        "machines": _as_frame(provenance.machines),
        "hashes": _as_frame(provenance.hashes),
    }
    for name in ("speed", "scaling", "skipped") if inputs.measured else ():
        tables = [getattr(measured, name).assign(device=measured.device) for measured in inputs.measured]
        written["efficiency" if name == "speed" else name] = pd.concat(tables, ignore_index=True)
    written |= {"exclusions": _as_frame(left_out)} if left_out else {}
    written |= {table.name: _as_frame(table) for table in operator_tables(inputs.config)}
    written |= {table.name: _as_frame(table) for card in data_cards(inputs) for table in card.tables}
    for name, frame in written.items():
        text = frame.to_csv(index=False, float_format="%.10g", lineterminator="\n")
        write_text(folder / f"{name}.csv", text)


def _as_frame(table: Table) -> pd.DataFrame:
    rows = [
        [cell.text if cell.value is None else cell.value for cell in row.cells] for body in table.bodies for row in body
    ]
    return pd.DataFrame(rows, columns=[column.title for column in table.columns])
