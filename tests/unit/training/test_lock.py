"""No two processes train the same run into one state."""

import json
import socket
import subprocess
import sys

import psutil
import pytest

from hydrarec.training.lock import lock_training
from hydrarec.unfinished import PROCESS_FILE


@pytest.fixture
def other():
    """Return another process, which waits to be ended."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield psutil.Process(process.pid)
    process.communicate()


def note(folder, **values):
    folder.mkdir(exist_ok=True)
    (folder / PROCESS_FILE).write_text(json.dumps({"host": socket.gethostname(), **values}))


def takes_it(folder):
    """Return whether this process notes itself, and only while it is at work."""
    with lock_training(folder):
        noted = json.loads((folder / PROCESS_FILE).read_text())
    return noted["pid"] == psutil.Process().pid and not (folder / PROCESS_FILE).exists()


def test_a_process_that_trains_still_is_named_and_left_alone(other, tmp_path):
    # The system's clock was set meanwhile.
    for moved in (0, 5):
        note(tmp_path, pid=other.pid, started=other.create_time() + moved)
        with (
            pytest.raises(ValueError, match=rf"(?s)process {other.pid} is training this still.*kill {other.pid}"),
            lock_training(tmp_path),
        ):
            pass
        assert json.loads((tmp_path / PROCESS_FILE).read_text())["pid"] == other.pid


def test_one_that_ended_gives_way(other, tmp_path):
    note(tmp_path, pid=other.pid, started=other.create_time())
    other.terminate()
    other.wait(10)
    assert takes_it(tmp_path)


@pytest.mark.parametrize(
    "values",
    [
        {"host": "another"},
        {"started": 1.0},
        {"pid": 2**40},
        {"pid": "7"},
        {"pid": -1},
        {"started": None},
    ],
)
def test_what_says_nothing_of_a_process_here_holds_nobody_up(values, other, tmp_path):
    note(tmp_path / "state", **{"pid": other.pid, "started": other.create_time()} | values)
    assert takes_it(tmp_path / "state")


@pytest.mark.parametrize("text", ["", "[1]", "{", "\x00"])
def test_nor_does_half_a_note(text, tmp_path):
    (tmp_path / PROCESS_FILE).write_text(text)
    assert takes_it(tmp_path)


def test_what_fails_before_anything_is_saved_leaves_nothing(tmp_path):
    with pytest.raises(FloatingPointError), lock_training(tmp_path / "state"):
        raise FloatingPointError
    assert not (tmp_path / "state").exists()
    (tmp_path / "state").mkdir()
    (tmp_path / "state/latest.safetensors").touch()
    with pytest.raises(SystemExit), lock_training(tmp_path / "state"):
        raise SystemExit
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["latest.safetensors"]
