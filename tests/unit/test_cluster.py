"""Jobs left over by a Snakemake that was killed, as a squeue would list them."""

import time
from types import SimpleNamespace

import pytest

from hydrarec.cluster import FIELDS, described, jobs_of, refuse_orphans, wait_for


@pytest.fixture
def squeue(tmp_path, monkeypatch):
    """Put a squeue on the PATH that lists what it is told to."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=":")

    def lists(*rows, code=0):
        text = "".join(
            "".join(f"{value:<{width}}" for value, width in zip(row, FIELDS.values(), strict=True)) + "\n"
            for row in rows
        )
        (tmp_path / "queue").write_text(text)
        program = folder / "squeue"
        program.write_text(f"#!/bin/sh\ncat {tmp_path / 'queue'}\nexit {code}\n")
        program.chmod(0o755)

    return lists


@pytest.fixture
def rows(tmp_path):
    here, train = str(tmp_path), "rule_train_wildcards_ml-1m_loo_sasrec+hydra+causal_3"
    return {
        "ours": ("12", "RUNNING", "1:02:03", "gpu1", train, here),
        "ending": ("13", "COMPLETING", "0:03", "gpu1", train, here),
        "elsewhere": ("14", "RUNNING", "0:03", "gpu1", train, f"{here}/other"),
        "by hand": ("15", "RUNNING", "0:03", "gpu1", "(null)", here),
    }


def test_only_jobs_of_a_snakemake_in_this_folder_count(squeue, rows, tmp_path):
    squeue(*rows.values())
    assert [job.id for job in jobs_of(tmp_path)] == ["12", "13"]
    text = described(jobs_of(tmp_path))
    assert "sasrec+hydra+causal_3" in text
    assert "scancel 12 13" in text


def test_a_second_snakemake_is_refused_beside_them(squeue, rows, tmp_path):
    squeue(rows["ours"])
    with pytest.raises(ValueError, match=r"1 Slurm job\(s\) work in this folder"):
        refuse_orphans(tmp_path)
    squeue(rows["elsewhere"], rows["by hand"])
    refuse_orphans(tmp_path)


def test_another_snakemake_at_work_is_not_taken_for_one_that_was_killed(squeue, rows, tmp_path):
    squeue(rows["ours"])
    locks = tmp_path / ".snakemake/locks"
    locks.mkdir(parents=True)
    for number, told in ((0, False), (1, True)):
        (locks / f"{number}.input.lock").touch()
        (locks / f"{number}.output.lock").touch()
        with pytest.raises(ValueError, match="work in this folder") as refusal:
            refuse_orphans(tmp_path)
        assert ("Another Snakemake has locked files" in str(refusal.value)) == told


def test_jobs_that_are_ending_are_waited_for(squeue, rows, tmp_path, monkeypatch):
    looks = []

    def end_after_two(seconds):
        looks.append(seconds)
        if len(looks) == 2:
            squeue()

    # Only the module's own clock: subprocess sleeps too.
    monkeypatch.setattr("hydrarec.cluster.time", SimpleNamespace(sleep=end_after_two, monotonic=time.monotonic))
    squeue(rows["ending"])
    refuse_orphans(tmp_path)
    assert len(looks) == 2
    looks.clear()
    squeue(rows["ours"])
    wait_for(tmp_path)
    assert len(looks) == 2


def test_without_a_slurm_that_answers_there_are_none(squeue, rows, tmp_path, monkeypatch, caplog):
    squeue(rows["ours"], code=1)
    assert jobs_of(tmp_path) == []
    assert "Slurm was not asked" in caplog.text
    monkeypatch.setenv("PATH", str(tmp_path))
    assert jobs_of(tmp_path) == []
    assert described([]) == "No Slurm job works in this folder."
