"""The report's section on speed and memory: there where something was measured, with its numbers and its reasons."""

import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hydrarec.columns import EFFICIENCY_SPEED, EFFICIENCY_TIMES, EFFICIENCY_WORK, SCALING
from hydrarec.comparison.measurements import Measurements, read_measurements
from hydrarec.config.measured import measured_settings
from hydrarec.files import write_json
from hydrarec.layout import efficiency_folder
from hydrarec.report.chapters.scaling import _describe_hosts
from hydrarec.report.figures.growth import operator_styles
from hydrarec.report.measured import Measured
from hydrarec.tables import write_table
from tests.fabricate import SASREC, config
from tests.unit.report.conftest import page_in

SIZES = (64, 128, 256, 512)
MACHINE = {
    "host": "node-1",
    "created": "2026-01-02T03:04:05+00:00",
    "cpu": "Example CPU 3000",
    "cpu_cores": 2,
    "cpu_mhz": 2500,
    "gpu": None,
    "gpu_state": None,
    "threads": 1,
    "settings": {"rounds": 20, "warm_up": 3},
}


def write_measurements(tree, _):
    """Write what was measured: Hydra linear, softmax quadratic and skipped at the largest size."""
    folder = efficiency_folder(tree.results, tree.config.report, "cpu")
    common = {"layout": "alone", "form": "causal", "work": "training", "part": "operators", "axis": "length"}
    rows = [
        common | {"subject": name, "length": n, "width": 64, "clock": "cpu_s", "n_rounds": 20, "flops": 9.0 * n}
        | {"unit_s": 1e-6 * n**power, "unit_mib": 0.01 * n, "against": against, "speedup": speedup and n / 100}
        | {"low": speedup and n / 110, "high": speedup and n / 90, "counted_bound": None, "measured_bound": None}
        for name, power, against, speedup in (("softmax", 2, None, None), ("hydra", 1, "softmax", 1.0))
        for n in SIZES
    ]  # fmt: skip
    runs = ((SASREC, "", None, 0.2), ("no mixing", "", SASREC, 0.16), (SASREC, f" ({SASREC})", None, 0.1))
    for part in ("steps", "inference"):
        for subject, size, against, seconds in runs:
            speedup = dict.fromkeys(("speedup", "low", "high"), against and 0.2 / seconds)
            named = {"part": part, "axis": "", "subject": subject, "layout": f"sasrec@made-0{size}", "against": against}
            rows.append(rows[0] | named | speedup | {"unit_s": seconds})
    write_table(pd.DataFrame(rows).astype({"speedup": float}), folder / "speed.parquet", EFFICIENCY_SPEED)
    fits = [
        {key: common[key] for key in ("part", "layout", "form", "work", "axis")}
        | {"subject": name, "measure": "time", "exponent": p, "low": p - width, "high": p + width, "coverage": 0.9}
        | {"offset": 0.0, "factor": 1e-6, "smallest": 64, "largest": 512, "last_slope": p, "n_sizes": 4, "n_rounds": 20}
        for name, p, width in (("softmax", 2.0, 0.02), ("hydra", 1.0, 0.05))
    ]
    write_table(pd.DataFrame(fits), folder / "scaling.parquet", SCALING)
    skipped = common | {"subject": "softmax", "length": 1024, "width": 64, "against": None, "units": 1.0}
    skipped |= dict.fromkeys(("matmul_flops", "other_flops", "mixing_flops", "nbytes", "peak_mib"), np.nan)
    work = pd.DataFrame([skipped | {"skipped": "a repetition takes more than 10 s at 1024"}])
    write_table(work, folder / "operators/work.parquet", EFFICIENCY_WORK)
    write_table(work.iloc[:0], folder / "steps/work.parquet", EFFICIENCY_WORK)
    for part, commit, load in (("operators", "a", 5.0), ("steps", "b", 1.0)):
        timed = dict.fromkeys(EFFICIENCY_TIMES.names, part) | dict.fromkeys(("length", "width", "round", "place"), 0)
        timed |= {"wall_s": 1.0, "cpu_s": 0.99, "units": 1.0, "load": load}
        write_table(pd.DataFrame([timed]), folder / part / "times.parquet", EFFICIENCY_TIMES)
        machine = MACHINE | {"git_commit": commit * 40, "measured": measured_settings(tree.config, part)}
        write_json(folder / part / "machine.json", machine)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("measured")


@pytest.fixture(scope="module")
def page(folder):
    return page_in(
        folder, {"efficiency": {"parts": ["operators", "steps"], "devices": ["cpu"]}}, spoil=write_measurements
    )


def test_the_section_says_what_was_measured_where_and_how(page):
    section = page[page.index('<section id="scaling"') : page.index('<section id="checks"')]
    for words in (
        "Example CPU 3000, 1 thread",
        "20 rounds",
        "node-1, CPU at 2500 MHz, 2026-01-02",
        "processor seconds",
    ):
        assert words in section
    assert 'href="#scaling"' in page
    assert "Versions of the code differ: operators by aaaaaaaaaa; steps by bbbbbbbbbb." in section
    # Of the part that was timed while others used the machine, and of no other.
    assert "small differences are no evidence (operators: a load of 5.0 on 2 cores)." in section


def test_every_machine_is_named_where_parts_were_measured_on_several():
    on_gpu = MACHINE | {"host": "node-2", "gpu": "H200", "gpu_state": {"clock_mhz": 1980.0}}
    machines = {"operators": MACHINE, "blocks": on_gpu, "steps": MACHINE}
    measured = Measured(Measurements("auto", Path(), machines), *[pd.DataFrame()] * 3)
    assert _describe_hosts(measured) == (
        "node-1 (operators: CPU at 2500 MHz, steps: CPU at 2500 MHz) and node-2 (blocks: GPU at 1980 MHz)"
    )
    assert measured.source.title == "Example CPU 3000 and H200"


def test_runs_and_data_sets_are_called_what_the_page_calls_them(page):
    for part, unit in (("steps", "step"), ("inference", "user")):
        table = page[page.index(f'id="speed-cpu-{part}"') :].partition("</table>")[0]
        names = re.findall(r"<th scope=\"row\"[^>]*>(\S.*?) *<small>([^<]+)", table)
        assert names[0] == ("SASRec", "causal, sasrec, Made-up data 0")
        assert ("no mixing", "causal, sasrec, Made-up data 0") in names
        assert ("SASRec", "causal, SASRec, Made-up data 0") in names
        assert f"a {unit}" in table


def test_exponents_intervals_and_verdicts_are_shown(page):
    for words in ("hydra, p 1.00", "softmax, p 2.00", "[0.95, 1.05]", "not shown", "5.12", "[4.65, 5.69]"):
        assert words in page


def test_what_was_not_measured_is_listed_with_its_reason(page):
    assert "a repetition takes more than 10 s at 1024" in page


def test_figures_and_tables_are_files_too(page, folder):
    assert (folder / "report/figures/scaling/efficiency-cpu-operators-alone-causal-length-time.svg").is_file()
    for name in ("speed-cpu-steps", "speed-cpu-inference", "speed-cpu-parts", "scaling-cpu", "skipped-cpu"):
        assert (folder / f"report/tables/scaling/{name}.csv").is_file()
        assert (folder / f"report/tables/scaling/{name}.tex").is_file()


def test_without_measurements_there_is_no_section(page_of):
    assert "#scaling" not in page_of()


def test_measurements_of_other_settings_are_refused_and_left_out_of_a_partial_report(folder, page, tmp_path, caplog):
    asked = {"parts": ["operators", "steps"], "devices": ["cpu"]}
    mine = config(datasets=1, seeds=1, more={"efficiency": asked})
    other = config(datasets=1, seeds=1, more={"efficiency": asked | {"rounds": 9}})
    results = folder / "results"
    assert [found.device for found in read_measurements(mine, results, complete=True)] == ["cpu"]
    with pytest.raises(ValueError, match=r"operators/machine.json: was measured with .*rounds = 20, .* has 9; measure"):
        list(read_measurements(other, results, complete=True))
    assert not list(read_measurements(other, results, complete=False))
    assert "measurements on cpu are left out" in caplog.text
    shutil.copytree(efficiency_folder(results, mine.report, "cpu"), efficiency_folder(tmp_path, mine.report, "cpu"))
    (efficiency_folder(tmp_path, mine.report, "cpu") / "steps/times.parquet").unlink()
    with pytest.raises(ValueError, match=r"steps/times.parquet: no such file"):
        list(read_measurements(mine, tmp_path, complete=True))
    assert not list(read_measurements(mine, tmp_path, complete=False))


def test_operators_differ_in_colour_or_marker_and_nothing_is_grey():
    names = [f"operator {i}" for i in range(13)] + ["no mixing"]
    styles = operator_styles(names)
    assert len({(style.colour, style.marker) for style in styles.values()}) == len(names)
    assert styles["no mixing"].is_hollow
