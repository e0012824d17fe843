"""Whatever bytes a reader meets, it reads them or says in a short message what is wrong with them."""

import io
import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from hydrarec.cli.message import message_of
from hydrarec.columns import INTERACTIONS
from hydrarec.config import load_file
from hydrarec.config.datasets import (
    GrouplensReaderConfig,
    PairsReaderConfig,
    RatingsReaderConfig,
    SequencesReaderConfig,
)
from hydrarec.costs import read_costs
from hydrarec.data import readers
from hydrarec.files import read_json
from hydrarec.tables import read_table
from hydrarec.training import checkpoint, state
from tests.hostile.conftest import check_message

EXAMPLES = 60


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/ratings.dat", "".join(f"{u}::{i}::5::{1000 + i}\n" for u in range(9) for i in range(9)))
    return buffer.getvalue()


def tabled() -> bytes:
    columns = {name: [1, 2, 3] for name in INTERACTIONS.names}
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns, schema=INTERACTIONS), buffer)
    return buffer.getvalue()


CONFIG = b"""\
report: test
datasets: [synthetic, {id: mine, title: Mine, source: {file: a, sha256: x}, reader: {kind: pairs}}]
seeds: &s [0, 1]
runs:
  - {id: p, baseline: popularity, options: {a: 1.5, b: *s}}
  - {id: x, model: {kind: sasrec}, attention: {kind: hydra}, masking: {kind: causal}}
evaluation: {reference: p, cutoffs: [1, 10]}
"""
COSTS = b'{"train_s": 1.0, "peak_memory_mib": 2.0, "test_s": 3.0, "device": "cpu"}'
RATED = RatingsReaderConfig()

READERS: dict[str, tuple[bytes, Callable[[Path], object]]] = {
    "ratings": (b'A,B,5,1\n"A,1",C,4.5,1700000000\r\nB,12,1,2\n\n', lambda path: readers.read(path, RATED)),
    "headed": (
        b"\xef\xbb\xbfuser,item,rating,timestamp\nA,B,5,1\n",
        lambda path: readers.read(path, RatingsReaderConfig(header=True)),
    ),
    "utf-16": (
        "A,é,5,1\nB,C,4,2\n".encode("utf-16"),
        lambda path: readers.read(path, RatingsReaderConfig(encoding="utf-16")),
    ),
    "pairs": (b"1 1\n1 2\n2\t 1\n", lambda path: readers.read(path, PairsReaderConfig())),
    "sequences": (b"1 1 2 3\n2 3\n", lambda path: readers.read(path, SequencesReaderConfig())),
    "grouplens": (zipped(), lambda path: readers.read(path, GrouplensReaderConfig(member="a/ratings.dat"))),
    "parquet": (tabled(), lambda path: read_table(path, INTERACTIONS)),
    "configuration": (CONFIG, load_file),
    "json": (COSTS, read_json),
    "costs": (COSTS, read_costs),
    "checkpoint": (
        save({"x": torch.zeros(3)}, {"hydrarec": json.dumps({"settings": {}, "n_items": 3})}),
        checkpoint.load,
    ),
    "state": (save({"x": torch.zeros(3)}, {"hydrarec": json.dumps({"identity": {}})}), state._read),
}

SNIPPETS = [
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\r",
    b"\n",
    b'"',
    b",",
    b"::",
    b" ",
    b"nan",
    b"-1",
    b"1e309",
    b"&a",
    b"*a",
]
SNIPPETS += [
    b"9" * 400,
    b"x" * 5000,
    b"[" * 500,
    b"{",
    b"<<: ",
    b"!!python/none ",
    b"\xc3",
    b"\xed\xa0\x80",
    "\u0661".encode(),
]


@st.composite
def spoilt(draw: st.DrawFn, content: bytes) -> bytes:
    """Change a file in a few places: cut, overwrite, repeat, insert."""
    data = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 40)))
        data[start:end] = draw(
            st.one_of(
                st.binary(max_size=20),
                st.sampled_from(SNIPPETS),
                st.just(bytes(data[start:end]) * 2),
                st.just(b""),
            )
        )
    return bytes(data)


def check(content: bytes, read: Callable[[Path], object]) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        path = folder / "file"
        path.write_bytes(content)
        try:
            read(path)
        except (ValueError, OSError) as error:
            message = message_of(error)
            check_message(f"hydrarec: {message}")
            assert str(path) in message, message
        assert [entry.name for entry in folder.iterdir()] == ["file"]
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("kind", READERS)
@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), derandomize=True)
@given(data=st.data())
def test_spoilt_files(kind, data):
    content, read = READERS[kind]
    check(data.draw(spoilt(content)), read)


@pytest.mark.parametrize("kind", READERS)
@settings(max_examples=EXAMPLES // 3, suppress_health_check=list(HealthCheck), derandomize=True)
@given(content=st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_files_of_anything(kind, content):
    check(content, READERS[kind][1])
