r"""Tables as LaTeX, for papers: `\usepackage{booktabs,graphicx}` and `\input` are all it takes.

What does not fit into a column of a paper that has two takes both (`table*`, which in other papers is `table`); what is
wider than a page of text is scaled down to it.
What is written compiles with pdfLaTeX, XeLaTeX and LuaLaTeX as long as the text is in letters they have; names in other
scripts need the latter two and a font.
"""

import re
import unicodedata
from itertools import groupby

from hydrarec.report.cells import Cell, Column, Table, spans

_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"{\char34}", "`": r"\textasciigrave{}", "\n": " ", "\t": " ",
}  # fmt: skip
_TYPOGRAPHY = {
    "\u202f": r"\,", "\u2009": r"\,", "\u00a0": "~", "\u200b": "", "\u00ad": r"\-", "–": "--", "—": "---",
    "“": "``", "”": "''", "‘": "`", "’": "'", "…": r"\dots{}",
}  # fmt: skip
_SYMBOLS = {
    "−": "-", "±": r"\pm", "×": r"\times", "·": r"\cdot", "⋅": r"\cdot", "÷": r"\div", "√": r"\surd", "∞": r"\infty",
    "≤": r"\leq", "≥": r"\geq", "≠": r"\neq", "≈": r"\approx", "∼": r"\sim", "→": r"\rightarrow", "←": r"\leftarrow",
    "↔": r"\leftrightarrow", "⊙": r"\odot", "⊗": r"\otimes", "⊕": r"\oplus", "∘": r"\circ", "Σ": r"\Sigma",
    "∑": r"\textstyle\sum", "∏": r"\textstyle\prod", "∂": r"\partial", "∇": r"\nabla", "∈": r"\in", "∉": r"\notin",
    "⊂": r"\subset", "∩": r"\cap", "∪": r"\cup", "∀": r"\forall", "∃": r"\exists", "‖": r"\|", "∥": r"\|",
    "⌈": r"\lceil", "⌉": r"\rceil", "⌊": r"\lfloor", "⌋": r"\rfloor", "µ": r"\mu", "°": r"^{\circ}", "′": r"^{\prime}",
    "λ": r"\lambda", "Λ": r"\Lambda",
    "†": r"\dagger", "‡": r"\ddagger", "ϵ": r"\epsilon", "ϕ": r"\phi", "ˢ": "^{s}", "✓": r"\surd",
}  # fmt: skip
"""Symbols as they are written in formulas."""
_COLUMN, _PAGE = 50, 76
"""Letters in a line of a column where there are two, about 240 pt, and of a page of text, about 345 pt."""
_SENTENCE = 60
"""Letters from which on a cell no longer fits into a line of a page."""
_PARAGRAPH = r"p{0.4\linewidth}"
_WORD = 16
"""Letters after which a word in a paragraph may be broken; hashes and some names have no other place for it."""


def latex(table: Table) -> str:
    r"""Write a table as a float of its own.

    Notes stand in brackets, or below sentences; markers are left out, and so are drawings' columns and those that are
    for the page only.

    >>> from hydrarec.report.cells import Cell, Column, Row
    >>> columns = [Column("Run", numeric=False), Column("Δ %")]
    >>> print(latex(Table("t", "Runs & more", columns, [[Row([Cell("a_b"), Cell("−1.0")])]])), end="")
    % Needs \usepackage{booktabs}.
    \begin{table}
    \centering
    \caption{Runs \& more}
    \label{tab:t}
    \begin{tabular}{lr}
    \toprule
    Run & $\Delta$ \% \\
    \midrule
    a\_b & $-$1.0 \\
    \bottomrule
    \end{tabular}
    \end{table}
    """
    kept = [index for index, column in enumerate(table.columns) if column.title and not column.page_only]
    columns = [table.columns[index] for index in kept]
    aligned = {index: _alignment(table, index) for index in kept}
    # Below each other as on the page, where there are lines.
    below = {index for index in kept if table.prose and aligned[index] == _PARAGRAPH}
    bodies = [
        [
            _line(
                [
                    _format_cell(row.cells[index], below=index in below, breaks=aligned[index] == _PARAGRAPH)
                    for index in kept
                ]
            )
            for row in body
        ]
        for body in table.bodies
        if body
    ]
    width = _table_width(table, kept, aligned)
    wide, float_of = width > _PAGE, "table*" if width > _COLUMN else "table"
    lines = [
        rf"% Needs \usepackage{{{'booktabs,graphicx' if wide else 'booktabs'}}}.",
        rf"\begin{{{float_of}}}",
        r"\centering",
        rf"\caption{{{escape(table.caption)}}}",
        rf"\label{{tab:{table.name}}}",
        *([r"\resizebox{\linewidth}{!}{%"] if wide else []),
        rf"\begin{{tabular}}{{{''.join(aligned.values())}}}",
        r"\toprule",
        *_spanning(columns),
        _line([escape(column.title) for column in columns]),
    ]
    for body in bodies:
        lines += [r"\midrule", *body]
    end = r"\end{tabular}}" if wide else r"\end{tabular}"
    return "\n".join([*lines, r"\bottomrule", end, rf"\end{{{float_of}}}", ""])


def escape(text: str) -> str:
    r"""Write text so that LaTeX shows it and obeys none of it.

    >>> print(escape("50 % of {x_1} & \\input{/etc/passwd}"))
    50 \% of \{x\_1\} \& \textbackslash{}input\{/etc/passwd\}
    >>> print(escape("φ(qₜ)ᵀ ± 3\u202fµs, Sₜ₋₁ to 10⁻⁶"))
    $\phi$(q$_{t}$)$^{T}$ $\pm$ 3\,$\mu$s, S$_{t-1}$ to 10$^{-6}$
    """
    # Two of these side by side would become a dash or a quotation mark.
    apart = re.sub(r"(?<=([-',]))(?=\1)", "\0", text)
    written = ""
    for place, letters in groupby(apart, key=_script):
        if place:
            base = "".join(_character(_base(letter)).strip("$") for letter in letters)
            written += f"${place}{{{base}}}$"
        else:
            written += "".join("{}" if letter == "\0" else _character(letter) for letter in letters)
    return written


def _script(letter: str) -> str:
    """Return `_` or `^` for a letter that is set below or above the line; empty for others."""
    if letter in _SYMBOLS:
        return ""
    return {"<sub>": "_", "<super>": "^"}.get(unicodedata.decomposition(letter).partition(" ")[0], "")


def _base(letter: str) -> str:
    """Return the letter that one below or above the line stands for."""
    return chr(int(unicodedata.decomposition(letter).split()[1], 16))


def _character(letter: str) -> str:
    if letter in _SPECIAL or letter in _TYPOGRAPHY:
        return _SPECIAL.get(letter, _TYPOGRAPHY.get(letter, ""))
    if letter in _SYMBOLS:
        return f"${_SYMBOLS[letter]}$"
    if letter.isascii():
        return letter if letter.isprintable() else ""
    name = unicodedata.name(letter, "")
    if name.startswith(("GREEK SMALL LETTER ", "GREEK CAPITAL LETTER ")) and name.count(" ") == 3:
        return _greek(name.split()[-1].lower(), capital="CAPITAL" in name)
    return letter


def _greek(name: str, *, capital: bool) -> str:
    """Return a Greek letter; capitals that look like Latin ones are these, as LaTeX has no others."""
    latin = {"alpha": "A", "beta": "B", "epsilon": "E", "zeta": "Z", "eta": "H", "iota": "I", "kappa": "K", "mu": "M"}
    latin |= {"nu": "N", "omicron": "O", "rho": "P", "tau": "T", "chi": "X"}
    if capital:
        return latin[name] if name in latin else rf"$\{name.capitalize()}$"
    return "o" if name == "omicron" else rf"$\{name}$"


def _alignment(table: Table, index: int) -> str:
    """Return how a column is set: numbers flush right, names flush left, sentences as paragraphs."""
    if _width(table, index) > _SENTENCE:
        return _PARAGRAPH
    return "r" if table.columns[index].numeric else "l"


def _width(table: Table, index: int) -> int:
    """Return the letters of a column's longest cell."""
    cells = (_words(row.cells[index]) for body in table.bodies for row in body)
    return max(map(len, (table.columns[index].title, *cells)))


def _table_width(table: Table, kept: list[int], aligned: dict[int, str]) -> int:
    """Return about how many letters wide a table is, with its headings above headings."""
    paragraph = round(0.4 * _PAGE)
    widths = [paragraph if aligned[index] == _PARAGRAPH else _width(table, index) for index in kept]
    total, first = 0, 0
    for title, number in spans([table.columns[index] for index in kept]) or [("", len(kept))]:
        total += max(sum(width + 2 for width in widths[first : first + number]), len(title) + 2)
        first += number
    return total


def _breakable(word: str) -> str:
    """Return a word that may be broken every few letters if it is long."""
    parts = [word[start : start + _WORD] for start in range(0, len(word), _WORD)]
    return r"\allowbreak{}".join(map(escape, parts)) if len(word) > 2 * _WORD else escape(word)


def _words(cell: Cell) -> str:
    return f"{cell.text} ({cell.note})" if cell.note else cell.text


def _format_cell(cell: Cell, *, below: bool, breaks: bool) -> str:
    if below and cell.note:
        return rf"{escape(cell.text)} \newline {escape(cell.note)}"
    if breaks:
        return " ".join(map(_breakable, _words(cell).split(" ")))
    command = {"best": r"\textbf", "second": r"\underline"}.get(cell.stress)
    words = f"{command}{{{escape(_words(cell))}}}" if command else escape(_words(cell))
    return rf"{words}\rlap{{$^{{{escape(cell.mark)}}}$}}" if cell.mark else words


def _spanning(columns: list[Column]) -> list[str]:
    """Return the line of the headings above the columns, with a rule below each; nothing if there are none."""
    cells, rules, first = [], "", 1
    for title, width in spans(columns):
        cells.append(rf"\multicolumn{{{width}}}{{c}}{{{escape(title)}}}" if title else " & " * (width - 1))
        rules += rf"\cmidrule(lr){{{first}-{first + width - 1}}}" if title else ""
        first += width
    return [_line(cells), rules] if cells else []


def _line(cells: list[str]) -> str:
    # A bracket or a star after the end of a line would be taken for its argument.
    return " & ".join(f"{{{cell[0]}}}{cell[1:]}" if cell.startswith(("[", "*")) else cell for cell in cells) + r" \\"
