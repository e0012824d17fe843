"""What stands beside the page: LaTeX that compiles and obeys nothing, PDFs for papers, and numbers for programs."""

import json
import re
import shutil
import subprocess
import warnings

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydrarec.columns import LEADERBOARD
from hydrarec.report.cells import Cell, Column, Row, Table
from hydrarec.report.export.latex import escape, latex
from hydrarec.report.figures.panels import blank_panel, finish
from hydrarec.tables import read_table
from tests.conftest import ROOT
from tests.fabricate import HYDRA_UNI, SASREC

LETTERS = st.characters(codec="latin-1", exclude_categories=["Cc"]) | st.sampled_from(
    "±·√∑Σφε≤≥→⊙ₜᵀ²½µ“”‖…\u2212\u2013\u00d7\u202f\u2009"
)
CLEAN = re.compile(
    r"""(?x) ( [^\\{}$&\#%_^~<>|"] | \\[{}$&\#%_,-] | \\[a-zA-Z]+(\{\})? | \{\} | \{\\char34\} | \{\[\}
    | \\rlap\{\$\^\{\*\}\$\}
    | \$ ( [^$\\&\#%~_^] | \\[a-zA-Z]+ | \\\| | [_^]\{[^{}$]*\} | [_^]\{\\[a-z]+\} )+ \$ | ~ )* """
)
STRESS = r"^\\(?:textbf|underline)\{([^{}]*)\}"
EVIL = [
    r"\input{/etc/passwd}",
    r"\write18{rm}",
    "50 % & more",
    "$x$",
    "a_b^c~d#e",
    "{",
    "}",
    "\\",
    "[b]",
    "<script>",
    '"q"',
]


def table(texts: list[str]) -> Table:
    rows = [Row([Cell(text), Cell("0.1", note=text)]) for text in texts]
    return Table("evil", " ".join(texts), [Column("Name", numeric=False), Column("Value")], [rows, []])


@given(st.text(LETTERS, max_size=30))
def test_no_letter_is_a_command(text):
    assert CLEAN.fullmatch(escape(text)), escape(text)


@pytest.mark.parametrize("text", EVIL)
def test_what_latex_would_obey_is_shown_instead(text):
    escaped = escape(text)
    assert CLEAN.fullmatch(escaped)
    assert not re.search(r"\\(input|write)(?![a-z])", escaped)


def test_the_pattern_of_clean_text_finds_what_is_not():
    assert not any(CLEAN.fullmatch(text) for text in (r"\input{x}", "a_b", "50 %", "$x", "{", "a & b"))


def test_ligatures_do_not_come_about():
    assert escape("a--b") == "a-{}-b"
    assert escape("''") == "'{}'"


def test_a_table_has_as_many_cells_in_every_row_and_every_rule_once(report):
    for path in report.glob("tables/*/*.tex"):
        lines = path.read_text(encoding="utf-8").splitlines()
        kinds = next(
            re.fullmatch(r"\\begin\{tabular\}\{([lrp]+)\}", line.replace(r"p{0.4\linewidth}", "p")).group(1)
            for line in lines
            if "{tabular}{" in line
        )
        rows = [line for line in lines if line.endswith(r"\\") and r"\multicolumn" not in line]
        assert {len(re.split(r"(?<!\\)&", row)) for row in rows} == {len(kinds)}, path
        assert [line for line in lines if line in (r"\toprule", r"\bottomrule")] == [r"\toprule", r"\bottomrule"]
        cells = [cell.strip() for row in rows for cell in re.split(r"(?<!\\)&", row[:-2])]
        assert all(CLEAN.fullmatch(re.sub(STRESS, r"\1", cell)) for cell in cells), path


def test_a_table_wider_than_a_column_of_text_is_scaled_down_to_it():
    def written(*widths: int) -> str:
        columns = [Column("a" * width) for width in widths]
        return latex(Table("t", "Many", columns, [[Row([Cell("1") for _ in widths])]]))

    column, page, wide = written(20, 20), written(20, 20, 20), written(20, 20, 20, 20)
    assert r"\begin{table}" in column
    assert r"\begin{table*}" in page
    assert page.endswith("\\end{table*}\n")
    assert "resizebox" not in page
    assert r"\resizebox{\linewidth}{!}{%" in wide
    assert wide.count("{") == wide.count("}")
    assert wide.startswith(r"% Needs \usepackage{booktabs,graphicx}.")


def test_what_is_best_is_bold_and_headings_span_their_columns():
    columns = [Column("Run", numeric=False), *(Column(name, over=over) for over in "AB" for name in ("HR", "MRR"))]
    cells = [Cell("0.3", stress="best"), Cell("0.2", stress="second", mark="*"), Cell("0.1"), Cell("0.0", mark="*")]
    lines = latex(Table("t", "Both", columns, [[Row([Cell("a"), *cells])]])).splitlines()
    assert r" & \multicolumn{2}{c}{A} & \multicolumn{2}{c}{B} \\" in lines
    headed = [Column("Run", numeric=False), *(Column("HR", over=over * 60) for over in "AB")]
    assert "resizebox" in latex(Table("t", "Wide", headed, [[Row([Cell("a"), Cell("1"), Cell("2")])]]))
    assert r"\cmidrule(lr){2-3}\cmidrule(lr){4-5}" in lines
    assert r"a & \textbf{0.3} & \underline{0.2}\rlap{$^{*}$} & 0.1 & 0.0\rlap{$^{*}$} \\" in lines


def test_sentences_are_set_as_paragraphs():
    columns = [Column("Run", numeric=False), Column("Seed"), Column("Finding", numeric=False)]
    for finding in (Cell("a sentence " * 8), Cell("short", note="and why " * 10)):
        rows = [Row([Cell("a"), Cell("1"), finding])]
        assert r"\begin{tabular}{lrp{0.4\linewidth}}" in latex(Table("t", "Checks", columns, [rows]))
    # On the page a note stands below; a line can be broken in paragraphs only.
    assert r"& short \newline and why " in latex(Table("t", "Checks", columns, [rows], prose=True))
    rows = [Row([Cell("a"), Cell("1"), Cell("short", note="why")])]
    assert r"& short (why) \\" in latex(Table("t", "Checks", columns, [rows], prose=True))


def test_all_tables_compile_in_one_document(report, tmp_path):
    program = shutil.which("pdflatex")
    if program is None:
        pytest.skip("no pdflatex on the PATH")
    (tmp_path / "evil.tex").write_text(latex(table(EVIL)), encoding="utf-8")
    tables = [tmp_path / "evil.tex", *report.glob("tables/*/*.tex")]
    inputs = "\n".join(rf"\input{{{path}}}\clearpage" for path in tables)
    document = rf"\documentclass{{article}}\usepackage{{booktabs,graphicx}}\begin{{document}}{inputs}\end{{document}}"
    (tmp_path / "all.tex").write_text(document, encoding="utf-8")
    command = [program, "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "all.pdf").is_file()


def test_every_figure_is_there_thrice(report):
    drawings = {path.with_suffix("") for path in report.glob("figures/*/*.svg")}
    for suffix in (".pdf", ".csv"):
        assert {path.with_suffix("") for path in report.glob(f"figures/*/*{suffix}")} == drawings
    for path in report.glob("figures/*/*.pdf"):
        content = path.read_bytes()
        assert content.startswith(b"%PDF")
        assert b"/FontFile2" in content, "fonts are TrueType, embedded"
        assert b"/Type3" not in content
        fonts = set(re.findall(rb"/BaseFont /(\S+)", content))
        assert fonts, "letters are text"
        assert all(b"ofHydraRec" in font for font in fonts), "letters are looked for in the small fonts"
        assert b"/CreationDate" not in content


def test_letters_beyond_the_usual_are_drawn_in_pdf_files_too():
    canvas, axes = blank_panel(200, 100)
    axes.set_title("Na\u00efve \u201cP\u00f6p\u201d \u03a9 \u2654")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        content = finish(canvas, "letters", "", "", pd.DataFrame()).pdf
    assert b"LastResort" not in content


def test_report_json_has_every_number_and_says_what_it_is(report, tables):
    content = json.loads((report / "report.json").read_text(encoding="utf-8"))
    written = content["tables"]["leaderboard"]
    found = pd.DataFrame(written["rows"], columns=written["columns"])
    expected = read_table(tables / "leaderboard.parquet", LEADERBOARD)
    pd.testing.assert_frame_equal(found, expected, check_dtype=False, rtol=1e-12)
    assert written["about"]["mean"].startswith("mean over users and seeds")
    assert {run["id"]: run["kind"] for run in content["runs"]}[HYDRA_UNI] == "trained"
    assert content["reference"] == SASREC
    assert len(content["figures"]) == len(list(report.glob("figures/*/*.svg")))
    assert len(content["shown"]) == len(list(report.glob("tables/*/*.tex")))


def test_every_figure_of_results_says_on_how_many_users_and_seeds_it_rests(report):
    figures = json.loads((report / "report.json").read_text(encoding="utf-8"))["figures"]
    captions = {figure["name"]: figure["caption"] for figure in figures if figure["chapter"] != "provenance"}
    assert len(captions) >= 30
    for name, caption in captions.items():
        assert re.search(r"Made-up data \d, leave-one-out, 120 users, 3 seeds", caption), name


def test_the_keys_of_report_json_are_documented(report):
    keys = json.loads((report / "report.json").read_text(encoding="utf-8")).keys()
    described = (ROOT / "docs/report.md").read_text(encoding="utf-8").partition("## `report.json`")[2]
    assert set(keys) == set(
        re.findall(r"`([a-z]+)`", "\n".join(line.split("|")[1] for line in described.splitlines() if "|" in line))
    )
