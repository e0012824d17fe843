"""Machines that refuse: a full disk, a read-only one, no permission, a clock that jumps back."""

import ast
import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hydrarec.config.datasets import DatasetConfig, PairsReaderConfig, RatingsReaderConfig, SourceConfig
from hydrarec.data.prepare import prepare
from hydrarec.files import sha256
from tests.conftest import ROOT
from tests.hostile.conftest import check_message, definition, is_root, settings_json, snapshot
from tests.unit.training.ring import settings, train

NOBODY = 65534
EARLIER = "what an earlier run made"


def mount(folder: Path, options: str) -> None:
    """Mount a small file system in memory; skip where that is not allowed."""
    if not is_root():
        pytest.skip("only root may mount a file system")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")


@pytest.fixture
def disk(tmp_path):
    """Return a folder on a small file system of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount(folder, "size=256k")
    yield folder
    # Lazily: the traceback of a failed write may still hold its file open.
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path, left: int) -> None:
    """Leave so many bytes free, roughly."""
    with pytest.raises(OSError, match="No space left"):
        for number in range(1000):
            (folder / f"ballast-{number:03}").write_bytes(random.Random(number).randbytes(4096))
    for path in sorted(folder.glob("ballast-*"))[-1 - left // 4096 :]:
        path.unlink()


@pytest.fixture
def steps(tmp_path, ring, trained):
    """Return the commands of the pipeline, by what they write, with their inputs elsewhere."""
    raw = tmp_path / "raw.csv"
    raw.write_text("".join(f"u{u},i{(u + t) % 97},5,{t}\n" for u in range(300) for t in range(12)))
    reader = RatingsReaderConfig()
    prepare(DatasetConfig.model_validate_json(definition(raw, reader)), raw, tmp_path / "prepared")
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror/pairs.txt").write_bytes(random.Random(0).randbytes(100_000))
    source = SourceConfig(file="pairs.txt", sha256=sha256(tmp_path / "mirror/pairs.txt"))
    dataset = DatasetConfig(id="x", title="X", source=source, reader=PairsReaderConfig()).model_dump_json()
    on_ring = ("--data", ring, "--protocol", "loo")
    return {
        "pairs.txt": ("download", "--dataset", dataset, "--mirror", tmp_path / "mirror"),
        "interactions.parquet": ("prepare", "--dataset", definition(raw, reader), "--raw", raw),
        "train.parquet": ("split", "--data", tmp_path / "prepared", "--protocol", "loo"),
        "model.safetensors": ("train", "--settings", settings_json(max_epochs=1), *on_ring, "--seed", 0),
        "ranks.parquet": ("rank", "--model", trained / "model.safetensors", *on_ring),
        "recommendations.parquet": ("baseline", "popularity", *on_ring, "--run", "x", "--seed", 0),
    }


STEPS = ("pairs.txt", "interactions.parquet", "train.parquet", "model.safetensors", "ranks.parquet")


@pytest.mark.parametrize("left", [0, 12_288])
@pytest.mark.parametrize("file", [*STEPS, "recommendations.parquet"])
def test_full_disk(file, left, disk, steps, command):
    output = disk / "output"
    output.mkdir()
    (output / file).write_text(EARLIER)
    fill(disk, left)
    leaves = ("disk/output/pairs.txt",) if file == "pairs.txt" else ()
    words = (output, "No space left on device", "free some space or write elsewhere")
    command.refuses(*steps[file], "--output", output, words=words, leaves=leaves)


@pytest.mark.parametrize("file", [*STEPS, "recommendations.parquet"])
def test_read_only_results(file, disk, steps, command):
    output = disk / "output"
    output.mkdir()
    (output / file).write_text(EARLIER)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    words = (output, "Read-only file system", "write elsewhere")
    command.refuses(*steps[file], "--output", output, words=words)


@pytest.fixture
def as_nobody(command, capfd):
    """Return how to run a command that must be refused as a user without rights, in a child process."""

    def run(*arguments, words):
        before = snapshot(command.folder)
        capfd.readouterr()
        child = os.fork()
        if not child:
            code = 99
            try:
                if is_root():
                    os.setgroups([])
                    os.setgid(NOBODY)
                    os.setuid(NOBODY)
                code, _, err = command(*arguments)
                sys.__stderr__.flush()
                os.write(2, err.encode())
            finally:
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        err = capfd.readouterr().err
        assert code in (1, 2), err
        check_message(err)
        for word in words:
            assert str(word) in err
        assert snapshot(command.folder) == before

    return run


@pytest.fixture
def everybody(tmp_path, ring, trained):
    """Let everybody into the test's folder and to its data, whose parents are private."""
    ways = {tmp_path, *tmp_path.parents, ring.parent, trained.parent}
    opened = [path for path in ways if path.stat().st_uid == os.geteuid() and path != Path("/")]
    modes = [path.stat().st_mode for path in opened]
    for path, mode in zip(opened, modes, strict=True):
        path.chmod(mode | 0o055)
    yield
    for path, mode in zip(opened, modes, strict=True):
        path.chmod(mode)


@pytest.mark.parametrize("file", STEPS[1:])
def test_no_permission_to_write(file, tmp_path, steps, command, as_nobody, everybody):
    # Once as this user, so that everything is imported that nobody may not read.
    command.works(*steps[file], "--output", tmp_path / "right")
    output = tmp_path / "output"
    output.mkdir()
    (output / file).write_text(EARLIER)
    output.chmod(0o555)
    as_nobody(*steps[file], "--output", output, words=(output, "Permission denied", "write elsewhere"))


@pytest.mark.parametrize(
    ("what", "step"),
    [("raw.csv", "interactions.parquet"), ("prepared/interactions.parquet", "train.parquet")],
)
def test_no_permission_to_read(what, step, tmp_path, steps, command, as_nobody, everybody):
    command.works(*steps[step], "--output", tmp_path / "right")
    (tmp_path / what).chmod(0)
    as_nobody(
        *steps[step],
        "--output",
        tmp_path / "output",
        words=(what, "readable" if what == "raw.csv" else "Permission denied"),
    )


@pytest.mark.parametrize("file", ["interactions.parquet", "train.parquet", "model.safetensors", "ranks.parquet"])
def test_folder_in_place_of_a_file(file, tmp_path, steps, command):
    (tmp_path / "output" / file).mkdir(parents=True)
    (tmp_path / "output" / file / "keep").write_text(EARLIER)
    leaves = ("output/state/latest.safetensors",)
    command.refuses(*steps[file], "--output", "output", words=(f"output/{file}", "a file is expected"), leaves=leaves)


@pytest.mark.parametrize("file", [*STEPS, "recommendations.parquet"])
def test_file_in_place_of_the_folder(file, tmp_path, steps, command):
    (tmp_path / "output").write_text(EARLIER)
    command.refuses(*steps[file], "--output", "output", words=("output", "folder is expected"))
    command.refuses(*steps[file], "--output", "output/deeper", words=("output", "folder is expected"))


@pytest.mark.parametrize("file", [*STEPS[1:], "recommendations.parquet"])
def test_links_in_the_results_are_replaced_and_not_written_through(file, tmp_path, steps, command):
    (tmp_path / "precious").write_text(EARLIER)
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / file).symlink_to(tmp_path / "precious")
    command.works(*steps[file], "--output", "output")
    assert (tmp_path / "precious").read_text() == EARLIER
    assert not (tmp_path / "output" / file).is_symlink()
    assert not list((tmp_path / "output").glob(".*"))


def test_clock_that_jumps_back(ring, trained, tmp_path, monkeypatch):
    """Durations come from a clock that cannot be set, and results from none."""
    now = time.time()
    clock = iter(range(10**9, 0, -3600))
    monkeypatch.setattr(time, "time", lambda: now - next(clock))
    monkeypatch.setattr(time, "time_ns", lambda: (int(now) - next(clock)) * 10**9)
    train(settings(max_epochs=1), data=ring, protocol="loo", seed=0, threads=1, output=tmp_path)
    assert (tmp_path / "model.safetensors").read_bytes() == (trained / "model.safetensors").read_bytes()
    timing = json.loads((tmp_path / "timing.json").read_text())
    assert 0 < timing["train_s"] < 600
    assert 0 < timing["setup_s"] < 600


def test_nothing_measures_with_the_clock_that_can_be_set():
    used = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in (ROOT / "hydrarec").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in ("time", "time_ns")
        if isinstance(node.value, ast.Name) and node.value.id == "time"
    ]
    assert not used


def run_itself(*arguments: object, **environment: str) -> subprocess.CompletedProcess:
    """Run the command line as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "hydrarec", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )


def test_a_process_of_its_own_says_the_same_and_shows_a_traceback_only_if_asked(tmp_path):
    wrong = ("split", "--data", tmp_path, "--protocol", "loo", "--output", tmp_path / "out")
    done = run_itself(*wrong)
    assert done.returncode == 1
    assert done.stdout == ""
    check_message(done.stderr)
    shown = run_itself(*wrong, "--debug")
    assert shown.returncode == 1
    assert "Traceback (most recent call last)" in shown.stderr
    assert shown.stderr.endswith(done.stderr)
    assert not list(tmp_path.iterdir())


def test_a_mistake_in_the_code_is_told_with_its_place(command, monkeypatch):
    def broken(*_: object) -> None:
        raise ZeroDivisionError("float division by zero")

    monkeypatch.setattr("hydrarec.data.split.split", broken)
    code, _, err = command("split", "--data", "x", "--protocol", "loo", "--output", "y")
    assert code == 1
    assert "Traceback" not in err
    assert err.count("\n") == 3
    assert "ZeroDivisionError: float division by zero" in err
    assert f"{Path(__file__).name}:{broken.__code__.co_firstlineno + 1}" in err
    assert "--debug" in err


def test_output_that_nobody_reads_is_no_mistake(tmp_path):
    shutil.copy(ROOT / "config.yaml", tmp_path)
    command = f"{sys.executable} -m hydrarec check config.yaml | true"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True)
    assert "Traceback" not in done.stderr
