"""Recent popularity: counts by hand, and by a clock that is read by hand."""

import pandas as pd
import pytest
import torch

from hydrarec.baselines import recent_popularity
from hydrarec.columns import TRAIN
from hydrarec.tables import read_table, write_table

DAY = 86_400


def timed(inputs, times):
    """Write the times of the training events, in the order of users and positions."""
    path = inputs.split / "train.parquet"
    write_table(read_table(path, TRAIN).assign(timestamp=pd.array(times, dtype="Int64")), path, TRAIN)
    return inputs


def ranks(scores):
    """Return the rank of each score among the different ones, from the lowest."""
    return scores.unique(return_inverse=True)[1].float()


@pytest.mark.parametrize(
    ("last_items", "counts"), [(1, [0, 1, 1, 1, 1, 0]), (2, [0, 1, 3, 2, 1, 0]), (9, [0, 3, 3, 2, 1, 0])]
)
def test_counts_the_newest_events_of_each_user_and_breaks_ties_by_popularity(last_items, counts, inputs):
    scores = recent_popularity.scorer(inputs, {"last_items": last_items})(torch.arange(2))
    expected = torch.tensor(counts) + torch.tensor([0, 3, 3, 2, 1, 0]) / 6
    torch.testing.assert_close(scores, ranks(expected).expand(2, -1))


def test_events_halve_with_every_half_life_before_the_last_one(inputs):
    # The events are 1 2 3 | 1 2 4 | 3 1 | 2.
    days = [0, 2, 4, 1, 2, 3, 4, 5, 5]
    options = {"by": "time", "half_life_days": 2}
    scores = recent_popularity.scorer(timed(inputs, [1000 + day * DAY for day in days]), options)(torch.arange(3))
    one, two, three, four = 2**-2.5 + 2**-2 + 1, 2 * 2**-1.5 + 1, 2 * 2**-0.5, 2**-1
    torch.testing.assert_close(scores, ranks(torch.tensor([0, one, two, three, four, 0])).expand(3, -1))


def test_a_long_half_life_is_popularity_and_a_short_one_the_order_of_the_newest_events(inputs):
    days = [0, 2, 4, 1, 2, 3, 4, 5, 5]
    timed(inputs, [day * DAY for day in days])
    # What is a thousand half-lives ago still counts before what is more, and before nothing.
    for half_life, expected in ((1e9, [0, 3, 4, 2, 1, 0]), (0.001, [0, 3, 3, 2, 1, 0])):
        options = {"by": "time", "half_life_days": half_life}
        scores = recent_popularity.scorer(inputs, options)(torch.tensor([0]))
        torch.testing.assert_close(scores, ranks(torch.tensor([expected])))


@pytest.mark.parametrize(("times", "missing"), [([None] * 9, 9), ([*range(8), None], 1)])
def test_time_is_refused_where_timestamps_are_missing(times, missing, inputs):
    message = rf"train\.parquet: by: time needs timestamps, which {missing} of 9 events have not; .*by: last_items"
    with pytest.raises(ValueError, match=message):
        recent_popularity.scorer(timed(inputs, times), {"by": "time"})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"half_life_days": 7.0}, "half_life_days has no effect with by: last_items"),
        ({"by": "time", "last_items": 3}, "last_items has no effect with by: time"),
        ({"by": "date"}, r"(?s)by: 'date' is not allowed; allowed: 'last_items' or 'time'"),
        ({"last_items": 0}, r"(?s)last_items: .*last_items: integer, >= 1, default 5"),
    ],
)
def test_options_that_do_nothing_or_are_out_of_range_are_refused(options, message, inputs):
    with pytest.raises(ValueError, match=message):
        recent_popularity.scorer(inputs, options)
