"""Whether something that was timed had the machine to itself.

Two signs. The **load average** counts who runs or wants to run: above one a core, some wait. The **busy share**,
processor seconds over seconds by the clock and threads, says how much of its time a process ran; with one thread it is
all of it but for the waiting. With several threads it is lower on the quietest machine, since not every step can be
divided, so there it is shown and proves nothing.
"""

import os

LEAST_BUSY = 0.9
"""Busy share below which a process with one thread has waited for its core."""
MOST_LOAD = 1.1
"""Load average for each core above which somebody had to wait; a machine in full use by one process is at 1."""


def load_average() -> float | None:
    """Return the machine's load average over the last minute; None where the system keeps none."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def busy_share(wall_s: float | None, cpu_s: float | None, threads: int | None) -> float | None:
    """Return the share of its threads' time that a process ran; None if it is not known.

    >>> busy_share(100.0, 30.0, threads=1)
    0.3
    """
    return cpu_s / (wall_s * threads) if wall_s and cpu_s is not None and threads else None


def contention(
    *,
    device: str,
    threads: int | None,
    wall_s: float | None,
    cpu_s: float | None,
    load: float | None,
    cores: int | None,
) -> str | None:
    """Say by what signs the machine was shared; None if by none, or if nothing was recorded.

    Parameters
    ----------
    device
        `cpu`, or the GPU's name: a process that waits for a GPU is busy or not as the driver likes.
    threads
        CPU threads of the process.
    wall_s, cpu_s
        What it took by the clock, and processor seconds of all its threads.
    load
        Load average of the machine meanwhile.
    cores
        The machine's cores.

    Examples
    --------
    >>> contention(device="cpu", threads=1, wall_s=3320.0, cpu_s=1183.0, load=35.6, cores=2)
    'a load of 35.6 on 2 cores, and the process ran 36 % of its time'
    """
    signs = []
    if load is not None and cores and load > MOST_LOAD * cores:
        signs.append(f"a load of {load:.1f} on {cores} cores")
    share = busy_share(wall_s, cpu_s, threads)
    if device == "cpu" and threads == 1 and share is not None and share < LEAST_BUSY:
        signs.append(f"the process ran {100 * share:.0f} % of its time")
    return ", and ".join(signs) or None
