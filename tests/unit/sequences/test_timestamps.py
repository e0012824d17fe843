"""Times on their way from the tables to the model: they stay with their events, and a target's is never among them."""

import numpy as np
import pandas as pd
import pytest
import torch

from hydrarec.columns import HELD_OUT, TRAIN
from hydrarec.config.masking import BidirectionalMaskingConfig, CausalMaskingConfig
from hydrarec.masking.bidirectional import BidirectionalMasking
from hydrarec.masking.causal import CausalMasking
from hydrarec.sequences.batches import Batch, gather, training_batches
from hydrarec.sequences.log import pack, read_cases, read_train
from hydrarec.tables import write_table

SEQUENCES = {1: [1, 2, 3, 4, 5], 2: [5, 4, 3], 4: [2, 6, 1, 3]}
"""Every event's time is 1000 * user + 10 * position."""


def events():
    rows = [(u, i, p, 1000 * u + 10 * p) for u, items in SEQUENCES.items() for p, i in enumerate(items)]
    frame = pd.DataFrame(rows, columns=["user", "item", "position", "timestamp"])
    return frame.astype({"user": "int32", "item": "int32", "position": "int32", "timestamp": "Int64"})


def write_split(folder, frame):
    left = frame.groupby("user")["item"].transform("size") - frame["position"]
    write_table(frame[left > 2], folder / "train.parquet", TRAIN)
    for name, at in (("validation", 2), ("test", 1)):
        write_table(frame[left == at].assign(step=np.int32(0)), folder / f"{name}.parquet", HELD_OUT)
    return folder


@pytest.fixture
def split(tmp_path):
    return write_split(tmp_path / "loo", events())


def batch(timestamps=((0, 10, 30, 60, 100), (5, 6, 0, 0, 0))):
    items = torch.tensor([[1, 2, 3, 4, 5], [6, 7, 0, 0, 0]])
    return Batch(items, torch.tensor([5, 2]), torch.tensor(timestamps))


def masking(kind, **settings):
    classes = {
        "causal": (CausalMasking, CausalMaskingConfig),
        "bidirectional": (BidirectionalMasking, BidirectionalMaskingConfig),
    }
    cls, config = classes[kind]
    return cls(config(**settings), 10)


def test_times_stay_with_their_events():
    log = pack(events().sample(frac=1, random_state=0), with_timestamps=True)
    assert log.timestamps.tolist() == [1000 * u + 10 * p for u, items in SEQUENCES.items() for p in range(len(items))]
    assert log.to(torch.device("cpu")).timestamps is not None


def test_who_does_not_ask_gets_none(split):
    assert pack(events()).timestamps is None
    assert read_train(split).timestamps is None
    log = read_cases(split, "test").log
    assert gather(log, log.offsets[:-1], log.offsets[1:], 3).timestamps is None


def test_windows_keep_the_newest_times():
    log = pack(events(), with_timestamps=True)
    newest = gather(log, log.offsets[:-1], log.offsets[1:], 3)
    assert newest.timestamps.tolist() == [[1020, 1030, 1040], [2000, 2010, 2020], [4010, 4020, 4030]]
    padded = gather(log, log.offsets[:-1], log.offsets[1:], 50)
    assert padded.timestamps[1].tolist() == [2000, 2010, 2020, 0, 0]
    (trained,) = training_batches(log, [np.array([2, 0])], 4)
    assert trained.timestamps.tolist() == [[4000, 4010, 4020, 4030], [1010, 1020, 1030, 1040]]


def test_a_history_ends_before_the_time_of_its_target(split):
    for part, held_out in (("validation", 2), ("test", 1)):
        cases = read_cases(split, part, with_timestamps=True)
        histories = gather(cases.log, cases.starts, cases.stops, 50)
        newest = histories.timestamps.gather(1, histories.lengths[:, None] - 1).squeeze(1).tolist()
        assert newest == [1000 * u + 10 * (len(items) - held_out - 1) for u, items in SEQUENCES.items()]


@pytest.mark.parametrize("missing", [slice(None), slice(3, 5)])
def test_data_without_times_are_refused_when_times_are_wanted(tmp_path, missing):
    frame = events()
    frame.loc[frame.index[missing], "timestamp"] = pd.NA
    split = write_split(tmp_path / "loo", frame)
    with pytest.raises(ValueError, match=rf"loo: {len(frame.iloc[missing])} of 12 events have no timestamp"):
        read_cases(split, "test", with_timestamps=True)
    assert read_cases(split, "test").log.timestamps is None
    if missing == slice(None):
        with pytest.raises(ValueError, match="have no timestamp"):
            read_train(split, with_timestamps=True)


def test_causal_inputs_have_their_own_times():
    view = masking("causal").training_view(batch(), torch.Generator())
    assert view.batch.timestamps.tolist() == [[0, 10, 30, 60], [5, 6, 0, 0]]
    view = masking("causal").inference_view(batch())
    assert torch.equal(view.batch.timestamps, batch().timestamps)


def test_a_hidden_item_has_the_time_of_the_shown_one_before():
    seen = set()
    for seed in range(40):
        cloze = masking("bidirectional", mask_probability=0.5, last_item_probability=0.0)
        view = cloze.training_view(batch(), torch.Generator().manual_seed(seed))
        own = batch().timestamps
        for row, length in enumerate((5, 2)):
            shown = [t for t in range(length) if view.batch.items[row, t] != cloze.mask_token]
            seen.add((shown[:1] == [0], len(shown) > 0))
            for t in range(length):
                source = max((s for s in shown if s <= t), default=shown[0] if shown else None)
                assert view.batch.timestamps[row, t] == (0 if source is None else own[row, source])
    assert seen == {(True, True), (False, True), (False, False)}


def test_the_mask_token_has_the_time_of_the_newest_item():
    view = masking("bidirectional").inference_view(batch())
    assert view.batch.timestamps.tolist() == [[0, 10, 30, 60, 100, 100], [5, 6, 6, 0, 0, 0]]


@pytest.mark.parametrize("kind", ["causal", "bidirectional"])
def test_the_time_of_a_target_leaves_no_trace(kind):
    settings = {"last_item_probability": 1.0} if kind == "bidirectional" else {}
    later = batch(((0, 10, 30, 60, 999), (5, 999, 0, 0, 0)))
    views = [masking(kind, **settings).training_view(b, torch.Generator().manual_seed(0)) for b in (batch(), later)]
    rows, width = views[0].batch.timestamps.shape
    known = views[0].batch.real if kind == "bidirectional" else torch.ones(rows, width, dtype=torch.bool)
    first, second = (torch.where(known, view.batch.timestamps, 0) for view in views)
    # Under causal masking the second row's last event is the target of its first and no input of an output position.
    if kind == "causal":
        first, second = first * views[0].batch.real, second * views[0].batch.real
    assert torch.equal(first, second)
