"""By which clock times are compared."""

import pandas as pd
import pytest

from hydrarec.comparison.clocks import clock_column, clock_name, why_contended

TIMES = pd.DataFrame(
    {
        "run": ["a", "b"],
        "seed": 0,
        "device": "cpu",
        "threads": [1, 1],
        "infer_threads": [4, 4],
        "epoch_s": [10.0, 20.0],
        "epoch_cpu_s": [9.0, 5.0],
        "infer_ms_per_user": 1.0,
        "infer_cpu_ms_per_user": 1.0,
        "contention": [None, "a load of 9.0 on 2 cores"],
        "infer_contention": None,
    }
)


def test_processor_seconds_decide_on_a_cpu_and_others_do_not_spoil_them():
    assert clock_column(TIMES, "epoch_s") == "epoch_cpu_s"
    assert why_contended(TIMES, "epoch_cpu_s") is None
    assert clock_column(TIMES, "infer_ms_per_user") == "infer_cpu_ms_per_user"


@pytest.mark.parametrize(
    "changed", [{"threads": [1, 2]}, {"threads": None}, {"device": ["cpu", "H200"]}, {"epoch_cpu_s": [9.0, None]}]
)
def test_the_wall_clock_decides_elsewhere_unless_it_is_spoilt(changed):
    times = TIMES.assign(**changed)
    assert clock_name(clock_column(times, "epoch_s")) == "the wall clock"
    assert why_contended(times, "epoch_s") == "b with seed 0: a load of 9.0 on 2 cores"
    assert why_contended(times.assign(contention=None), "epoch_s") is None
    assert why_contended(times, "infer_ms_per_user") is None


def test_no_times_have_the_wall_clock():
    assert clock_column(TIMES[:0], "epoch_s") == "epoch_s"
