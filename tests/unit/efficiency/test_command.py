"""The command from configuration to tables, on data of a few users."""

import numpy as np
import pytest
from typer.testing import CliRunner

from hydrarec.cli import app
from hydrarec.columns import EFFICIENCY_SPEED, EFFICIENCY_TIMES, EFFICIENCY_WORK, SCALING
from hydrarec.data.prepare import prepare
from hydrarec.data.split import split
from hydrarec.files import read_json
from hydrarec.layout import data_folder, split_folder
from hydrarec.provenance import file_hashes
from hydrarec.tables import read_table
from tests.unit.efficiency.conftest import comparison

PARTS = ["operators", "steps", "inference"]


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Run all commands; return the folder of the device."""
    config, results = comparison(parts=PARTS, lengths=[8, 16, 32, 64], widths=[]), tmp_path_factory.mktemp("results")
    prepare(config.datasets[0], None, data_folder(results, "made"))
    split(data_folder(results, "made"), "loo", split_folder(results, "made", "loo"))
    text, folder = config.model_dump_json(), results / "efficiency/cpu"
    for part in PARTS:
        arguments = ["--config", text, "--results", str(results), "--output", str(folder / part), "--device", "cpu"]
        finished = CliRunner().invoke(app, ["efficiency", part, *arguments])
        assert finished.exit_code == 0, finished.exception
    finished = CliRunner().invoke(app, ["efficiency", "summary", "--config", text, "--output", str(folder)])
    assert finished.exit_code == 0, finished.exception
    return folder


@pytest.fixture(scope="module")
def speed(measured):
    return read_table(measured / "speed.parquet", EFFICIENCY_SPEED)


def test_every_piece_is_timed_in_every_round(measured):
    for part in PARTS:
        work = read_table(measured / part / "work.parquet", EFFICIENCY_WORK)
        times = read_table(measured / part / "times.parquet", EFFICIENCY_TIMES)
        assert work["skipped"].isna().all()
        assert len(times) == 5 * len(work)
        assert (times.groupby("round").size() == len(work)).all()
        assert (times["wall_s"] > 0).all()
        assert (work["peak_mib"] >= 0).all()


def test_host_versions_and_clocks_stand_beside(measured):
    machine = read_json(measured / "steps/machine.json")
    assert {"host", "cpu", "cpu_mhz", "gpu", "packages", "git_commit", "created", "rates", "threads"} <= set(machine)
    assert machine["settings"]["rounds"] == 5
    assert machine["files"] == file_hashes(measured / "steps", ("work.parquet", "times.parquet"))


def test_runs_are_compared_with_the_run_that_has_fused_softmax(speed):
    steps = speed[speed["part"] == "steps"].set_index("subject")
    assert set(steps.index) == {
        "sasrec+hydra+causal",
        "sasrec+softmax+causal",
        "softmax (backend=math)",
        "no mixing",
        "gru",
    }
    assert steps.loc["sasrec+hydra+causal", "against"] == "sasrec+softmax+causal"
    assert steps.loc[["sasrec+softmax+causal", "gru"], "speedup"].isna().all()
    compared = steps.loc[["sasrec+hydra+causal", "no mixing"]]
    assert (compared["low"] <= compared["speedup"]).all()
    assert (compared["speedup"] <= compared["high"]).all()


def test_bounds_stand_beside_speed_ups(speed):
    row = speed[(speed["part"] == "steps") & (speed["subject"] == "sasrec+hydra+causal")].iloc[0]
    nothing = speed[(speed["part"] == "steps") & (speed["subject"] == "no mixing")].iloc[0]
    assert row["measured_bound"] == nothing["speedup"]
    assert row["counted_bound"] > 1
    softmax = speed[(speed["part"] == "steps") & (speed["subject"] == "sasrec+softmax+causal")].iloc[0]
    assert row["counted_bound"] == pytest.approx(softmax["flops"] / nothing["flops"])


def test_growth_is_fitted_for_operators(measured):
    scaling = read_table(measured / "scaling.parquet", SCALING)
    assert set(scaling["part"]) == {"operators"}
    timed = scaling[scaling["measure"] == "time"]
    assert set(timed["subject"]) == {"softmax", "softmax (backend=math)", "hydra"}
    assert (timed["low"] <= timed["high"]).all()
    assert np.isclose(timed["coverage"], 0.9).all()


PLAIN = comparison().model_copy(update={"efficiency": None})


@pytest.mark.parametrize(
    ("what", "config", "words"),
    [
        ("steps", PLAIN, "efficiency: the configuration asks for no measurements"),
        ("summary", PLAIN, "efficiency: the configuration asks for no measurements"),
    ],
)
def test_a_mistake_is_told(what, config, words, tmp_path):
    arguments = [what, "--config", config.model_dump_json(), "--output", str(tmp_path / "out")]
    assert words in str(CliRunner().invoke(app, ["efficiency", *arguments]).exception)


def test_more_threads_than_cores_are_refused(tmp_path):
    config = comparison(parts=["operators"], threads=1000).model_dump_json()
    finished = CliRunner().invoke(app, ["efficiency", "operators", "--config", config, "--output", str(tmp_path)])
    assert "efficiency.threads: 1000 are wanted, and this process may use" in str(finished.exception)
    assert not list(tmp_path.iterdir())
