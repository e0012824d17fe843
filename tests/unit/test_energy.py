"""Joules from the driver's counter: whose it is, and everything that leaves it unknown."""

import pytest
import torch

from hydrarec.energy import energy_counter
from hydrarec.stopwatch import Stopwatch

UUID = "1b5e2a3c-0000-1111-2222-333344445555"


class Nvml:
    """Stands for `pynvml` on a machine with two GPUs; a list of millijoules is what the first says, one by one."""

    NVML_DEVICE_MIG_ENABLE = 1

    class NVMLError(Exception):
        """What NVML raises."""

    def __init__(self, millijoules=(), *, mig=None, driver=True):
        self.millijoules, self.mig, self.driver = list(millijoules), mig, driver

    def nvmlInit(self):  # noqa: N802 - NVML's name
        if not self.driver:
            raise self.NVMLError("Driver Not Loaded")

    def nvmlDeviceGetHandleByUUID(self, uuid):  # noqa: N802
        if uuid not in ("GPU-other", f"GPU-{UUID}"):
            raise self.NVMLError("Not Found")
        return uuid

    def nvmlDeviceGetMigMode(self, handle):  # noqa: N802
        if self.mig is None:
            raise self.NVMLError("Not Supported")
        return self.mig, self.mig

    def nvmlDeviceGetTotalEnergyConsumption(self, handle):  # noqa: N802
        assert handle == f"GPU-{UUID}"
        if not self.millijoules:
            raise self.NVMLError("Not Supported")
        return self.millijoules.pop(0)


def watch(nvml):
    return Stopwatch(torch.device("cpu"), energy_counter(UUID, nvml))


@pytest.mark.parametrize("uuid", [UUID, f"GPU-{UUID}"])
def test_joules_are_a_difference_of_the_counter_of_the_gpu_with_this_uuid(uuid):
    counter = energy_counter(uuid, Nvml([1_000, 5_000_000, 5_002_500]))
    assert [counter.joules(), counter.joules()] == [5000.0, 5002.5]


@pytest.mark.parametrize(
    "nvml",
    [Nvml(), Nvml([1, 2, 3], driver=False), Nvml([1, 2, 3], mig=1)],
    ids=["no counter", "no driver", "divided"],
)
def test_where_nobody_counts_energy_is_not_known(nvml):
    assert energy_counter(UUID, nvml) is None
    stopwatch = watch(nvml)
    with stopwatch.running():
        pass
    assert stopwatch.joules is None


def test_an_undivided_gpu_that_could_be_divided_counts():
    assert energy_counter(UUID, Nvml([1], mig=0)) is not None


def test_a_gpu_that_nvml_does_not_know_and_none_at_all_have_no_counter():
    assert energy_counter("another", Nvml([1, 2])) is None
    assert energy_counter(None, Nvml([1, 2])) is None


def test_a_watch_leaves_out_what_it_does_not_run_for():
    # Asked once whether there is a counter; then at both ends of each block, and around the pause.
    stopwatch = watch(Nvml([0, 1_000, 3_000, 10_000, 10_500, 90_000, 90_250]))
    with stopwatch.running(), stopwatch.paused():
        pass
    with stopwatch.running():
        pass
    assert stopwatch.joules == pytest.approx(2.0 + 0.5 + 0.25)


def test_a_part_that_is_not_known_leaves_the_sum_unknown():
    stopwatch = watch(Nvml([0, 1_000, 3_000, 4_000]))
    for _ in range(2):
        with stopwatch.running():
            pass
    assert stopwatch.joules is None


def test_a_training_taken_up_where_nobody_counts_is_not_known():
    stopwatch = watch(Nvml())
    stopwatch.joules = 12.0
    with stopwatch.running():
        pass
    assert stopwatch.joules is None


def test_processor_seconds_leave_out_sleep_and_hold_work():
    import time  # noqa: PLC0415

    stopwatch = watch(Nvml())
    with stopwatch.running():
        time.sleep(0.1)
    slept = stopwatch.cpu_s
    with stopwatch.running():
        began = time.process_time()
        while time.process_time() - began < 0.05:
            pass
    assert slept < 0.05 <= stopwatch.cpu_s < 0.15
    stopwatch.cpu_s = None
    with stopwatch.running():
        pass
    assert stopwatch.cpu_s is None
