"""Benchmarks are found by their files, run, kept, and shown on a page that is made of nothing else."""

import json
from pathlib import Path

import pytest

from hydrarec.bench import page
from hydrarec.bench.run import load, names, run
from hydrarec.columns import BENCH
from hydrarec.tables import read_table

ROOT = Path(__file__).parents[3]


def test_every_file_is_a_benchmark_or_named_as_machinery():
    assert {"hydra", "planning", "preparation", "ranking", "significance", "stream", "training"} == set(names())
    for name in names():
        benchmark = load(name)
        assert benchmark.TITLE
        assert benchmark.ABOUT.strip()
        assert benchmark.ROUNDS >= 3
        assert callable(benchmark.cases)


def test_an_unknown_benchmark_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match=r"no benchmark 'speed'; allowed: hydra, planning"):
        run(["speed"], Path("unused"))


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    output = tmp_path_factory.mktemp("bench")
    run(["hydra", "ranking", "significance"], output, device="cpu", quick=True)
    return output


def test_every_subject_is_timed_in_every_round(measured):
    times = read_table(measured / "hydra" / "times.parquet", BENCH)
    assert len(times) == 2 * times["subject"].nunique()
    assert (times["wall_s"] > 0).all()
    assert set(times["bench"]) == {"hydra"}


def test_the_machine_and_the_needs_stand_beside_the_times(measured):
    machine = json.loads((measured / "ranking" / "machine.json").read_text())
    assert machine["rates"]["flops_per_s"] > 0
    assert machine["packages"]["torch"]
    (case,) = machine["cases"].values()
    assert case["subjects"][0] == "count"
    assert case["against"] in case["subjects"]
    assert case["needs"]["rank"]["flops"] > 0
    # Known only after the rounds.
    assert case["peak_mib"]["rank + lists"] > 0


def test_operators_have_their_memory(measured):
    (case,) = json.loads((measured / "hydra" / "machine.json").read_text())["cases"].values()
    assert set(case["peak_mib"]) == set(case["subjects"])


def test_the_page_shows_each_subject_once_per_case(measured):
    text = page.page(measured)
    assert text.count("| Hydra, packed |") == 1
    assert text.count("| rank + lists |") == 1
    assert "`hydrarec bench ranking --device cpu --threads 1`" in text


def test_quick_figures_are_not_kept(measured, tmp_path):
    with pytest.raises(ValueError, match="measured with --quick, whose figures mean nothing"):
        page.update(tmp_path, [measured])
    assert not (tmp_path / page.PAGE).exists()


def test_a_folder_without_measurements_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"no benchmark in it; expected a folder of one of hydra"):
        page.update(tmp_path, [tmp_path])


def test_measurements_are_taken_in_and_replaced(measured, tmp_path):
    machine = measured / "hydra" / "machine.json"
    machine.write_text(machine.read_text().replace('"quick": true', '"quick": false'))
    only = tmp_path / "only"
    only.mkdir()
    (measured / "hydra").rename(only / "hydra")
    page.update(tmp_path, [only])
    assert (tmp_path / page.KEPT / "hydra" / "times.parquet").is_file()
    assert "## Hydra attention" in (tmp_path / page.PAGE).read_text()


def test_the_committed_page_is_made_of_the_committed_measurements():
    assert page.page(ROOT / page.KEPT) == (ROOT / page.PAGE).read_text(encoding="utf-8")
