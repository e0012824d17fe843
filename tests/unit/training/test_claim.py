"""No two processes train the same run into one state."""

import json
import socket
import subprocess
import sys

import psutil
import pytest

from hydrarec.training.claim import NOTE, claim


@pytest.fixture
def other():
    """Return another process, which waits to be ended."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield psutil.Process(process.pid)
    process.communicate()


def note(folder, **values):
    folder.mkdir(exist_ok=True)
    (folder / NOTE).write_text(json.dumps({"host": socket.gethostname(), **values}))


def noted(folder):
    return json.loads((folder / NOTE).read_text())["pid"]


def test_a_process_that_trains_still_is_named_and_left_alone(other, tmp_path):
    note(tmp_path, pid=other.pid, started=other.create_time())
    with pytest.raises(ValueError, match=rf"(?s)process {other.pid} is training this still.*kill {other.pid}"):
        claim(tmp_path)
    assert noted(tmp_path) == other.pid


def test_one_that_ended_gives_way(other, tmp_path):
    note(tmp_path, pid=other.pid, started=other.create_time())
    other.terminate()
    other.wait(10)
    claim(tmp_path)
    assert noted(tmp_path) == psutil.Process().pid
    claim(tmp_path)


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
    claim(tmp_path / "state")
    assert noted(tmp_path / "state") == psutil.Process().pid


@pytest.mark.parametrize("text", ["", "[1]", "{", "\x00"])
def test_nor_does_half_a_note(text, tmp_path):
    (tmp_path / NOTE).write_text(text)
    claim(tmp_path)
    assert noted(tmp_path) == psutil.Process().pid
