"""Write every figure as SVG, PDF and CSV, every table as CSV and LaTeX, and all numbers as JSON and CSV.

Which figures and tables there are is asked of the chapters, so what the page shows is what is written.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from hydrarec.files import atomic_path, write_text
from hydrarec.formatting import NOTHING
from hydrarec.report.blocks import Chapter
from hydrarec.report.cells import Cell, Table
from hydrarec.report.export.latex import latex
from hydrarec.report.export.numbers import numbers
from hydrarec.report.export.references import references
from hydrarec.report.inputs import Inputs


def write_all(inputs: Inputs, chapters: Sequence[Chapter], output: Path) -> None:
    """Write `figures/<chapter>/*`, `tables/<chapter>/*`, `data/*.csv`, `report.json`, `references.bib`."""
    for chapter in chapters:
        for figure in chapter.figures():
            for panel in figure.panels:
                path = output / "figures" / chapter.anchor / panel.name
                write_text(path.with_name(f"{panel.name}.svg"), panel.standalone + "\n")
                write_csv(panel.data, path.with_name(f"{panel.name}.csv"))
                with atomic_path(path.with_name(f"{panel.name}.pdf")) as temporary:
                    temporary.write_bytes(panel.pdf)
        for table in chapter.tables():
            folder = output / "tables" / chapter.anchor
            write_csv(to_frame(table) if table.data is None else table.data, folder / f"{table.name}.csv")
            write_text(folder / f"{table.name}.tex", latex(table))
    for name, (frame, _) in inputs.tables.items():
        write_csv(frame, output / "data" / f"{name}.csv")
    write_text(output / "report.json", numbers(inputs, chapters))
    write_text(output / "references.bib", references(inputs.config))


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a table with ten significant digits."""
    write_text(path, frame.to_csv(index=False, float_format="%.10g", lineterminator="\n"))


def to_frame(table: Table) -> pd.DataFrame:
    """Return a table's cells: what they are sorted by, or what they say."""
    rows = [[_content(cell) for cell in row.cells] for body in table.bodies for row in body]
    return pd.DataFrame(rows, columns=[column.title for column in table.columns])


def _content(cell: Cell) -> str | float | None:
    """Return a number as it is sorted by, what else a cell says, and nothing where it says that there is nothing."""
    if cell.text == NOTHING:
        return None
    return cell.text if cell.value is None else cell.value
