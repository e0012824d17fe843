"""What passes for a machine of one's own."""

import pytest

from hydrarec.contention import busy_share, contention

QUIET = {"device": "cpu", "threads": 1, "wall_s": 100.0, "cpu_s": 98.0, "load": 1.2, "cores": 2}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, None),
        ({"cpu_s": 89.0}, "the process ran 89 % of its time"),
        ({"load": 2.3}, "a load of 2.3 on 2 cores"),
        ({"load": 2.3, "cpu_s": 36.0}, "a load of 2.3 on 2 cores, and the process ran 36 % of its time"),
        # A process that fills the machine alone.
        ({"load": 2.15, "threads": 2, "cpu_s": 190.0}, None),
        # Several threads do not always have something to do.
        ({"threads": 2, "cpu_s": 98.0}, None),
        ({"device": "H200", "cpu_s": 20.0}, None),
        ({"device": "H200", "cpu_s": 20.0, "load": 9.0}, "a load of 9.0 on 2 cores"),
        # Nothing recorded, nothing said.
        ({"load": None, "cpu_s": None}, None),
        ({"load": 9.0, "cores": None}, None),
        ({"wall_s": 0.0}, None),
    ],
)
def test_signs_of_a_shared_machine(changed, said):
    assert contention(**QUIET | changed) == said


def test_the_busy_share_is_of_all_threads():
    assert busy_share(100.0, 120.0, 2) == 0.6
    assert busy_share(100.0, None, 2) is None
