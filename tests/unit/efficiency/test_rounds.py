"""Rounds hold everything once, in orders that differ and that a seed repeats; ratios take drift out."""

import numpy as np
import pandas as pd
import pytest
import torch

from hydrarec.efficiency.rounds import Subject, interleaved, time_ratio

CPU = torch.device("cpu")


def called(rounds=6, seed=0, warm_up=2):
    calls = []
    subjects = [Subject(name, lambda name=name: calls.append(name), units=2.0) for name in "abc"]
    return interleaved(subjects, rounds=rounds, seed=seed, device=CPU, warm_up=warm_up), calls


def test_every_round_holds_every_subject_once_and_warm_up_is_not_kept():
    times, calls = called()
    assert len(calls) == 3 * (6 + 2)
    assert calls[:6] == list("aabbcc")
    assert times.groupby("round")["subject"].apply(sorted).tolist() == [list("abc")] * 6
    assert times.sort_values(["round", "place"])["subject"].tolist() == calls[6:]


def test_orders_differ_between_rounds_and_repeat_with_the_seed():
    first, again, other = called(seed=1)[1], called(seed=1)[1], called(seed=2)[1]
    assert first == again != other
    assert len({tuple(first[i : i + 3]) for i in range(6, len(first), 3)}) > 1


def test_processor_seconds_are_finer_than_the_ticks_of_the_system():
    numbers = np.ones(200_000)
    times = interleaved([Subject("sum", numbers.sum)], rounds=20, seed=0, device=CPU)
    assert (times["cpu_s"] > 0).all()
    assert times["cpu_s"].median() < 5e-3


def test_a_ratio_holds_although_the_machine_slows_down():
    stream = np.random.default_rng(0)
    drift = np.linspace(1, 3, 40)
    rows = [
        {"subject": name, "round": i, "units": 1.0, "wall_s": seconds * drift[i] * np.exp(stream.normal(0, 0.02))}
        for i in range(40)
        for name, seconds in (("a", 0.9), ("b", 1.0))
    ]
    ratio = time_ratio(pd.DataFrame(rows), "a", "b")
    assert ratio.value == pytest.approx(0.9, rel=0.02)
    assert ratio.low < 0.9 < ratio.high
    assert ratio.high - ratio.low < 0.05


def test_few_rounds_have_a_ratio_and_no_interval():
    times = pd.DataFrame({"subject": ["a", "b"] * 5, "round": np.repeat(range(5), 2), "units": 1.0})
    times["wall_s"] = [1.0, 2.0] * 5
    assert time_ratio(times, "b", "a").low == 2.0
    few = time_ratio(times[times["round"] < 4], "b", "a")
    assert few.value == 2.0
    assert np.isnan([few.low, few.high]).all()


@pytest.mark.parametrize(
    ("rounds", "place", "covered"), [(5, 0, 0.938), (6, 0, 0.969), (7, 0, 0.984), (9, 1, 0.961), (20, 5, 0.959)]
)
def test_the_interval_of_a_ratio_covers_it_as_often_as_it_says(rounds, place, covered):
    """The shares are those of tables of the binomial distribution."""
    stream = np.random.default_rng(rounds)
    times = pd.DataFrame({"subject": ["a", "b"] * rounds, "round": np.repeat(range(rounds), 2), "units": 1.0})
    drawn = [np.exp(0.1 * stream.standard_t(2, 2 * rounds)) for _ in range(600)]
    found = [time_ratio(times.assign(wall_s=seconds), "a", "b") for seconds in drawn]
    ratios = np.sort(drawn[0][::2] / drawn[0][1::2])
    assert [found[0].low, found[0].high] == pytest.approx([ratios[place], ratios[-1 - place]])
    # Three standard errors.
    assert np.mean([one.low <= 1 <= one.high for one in found]) == pytest.approx(covered, abs=0.03)
