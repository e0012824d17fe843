"""Commands that must refuse: each is run as a user runs it, and held to what every refusal owes."""

import hashlib
import json
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer

from hydrarec import cli
from hydrarec.config.datasets import DatasetConfig, FilterConfig, ReaderConfig, SourceConfig
from tests.unit.training.ring import settings, train, write_ring

EVERYTHING = FilterConfig(min_user_interactions=1, min_item_interactions=1)
PARSER = typer.main.get_command(cli.app)
"""What `app` builds anew whenever it is called."""
LONGEST_LINE = 800
"""Characters of a message's line, with the name of the program."""


def snapshot(folder: Path) -> dict[str, str]:
    """Return what lies in a folder: links with their targets, files with their hashes."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            found[str(path.relative_to(folder))] = f"-> {path.readlink()}"
        elif path.is_file():
            found[str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def check_message(text: str) -> None:
    """Hold a message to what every one owes: few short lines that can be read, and no traceback."""
    lines = text.splitlines()
    # What is wrong with a configuration is told line by line, and how many there are before them.
    announced = re.search(r"(\d+) mistake", lines[0])
    assert 1 <= len(lines) <= max(3, 1 + int(announced[1]) if announced else 0), text
    assert lines[0].startswith("hydrarec: "), text
    assert all(line.isprintable() and len(line) <= LONGEST_LINE for line in lines), text
    assert "Traceback" not in text
    assert "Nobody foresaw" not in text, text


@dataclass
class Command:
    """The command line, run in this process in a folder of its own."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    capfd: pytest.CaptureFixture[str]

    def __call__(self, *arguments: object) -> tuple[int, str, str]:
        """Run; return exit code, output and errors."""
        self.capfd.readouterr()
        self.monkeypatch.setattr(sys, "argv", ["hydrarec", *map(str, arguments)])
        self.monkeypatch.setattr(cli, "app", PARSER)
        with pytest.raises(SystemExit) as stop:
            cli.main()
        out, err = self.capfd.readouterr()
        return (stop.value.code or 0, out, err) if not isinstance(stop.value.code, str) else (1, out, stop.value.code)

    def works(self, *arguments: object) -> str:
        """Run what must work; return its output."""
        code, out, err = self(*arguments)
        assert code == 0, err
        return out

    def refuses(self, *arguments: object, words: tuple[object, ...], leaves: tuple[str, ...] = ()) -> str:
        """Run what must be refused.

        Parameters
        ----------
        arguments
            Of the command line.
        words
            What the message must say: file, place, value, remedy.
        leaves
            Files that may be new or different afterwards; nothing else may.
        """
        before = snapshot(self.folder)
        code, _, err = self(*arguments)
        assert code not in (0, None)
        check_message(err)
        for word in words:
            assert str(word) in err, f"{word!r} is not in {err!r}"
        after = snapshot(self.folder)
        changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
        assert changed <= set(leaves), changed
        return err


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """Return the command line; it runs in the test's own folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYDRAREC_MIRROR", raising=False)
    return Command(tmp_path, monkeypatch, capfd)


def definition(path: Path, reader: ReaderConfig, kept: FilterConfig = EVERYTHING, sha256: str = "") -> str:
    """Return the definition of a file's data set as `--dataset` takes it."""
    pinned = sha256 or (hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "0" * 64)
    source = SourceConfig(file=path.name, sha256=pinned)
    return DatasetConfig(id="tiny", title="Tiny", source=source, reader=reader, filter=kept).model_dump_json()


@pytest.fixture
def prepare(command: Command) -> Callable[..., str]:
    """Return how to prepare a raw file that must be refused; earlier results are there, and must stay."""
    results = command.folder / "results" / "data" / "tiny"
    results.mkdir(parents=True)
    for name in ("interactions.parquet", "items.parquet", "users.parquet", "card.json"):
        (results / name).write_text("what an earlier run made")

    def run(path: Path, reader: ReaderConfig, *words: object, **definition_of: object) -> str:
        dataset = definition(path, reader, **definition_of)
        return command.refuses(
            "prepare", "--dataset", dataset, "--raw", path, "--output", results, words=(path.name, *words)
        )

    return run


@pytest.fixture(scope="session")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data set that is trained on in a second; not to be written to."""
    folder = tmp_path_factory.mktemp("hostile") / "ring"
    write_ring(folder)
    return folder


@pytest.fixture(scope="session")
def trained(ring: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run trained on it for an epoch; not to be written to."""
    folder = tmp_path_factory.mktemp("hostile") / "run"
    train(settings(max_epochs=1), data=ring, protocol="loo", seed=0, threads=1, output=folder)
    return folder


def settings_json(**training: object) -> str:
    """Return the settings of a small training as `--settings` takes them."""
    return settings(**training).model_dump_json()


def training(data: Path, output: Path | str = "run", **changed: object) -> tuple[object, ...]:
    """Return the command of a small training."""
    options = {"data": data, "protocol": "loo", "seed": 0, "output": output}
    return ("train", "--settings", settings_json(**changed), *(x for k, v in options.items() for x in (f"--{k}", v)))


def is_root() -> bool:
    """Whether this process may mount file systems, and is not stopped by modes of files."""
    return os.geteuid() == 0


def as_json(value: object) -> str:
    """Return JSON as a rule hands it over."""
    return json.dumps(value)
