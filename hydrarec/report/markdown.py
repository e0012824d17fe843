"""Tables as Markdown, for documentation that is generated."""

from hydrarec.report.cells import Table


def markdown(table: Table) -> str:
    r"""Write a table; notes stand in brackets, markers and strips are left out.

    >>> from hydrarec.report.cells import Cell, Column, Row
    >>> columns = [Column("Operator", numeric=False), Column("NDCG@10")]
    >>> print(markdown(Table("t", "Operators", columns, [[Row([Cell("a|b"), Cell("0.1", note="one seed")])]])))
    | Operator | NDCG@10 |
    |---|--:|
    | a\|b | 0.1 (one seed) |
    """
    lines = [[column.title for column in table.columns]]
    lines += [[_text(cell.text, cell.note) for cell in row.cells] for body in table.bodies for row in body]
    written = [f"| {' | '.join(cells)} |" for cells in lines]
    rule = "".join("--:|" if column.numeric else "---|" for column in table.columns)
    return "\n".join([written[0], f"|{rule}", *written[1:]])


def _text(text: str, note: str) -> str:
    # A bar inside a cell would start the next one.
    return (f"{text} ({note})" if note else text).replace("|", "\\|")
