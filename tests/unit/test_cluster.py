"""Jobs left over by a Snakemake that was killed, as a squeue would list them."""

import time
from types import SimpleNamespace

import pytest

from hydrarec import cli
from hydrarec.cluster import FIELDS, NO_CLUSTER, NoAnswerError, format_jobs, jobs_of, refuse_orphans, wait_for


@pytest.fixture
def squeue(tmp_path, monkeypatch):
    """Put a squeue on the PATH that lists what it is told to."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=":")

    def lists(*rows, code=0, says=""):
        text = "".join(
            "".join(f"{value:<{width}}" for value, width in zip(row, FIELDS.values(), strict=True)) + "\n"
            for row in rows
        )
        (tmp_path / "queue").write_text(text)
        program = folder / "squeue"
        program.write_text(f"#!/bin/sh\ncat {tmp_path / 'queue'}\necho '{says}' >&2\nexit {code}\n")
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
    text = format_jobs(jobs_of(tmp_path))
    assert "sasrec+hydra+causal_3" in text
    assert "scancel 12 13" in text


def test_jobs_on_nodes_that_boot_are_found_whatever_squeue_is_told_to_leave_out(squeue, rows, tmp_path, monkeypatch):
    """By a list of states squeue leaves out what is in one of them and has a flag besides, such as CONFIGURING."""
    monkeypatch.setenv("SQUEUE_STATES", "RUNNING")
    monkeypatch.setenv("SQUEUE_PARTITION", "cpu")
    squeue(("12", "CONFIGURING", *rows["ours"][2:]))
    program = tmp_path / "bin/squeue"
    asked = """case "$* $SQUEUE_STATES$SQUEUE_PARTITION" in *--states*|*RUNNING*|*cpu*) exit;; esac"""
    program.write_text(program.read_text().replace("#!/bin/sh", f"#!/bin/sh\n{asked}"))
    assert [job.id for job in jobs_of(tmp_path)] == ["12"]


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


AWAY = "Unable to contact slurm controller"


@pytest.fixture
def after(monkeypatch):
    """Let what is given happen, one after the other, whenever somebody sleeps; the clock goes on by as much."""

    def happen(*steps):
        slept, left = [], iter(steps)

        def sleep(seconds):
            slept.append(seconds)
            next(left, lambda: None)()

        # Only the module's own clock: subprocess sleeps too.
        clock = SimpleNamespace(sleep=sleep, monotonic=lambda: sum(slept))
        monkeypatch.setattr("hydrarec.cluster.time", clock)
        return slept

    return happen


def test_without_squeue_there_is_no_slurm_and_no_job(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert jobs_of(tmp_path) == []
    refuse_orphans(tmp_path)
    wait_for(tmp_path)
    assert format_jobs([]) == "No Slurm job works in this folder."


def test_a_squeue_that_fails_is_not_taken_for_an_empty_queue(squeue, rows, tmp_path):
    squeue(rows["ours"], code=1, says=AWAY)
    with pytest.raises(NoAnswerError, match=rf"squeue --me .*it ended with 1 and said: {AWAY}"):
        jobs_of(tmp_path)


def test_a_squeue_that_hangs_or_cannot_be_started_is_not_either(tmp_path, squeue, monkeypatch):
    squeue()
    (tmp_path / "bin/squeue").write_text("#!/bin/sh\nexec sleep 60\n")
    monkeypatch.setattr("hydrarec.cluster.ANSWER_S", 0.2)
    with pytest.raises(NoAnswerError, match=r"it did not answer within 0\.2 s"):
        jobs_of(tmp_path)
    (tmp_path / "bin/squeue").write_text("#!/nowhere\n")
    # Or the system goes on to the next squeue on the PATH.
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(NoAnswerError, match="it could not be started"):
        jobs_of(tmp_path)


@pytest.mark.parametrize("option", [[], ["--wait"]])
def test_asked_for_orphans_a_slurm_that_fails_is_an_error(option, squeue, tmp_path, monkeypatch, capsys):
    # Waiting where no cluster is set up would never end.
    squeue(code=1, says=NO_CLUSTER)
    monkeypatch.setattr("sys.argv", ["hydrarec", "cluster", "orphans", "--folder", str(tmp_path), *option])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    assert ended.value.code == 1
    assert said.out == ""
    assert "Slurm did not say which jobs work in this folder" in said.err
    assert NO_CLUSTER in said.err
    assert "Ask again where squeue answers" in said.err


def test_who_waits_asks_a_slurm_that_is_away_until_it_answers(squeue, rows, tmp_path, after, caplog):
    def away():
        squeue(code=1, says=AWAY)

    slept = after(away, away, lambda: squeue(rows["ours"]), away, squeue)
    squeue(rows["ours"])
    caplog.set_level("INFO")
    wait_for(tmp_path)
    assert len(slept) == 5
    # Once for each time that it is away.
    assert caplog.text.count(AWAY) == 2
    assert caplog.text.count("squeue answers again") == 2


def test_no_snakemake_starts_while_slurm_cannot_say_what_is_at_work(squeue, tmp_path, after):
    slept = after()
    squeue(code=1, says=AWAY)
    with pytest.raises(NoAnswerError, match=f"(?s){AWAY}.*the same work would be done twice.*--no-hooks"):
        refuse_orphans(tmp_path)
    # A controller that is only busy is given its time.
    assert 60 <= sum(slept) < 70
    after(squeue)
    squeue(code=1, says=AWAY)
    refuse_orphans(tmp_path)


def test_slurms_programs_without_a_cluster_do_not_keep_a_snakemake_from_starting(squeue, tmp_path, after, caplog):
    slept = after()
    squeue(code=1, says=f"{NO_CLUSTER}\nCould not establish a configuration source")
    refuse_orphans(tmp_path)
    assert (slept, caplog.text) == ([], "")
    # Jobs of before may be at work where the cluster is known.
    (tmp_path / ".snakemake/slurm_logs").mkdir(parents=True)
    refuse_orphans(tmp_path)
    assert slept == []
    assert NO_CLUSTER in caplog.text
