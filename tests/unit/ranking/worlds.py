"""Small data sets with everything that ranking has to get right: cold items, repeats, long histories, ties."""

import pandas as pd
import torch
from hypothesis import strategies as st

from hydrarec.columns import HELD_OUT, ITEMS, TRAIN
from hydrarec.sequences.log import Cases, Catalogue, pack
from hydrarec.tables import write_table


def world(sequences, n_items):
    """Return the test cases and the catalogue of a leave-one-out data set: one item sequence per user, from user 1."""
    log = pack(_events(sequences))
    train = [item for items in sequences for item in items[:-2]]
    counts = torch.bincount(torch.tensor(train), minlength=n_items + 1)
    stops = log.offsets[1:] - 1
    steps = torch.zeros(len(stops), dtype=torch.int32)
    cases = Cases(log, log.users, steps, log.items[stops], log.offsets[:-1], stops)
    repeats = any(len(set(items[:-2])) < len(items) - 2 for items in sequences)
    return cases, Catalogue(n_items, counts > 0, counts, repeats)


def write_world(folder, sequences, n_items):
    """Write the files of such a data set."""
    events = _events(sequences).assign(timestamp=pd.array([None] * sum(map(len, sequences)), dtype="Int64"))
    from_end = events.groupby("user")["position"].transform("max") - events["position"]
    ids = range(1, n_items + 1)
    write_table(
        pd.DataFrame({"item": ids, "raw_item": map(str, ids), "n_interactions": 1}), folder / "items.parquet", ITEMS
    )
    write_table(events[from_end > 1], folder / "loo" / "train.parquet", TRAIN)
    for place, part in enumerate(("test", "validation")):
        write_table(events[from_end == place].assign(step=0), folder / "loo" / f"{part}.parquet", HELD_OUT)
    return folder


def _events(sequences):
    rows = [(user, item, place) for user, items in enumerate(sequences, 1) for place, item in enumerate(items)]
    return pd.DataFrame(rows, columns=["user", "item", "position"])


class TableScorer:
    """Scores that stand in a table."""

    def __init__(self, table):
        self.table = torch.as_tensor(table)

    def __call__(self, rows):
        return self.table[rows]


@st.composite
def worlds(draw, repeats):
    """Draw sequences, a number of items and tied scores with special tokens on both sides."""
    n_items = draw(st.integers(8, 20))
    item = st.integers(1, n_items)
    sequences = draw(
        st.lists(st.lists(item, min_size=3, max_size=7, unique=not repeats), min_size=1, max_size=6).filter(
            lambda found: not repeats or any(len(set(items[:-2])) < len(items) - 2 for items in found)
        )
    )
    score = st.integers(-2, 2)
    row = st.lists(score, min_size=n_items + 3, max_size=n_items + 3)
    table = draw(st.lists(row, min_size=len(sequences), max_size=len(sequences)))
    return sequences, n_items, torch.tensor(table, dtype=torch.float32)


def candidates_of(sequence, sequences, n_items, repeats):
    """Return a case's candidates, one by one."""
    warm = {item for items in sequences for item in items[:-2]}
    seen = set() if repeats else set(sequence[:-1])
    return [item for item in range(1, n_items + 1) if item in warm and item not in seen]
