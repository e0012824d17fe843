"""Tables of before: what they lack is not known, and nothing else may be absent."""

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hydrarec.columns import HISTORY, may_be_absent
from hydrarec.tables import read_arrow, read_table

ADDED = [field.name for field in HISTORY if may_be_absent(field)]


@pytest.fixture
def old(tmp_path):
    """The history of a training of before processor seconds were counted."""
    table = pa.table(
        {name: pa.array([1, 2], kind) for name, kind in zip(HISTORY.names, HISTORY.types, strict=True)}
    ).drop_columns(ADDED)
    pq.write_table(table, tmp_path / "history.parquet")
    return tmp_path / "history.parquet"


def test_columns_that_were_added_are_unknown_in_a_file_of_before(old):
    assert ADDED == ["train_cpu_s", "train_j", "load"]
    found = read_table(old, HISTORY)
    assert list(found.columns) == HISTORY.names
    assert found[ADDED].isna().all(axis=None)
    assert found["train_s"].tolist() == [1.0, 2.0]
    assert found[ADDED].dtypes.eq("float64").all()


def test_single_columns_are_read_all_the_same(old):
    assert read_table(old, HISTORY, ["load", "epoch"]).columns.tolist() == ["load", "epoch"]
    assert read_arrow(old, HISTORY, ["load"]).num_rows == 2


def test_what_was_always_there_must_be_there(old):
    table = pq.read_table(old)
    pq.write_table(table.drop_columns(["train_s"]), old)
    with pytest.raises(ValueError, match=r"train_s: expected double, found no such column$"):
        read_table(old, HISTORY)


def test_an_added_column_has_its_type(old):
    frame = pq.read_table(old).to_pandas().assign(load=pd.Series(["high", "low"]))
    frame.to_parquet(old)
    with pytest.raises(ValueError, match=r"load: expected double, found"):
        read_table(old, HISTORY)
