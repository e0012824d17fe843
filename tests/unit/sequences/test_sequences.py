"""Packing, windows and batches: what a model is shown is what the tables say."""

import numpy as np
import pandas as pd
import pytest
import torch

from hydrarec.columns import HELD_OUT, ITEMS, TRAIN
from hydrarec.sequences.batches import BUCKET_BATCHES, gather, training_batches, training_order
from hydrarec.sequences.log import pack, read_cases, read_catalogue, read_train
from hydrarec.tables import write_table

SEQUENCES = {1: [1, 2, 3, 4, 5], 2: [5, 4, 3], 4: [2, 6, 1, 3]}


def events(sequences):
    rows = [(u, i, p) for u, items in sequences.items() for p, i in enumerate(items)]
    frame = pd.DataFrame(rows, columns=["user", "item", "position"]).astype("int32")
    return frame.assign(timestamp=pd.array([None] * len(frame), dtype="Int64"))


@pytest.fixture
def split(tmp_path):
    """Write a leave-one-out split of SEQUENCES; item 5 is cold for user 1's test target."""
    frame = events(SEQUENCES)
    left = frame.groupby("user")["item"].transform("size") - frame["position"]
    write_table(frame[left > 2], tmp_path / "loo/train.parquet", TRAIN)
    for name, at in (("validation", 2), ("test", 1)):
        part = frame[left == at].assign(step=np.int32(0))
        write_table(part, tmp_path / f"loo/{name}.parquet", HELD_OUT)
    items = pd.DataFrame({"item": range(1, 7), "raw_item": list("abcdef"), "n_interactions": [2] * 6})
    write_table(items.astype({"item": "int32", "n_interactions": "int32"}), tmp_path / "items.parquet", ITEMS)
    return tmp_path / "loo"


def test_packing_does_not_depend_on_row_order():
    shuffled = events(SEQUENCES).sample(frac=1, random_state=0)
    log = pack(shuffled)
    assert log.items.tolist() == [i for items in SEQUENCES.values() for i in items]
    assert log.users.tolist() == list(SEQUENCES)
    assert log.lengths.tolist() == [5, 3, 4]


def test_the_history_of_a_test_case_ends_with_the_validation_item(split):
    cases = read_cases(split, "test")
    histories = [cases.log.items[a:b].tolist() for a, b in zip(cases.starts, cases.stops, strict=True)]
    assert histories == [items[:-1] for items in SEQUENCES.values()]
    assert cases.targets.tolist() == [items[-1] for items in SEQUENCES.values()]


def test_validation_works_without_a_test_file(split):
    (split / "test.parquet").unlink()
    cases = read_cases(split, "validation")
    assert cases.targets.tolist() == [items[-2] for items in SEQUENCES.values()]
    assert int(cases.log.offsets[-1]) == sum(len(items) - 1 for items in SEQUENCES.values())


def test_training_sees_no_held_out_event(split):
    assert read_train(split).items.tolist() == [1, 2, 3, 5, 2, 6]


def test_the_catalogue_knows_what_training_has_seen(split):
    catalogue = read_catalogue(split.parent, split)
    assert catalogue.n_items == 6
    assert catalogue.warm.nonzero().squeeze(1).tolist() == [1, 2, 3, 5, 6]
    assert not catalogue.has_repeats


def test_gaps_between_parts_are_refused(split):
    test = pd.read_parquet(split / "test.parquet")
    write_table(test.assign(position=test["position"] - 1), split / "test.parquet", HELD_OUT)
    with pytest.raises(ValueError, match="do not continue"):
        read_cases(split, "test")


def test_windows_keep_the_newest_items():
    log = pack(events(SEQUENCES))
    batch = gather(log, log.offsets[:-1], log.offsets[1:], 3)
    assert batch.items.tolist() == [[3, 4, 5], [5, 4, 3], [6, 1, 3]]
    batch = gather(log, log.offsets[:-1], log.offsets[1:], 50)
    assert batch.items.tolist() == [[1, 2, 3, 4, 5], [5, 4, 3, 0, 0], [2, 6, 1, 3, 0]]
    assert batch.real.sum(1).tolist() == [5, 3, 4]


def test_an_epoch_meets_every_user_once_in_batches_of_like_length():
    generator = np.random.default_rng(0)
    lengths = generator.integers(1, 200, 3000)
    log = pack(events({u + 1: [1] * n for u, n in enumerate(lengths)}))
    order = training_order(log, 32, 100, np.random.default_rng(1))
    rows = np.concatenate(order)
    assert sorted(rows) == np.flatnonzero(lengths > 1).tolist()
    spread = [np.ptp(lengths[batch].clip(max=100)) for batch in order]
    assert np.mean(spread) < 200 / BUCKET_BATCHES
    again = training_order(log, 32, 100, np.random.default_rng(1))
    assert all(np.array_equal(a, b) for a, b in zip(order, again, strict=True))
    other = training_order(log, 32, 100, np.random.default_rng(2))
    assert not np.array_equal(rows, np.concatenate(other))


def test_short_and_long_batches_come_in_an_order_that_every_epoch_draws_anew():
    lengths = np.random.default_rng(0).integers(2, 200, 3000)
    log, stream = pack(events({u + 1: [1] * n for u, n in enumerate(lengths)})), np.random.default_rng(1)
    epochs = [[lengths[rows].mean() for rows in training_order(log, 32, 200, stream)] for _ in range(20)]
    # In any order, half of the batches are followed by one of longer sequences.
    assert all(0.3 < np.mean(np.diff(means) > 0) < 0.7 for means in epochs)
    assert len({int(np.argmin(means)) for means in epochs}) > 10
    # Shuffled by itself, every stretch would bring one of the shortest batches.
    n_stretches = -(-len(epochs[0]) // BUCKET_BATCHES)
    shortest = [np.argsort(means)[:n_stretches] for means in epochs]
    assert len({int((places < BUCKET_BATCHES).sum()) for places in shortest}) > 1


def test_batches_hold_the_rows_of_the_order():
    log = pack(events(SEQUENCES))
    batches = list(training_batches(log, [np.array([2, 0]), np.array([1])], 4))
    assert batches[0].items.tolist() == [[2, 6, 1, 3], [2, 3, 4, 5]]
    assert batches[1].items.tolist() == [[5, 4, 3]]
    assert batches[0].items.dtype == torch.int64
