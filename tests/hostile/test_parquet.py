"""Tables of the pipeline that are damaged, of other data, or of another version."""

import os
import pickle
import shutil

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hydrarec.baselines.run import run_baseline
from hydrarec.files import write_json
from hydrarec.layout import run_folder, split_folder
from hydrarec.tables import content_hash
from tests import fabricate
from tests.hostile.conftest import as_json, settings_json, training

TRAIN, VALIDATION, TEST, ITEMS = "loo/train.parquet", "loo/validation.parquet", "loo/test.parquet", "items.parquet"


@pytest.fixture
def data(tmp_path, ring):
    """Return a copy of a prepared data set, to spoil."""
    shutil.copytree(ring, tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def popularity(command, data):
    """Return how to compute a baseline on the spoilt data, which must be refused."""

    def run(*words):
        arguments = ("--data", data, "--protocol", "loo", "--run", "x", "--seed", 0, "--output", "run")
        return command.refuses("baseline", "popularity", *arguments, words=words)

    return run


def change(path, function):
    """Rewrite a table, without this package's checks."""
    pq.write_table(function(pq.read_table(path)), path)


def replaced(name, values):
    def run(table):
        index = table.column_names.index(name)
        new = table[name].to_numpy(zero_copy_only=False).copy()
        for row, value in values.items():
            new[row] = value
        return table.set_column(index, table.field(name), pa.array(new, table[name].type))

    return run


def cast(name, kind):
    return lambda t: t.set_column(t.column_names.index(name), name, t[name].cast(kind))


def with_nulls(name):
    def run(table):
        values = pa.array([None, *table[name].to_pylist()[1:]], table[name].type)
        return table.set_column(table.column_names.index(name), name, values)

    return run


@pytest.mark.parametrize(
    ("file", "spoil", "words"),
    [
        (TRAIN, lambda t: t.drop_columns(["item"]), (TRAIN, "item: expected int32, found no such column")),
        (TRAIN, lambda t: t.append_column("rating", t["item"]), (TRAIN, "rating: not a column of this table")),
        (TRAIN, lambda t: t.append_column("item", t["item"]), (TRAIN,)),
        (TRAIN, cast("item", pa.int64()), (TRAIN, "item: expected int32, found int64")),
        (TRAIN, cast("item", pa.string()), (TRAIN, "item: expected int32, found string")),
        (TRAIN, cast("user", pa.float64()), (TRAIN, "user: expected int32, found double")),
        (TRAIN, with_nulls("item"), (TRAIN, "column item holds 1 null")),
        (TRAIN, replaced("item", {0: 0}), (TRAIN, "column item holds 0", "allowed: 1 and more")),
        (TRAIN, replaced("item", {0: -7}), (TRAIN, "column item holds -7")),
        (TRAIN, replaced("item", {0: 31}), (TRAIN, "item 31", "lists 30 items", "prepare and split again")),
        (TRAIN, replaced("item", {0: 2**31 - 1}), (TRAIN, "item 2147483647", "lists 30 items")),
        (TRAIN, replaced("user", {0: -1}), (TRAIN, "column user holds -1")),
        (TRAIN, replaced("position", {0: -1}), (TRAIN, "column position holds -1")),
        (TRAIN, lambda t: t.slice(0, 0), (TRAIN, "no interactions", "split the data set again")),
        (TRAIN, lambda t: t.slice(3), ("loo", "positions of the test part do not continue")),
        (TRAIN, lambda t: pa.concat_tables([t, t]), ("loo", "positions of the test part do not continue")),
        (VALIDATION, lambda t: t.slice(0, 0), (VALIDATION, "no interactions")),
        (VALIDATION, lambda t: t.drop_columns(["step"]), (VALIDATION, "step: expected int32")),
        (TEST, lambda t: t.slice(0, 0), (TEST, "no interactions")),
        (TEST, replaced("position", {0: 10_000}), ("loo", "positions of the test part do not continue")),
        (TEST, replaced("step", {0: -2}), (TEST, "column step holds -2")),
        (TEST, replaced("item", {0: 30_000}), ("item 30000", "items.parquet lists 30 items")),
        (TEST, replaced("step", dict.fromkeys(range(120), -1)), (TEST, "no targets")),
        (ITEMS, lambda t: t.slice(0, 12), (TRAIN, "items.parquet lists 12 items")),
        (ITEMS, lambda t: t.slice(0, 0), ("items.parquet lists 0 items",)),
        (ITEMS, lambda t: t.rename_columns(["item", "name", "n_interactions"]), (ITEMS, "raw_item: expected string")),
    ],
)
def test_tables_that_a_method_reads(file, spoil, words, data, popularity):
    change(data / file, spoil)
    popularity(*words)


@pytest.mark.parametrize(
    "harm",
    [
        lambda content: content[: len(content) // 2],
        lambda content: content[:-1],
        lambda content: content[4:],
        lambda content: b"",
        lambda content: b"PAR1",
        lambda content: b"PAR1" + bytes(100) + b"PAR1",
        lambda content: b"user,item\n1,2\n",
        lambda content: pickle.dumps([1, 2, 3]),
        lambda content: content[:40] + bytes(255 - byte for byte in content[40:80]) + content[80:],
        lambda content: content[:-60] + b"\xff" * 40 + content[-20:],
    ],
    ids=["half", "cut", "beheaded", "empty", "magic", "zeros", "text", "pickle", "page", "footer"],
)
def test_bytes_that_are_no_table(harm, data, popularity):
    content = (data / TRAIN).read_bytes()
    (data / TRAIN).write_bytes(harm(content))
    popularity(TRAIN)


def test_absent_table(data, popularity):
    (data / ITEMS).unlink()
    popularity(ITEMS, "no such file")


def test_folder_in_place_of_a_table(data, popularity):
    (data / ITEMS).unlink()
    (data / ITEMS).mkdir()
    popularity(ITEMS, "no such file")


def test_link_that_leads_nowhere_and_links_in_a_circle(data, popularity):
    (data / ITEMS).unlink()
    (data / ITEMS).symlink_to("nowhere")
    popularity(ITEMS, "no such file")
    (data / ITEMS).unlink()
    (data / ITEMS).symlink_to(ITEMS)
    popularity(ITEMS)


def test_pipe_in_place_of_a_table_is_not_waited_for(data, popularity):
    (data / ITEMS).unlink()
    os.mkfifo(data / ITEMS)
    popularity(ITEMS, "no such file")


def interactions(**columns):
    return pa.table(
        {"user": [1, 1, 1, 2, 2, 2], "item": [1, 2, 3, 1, 2, 3], "position": [0, 1, 2, 0, 1, 2], **columns},
    )


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (interactions(user=[2, 2, 2, 1, 1, 1]), ("row 4 has user 1 at position 0", "by user")),
        (interactions(user=[1, 2, 1, 2, 1, 2]), ("row 2 has user 2 at position 1",)),
        (interactions(position=[0, 2, 1, 0, 1, 2]), ("row 2 has user 1 at position 2", "positions 0, 1, 2")),
        (interactions(position=[0, 1, 2, 0, 1, 1]), ("row 6 has user 2 at position 1",)),
        (interactions().slice(0, 0), ("no interactions", "prepare the data set again")),
        (interactions(user=[0, 0, 0, 2, 2, 2]), ("column user holds 0",)),
        (interactions().slice(0, 2), ("under loo the validation part would have no targets",)),
    ],
)
def test_prepared_interactions(table, words, tmp_path, command):
    path = tmp_path / "interactions.parquet"
    kinds = [("user", pa.int32()), ("item", pa.int32()), ("position", pa.int32()), ("timestamp", pa.int64())]
    table = table.append_column("timestamp", pa.nulls(len(table), pa.int64()))
    pq.write_table(table.cast(pa.schema(kinds)), path)
    command.refuses("split", "--data", tmp_path, "--protocol", "loo", "--output", "out", words=(tmp_path, *words))
    command.refuses("split", "--data", tmp_path, "--protocol", "gts", "--output", "out", words=(tmp_path,))


@pytest.mark.parametrize("file", [TRAIN, VALIDATION])
def test_training_refuses_too(file, data, command):
    change(data / file, replaced("item", {0: 99}))
    command.refuses(*training(data), words=("item 99", "lists 30 items"))


def test_model_that_needs_times(data, command):
    settings = settings_json().replace('"model":{"kind":"sasrec"}', '"model":{"kind":"hstu","timestamps":true}')
    settings = settings.replace(
        settings[settings.index('"attention":') : settings.index(',"masking"')], '"attention":null'
    )
    arguments = ("--data", data, "--protocol", "loo", "--seed", 0, "--output", "run")
    command.refuses("train", "--settings", settings, *arguments, words=("have no timestamp", "models without time"))


@pytest.fixture(scope="module")
def right_lists(ring, tmp_path_factory):
    """Return lists in which nothing is wrong."""
    folder = tmp_path_factory.mktemp("lists")
    run_baseline("popularity", data=ring, protocol="loo", run="x", seed=0, options={}, threads=1, output=folder)
    return folder / "recommendations.parquet"


@pytest.fixture
def lists(tmp_path, command, ring, right_lists):
    """Return how to hand over lists of another program, which must be refused; they stay where they are."""
    folder = tmp_path / "run"
    folder.mkdir()
    shutil.copy(right_lists, folder)
    write_json(folder / "costs.json", {"train_s": 1.0, "peak_memory_mib": 1.0, "test_s": 1.0})

    def run(spoil, *words):
        change(folder / "recommendations.parquet", spoil)
        arguments = ("--data", ring, "--protocol", "loo", "--run", "x", "--seed", 0, "--output", folder)
        return command.refuses("rank-lists", "--baseline", "mine", *arguments, words=words)

    return run


def of_frame(function):
    return lambda table: pa.Table.from_pandas(function(table.to_pandas()), preserve_index=False)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (of_frame(lambda f: f.assign(item=f["item"] + 0.5)), ("no whole number",)),
        (of_frame(lambda f: f.assign(item=f["item"].astype(str))), ("column item is", "ids as in train.parquet")),
        (of_frame(lambda f: f.assign(item=f["item"].where(f.index != 5, 2**40))), ("no whole number up to",)),
        (of_frame(lambda f: f.assign(item=f["item"].where(f.index != 5, -3))), ("item outside 1..30", "-3")),
        (of_frame(lambda f: f.assign(score=np.nan)), ("no finite 32-bit number", "NaN")),
        (of_frame(lambda f: f.assign(score=-f["score"])), ("above that of the position before",)),
        (of_frame(lambda f: f[f["user"] != 7]), ("1 of 120 held-out targets have no list", "7")),
        (of_frame(lambda f: f.head(0)), ("120 of 120 held-out targets have no list",)),
        (of_frame(lambda f: pd.concat([f, f.head(1)])), ("already",)),
        (of_frame(lambda f: f.drop(columns="score")), ("has no column score",)),
        (of_frame(lambda f: f.assign(user=pd.Timestamp("2024-01-01"))), ("column user is timestamp",)),
        (lambda t: t.set_column(3, "item", pa.array([[1]] * len(t))), ("column item is list",)),
    ],
)
def test_lists_of_another_program(spoil, words, lists):
    lists(spoil, "recommendations.parquet", *words)


@pytest.mark.parametrize(
    ("costs", "words"),
    [
        ("", (":1: not valid JSON",)),
        ("[]", ("mapping", "found []")),
        ("[" * 100_000, ("not valid JSON",)),
        ("\xff", ("not valid JSON",)),
        ('{"train_s": -1, "peak_memory_mib": 1, "test_s": 1}', ("train_s", "found -1")),
        ('{"train_s": NaN, "peak_memory_mib": 1, "test_s": 1}', ("train_s", "nan")),
        ('{"train_s": 1e999, "peak_memory_mib": 1, "test_s": 1}', ("train_s", "inf")),
        ("{}", ("train_s: must be given",)),
    ],
)
def test_costs_of_another_program(costs, words, lists, tmp_path):
    (tmp_path / "run" / "costs.json").write_bytes(costs.encode("latin-1"))
    lists(lambda table: table, "costs.json", *words)


@pytest.fixture(scope="module")
def right_results(tmp_path_factory):
    """Return a comparison in which nothing is wrong."""
    config = fabricate.config(datasets=1, seeds=1)
    results = tmp_path_factory.mktemp("comparison") / "results"
    fabricate.Tree(config, results, n_users=30, n_items=40).write()
    return config, results


@pytest.fixture
def comparison(tmp_path, command, right_results):
    """Return a run's folder and how to collect the comparison that it is of, which must be refused."""
    config, results = right_results
    shutil.copytree(results, tmp_path / "results")
    folder = run_folder(tmp_path / "results", "made-0", "loo", "itemknn", 0)

    def run(name, content, *words):
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        text = as_json(config.model_dump(mode="json"))
        arguments = ("--config", text, "--results", tmp_path / "results", "--output", tmp_path / "comparison")
        return command.refuses("collect", *arguments, words=(folder, name, *words))

    return folder, run


@pytest.mark.parametrize("name", ["manifest.json", "timing.json", "inference.json"])
@pytest.mark.parametrize("content", ["{", "[]", "{}", "[" * 100_000], ids=lambda text: repr(text[:3]))
def test_json_of_a_run(name, content, comparison):
    _, collect = comparison
    collect(name, content)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda t: t.slice(1), ("29 cases, but", "has 30", "cannot be mixed")),
        (lambda t: t.slice(0, 0), ("0 cases, but",)),
        (replaced("target", {0: 39}), ("has target 39", "cannot be mixed")),
        (replaced("greater", {0: -1}), ("greater + equal must be from 0",)),
        (replaced("greater", dict.fromkeys(range(30), 10**6)), ("greater + equal must be from 0",)),
        (lambda t: t.drop_columns(["warm"]), ("warm: expected bool",)),
    ],
)
def test_ranks_of_a_run(spoil, words, comparison):
    folder, collect = comparison
    change(folder / "ranks.parquet", spoil)
    collect("ranks.parquet", (folder / "ranks.parquet").read_bytes(), *words)


def test_run_on_other_data_than_the_rest(comparison, tmp_path):
    folder, collect = comparison
    manifest = (folder / "manifest.json").read_text()
    digest = content_hash(split_folder(tmp_path / "results", "made-0", "loo") / "test.parquet")
    collect("manifest.json", manifest.replace(digest, "0" * 64), "saw different data", "test.parquet", "0" * 12)
