"""Packing and batching of any sequences, against dictionaries of lists."""

import numpy as np
import pandas as pd
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hydrarec.sequences.batches import gather, training_batches, training_order
from hydrarec.sequences.log import pack

SEQUENCES = st.dictionaries(
    st.integers(1, 2**31 - 1), st.lists(st.integers(1, 2**31 - 1), min_size=1, max_size=12), min_size=1, max_size=9
)


def events(sequences, seed):
    """Return the rows of all sequences in any order; times are told apart from positions."""
    rows = [(user, item, place, 7 * place) for user, items in sequences.items() for place, item in enumerate(items)]
    frame = pd.DataFrame(rows, columns=["user", "item", "position", "timestamp"])
    return frame.sample(frac=1, random_state=seed)


@settings(max_examples=40)
@given(SEQUENCES, st.integers(0, 99))
def test_a_log_holds_every_sequence_once_and_in_order(sequences, seed):
    log = pack(events(sequences, seed), with_timestamps=True)
    assert log.users.tolist() == sorted(sequences)
    bounds = zip(log.offsets[:-1].tolist(), log.offsets[1:].tolist(), strict=True)
    for user, (start, stop) in zip(sorted(sequences), bounds, strict=True):
        assert log.items[start:stop].tolist() == sequences[user]
        assert log.timestamps[start:stop].tolist() == [7 * place for place in range(stop - start)]
    assert int(log.offsets[-1]) == sum(map(len, sequences.values()))


@settings(max_examples=40)
@given(SEQUENCES, st.integers(1, 15), st.data())
def test_a_window_is_the_newest_of_any_stretch_and_0_behind_it(sequences, max_length, data):
    log = pack(events(sequences, 0), with_timestamps=True)
    starts = log.offsets[:-1]
    bounds = zip(starts.tolist(), log.offsets[1:].tolist(), strict=True)
    stops = torch.tensor([data.draw(st.integers(first + 1, last)) for first, last in bounds])
    batch = gather(log, starts, stops, max_length)
    for row, user in enumerate(sorted(sequences)):
        known = sequences[user][: int(stops[row] - starts[row])]
        newest = known[-max_length:]
        padding = [0] * (batch.items.shape[1] - len(newest))
        assert batch.items[row].tolist() == newest + padding
        assert int(batch.lengths[row]) == len(newest)
        assert batch.real[row].tolist() == [True] * len(newest) + [False] * len(padding)
        times = [7 * place for place in range(len(known))][-max_length:]
        assert batch.timestamps[row].tolist() == times + padding


@settings(max_examples=40)
@given(
    SEQUENCES.filter(lambda s: max(map(len, s.values())) > 1), st.integers(1, 5), st.integers(2, 15), st.integers(0, 9)
)
def test_an_epoch_meets_every_sequence_that_has_a_successor_once(sequences, batch_size, max_length, seed):
    log = pack(events(sequences, 0))
    order = training_order(log, batch_size, max_length, np.random.default_rng(seed))
    assert all(1 <= len(rows) <= batch_size for rows in order)
    met = [
        tuple(row[:length].tolist())
        for batch in training_batches(log, order, max_length)
        for row, length in zip(batch.items, batch.lengths.tolist(), strict=True)
    ]
    assert sorted(met) == sorted(tuple(s[-max_length:]) for s in sequences.values() if len(s) > 1)
