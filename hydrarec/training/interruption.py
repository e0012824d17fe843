"""Signals: a training that is asked to stop saves where it stands first.

Schedulers send SIGTERM when a job is cancelled or out of time, and SIGUSR1 before, where they are asked to
(Slurm's `--signal`).
"""

import logging
import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

log = logging.getLogger(__name__)

STOP = (signal.SIGTERM, signal.SIGINT)
"""Signals after which the state is saved and the process ends."""
SAVE = (signal.SIGUSR1,)
"""Signals after which the state is saved and training goes on."""


def ignore_requests_to_save() -> None:
    """Let requests to save pass until an `Interruption` takes them: before the first batch there is nothing to save.

    Unhandled, such a signal would end the process.
    """
    for number in SAVE:
        signal.signal(number, signal.SIG_IGN)


class Interruption:
    """Takes signals while a `with` block runs; they are answered between two batches, when `answer` is called."""

    def __init__(self) -> None:
        self._asked: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Interruption":
        """Take the signals over."""
        self._before = {number: signal.signal(number, self._note) for number in (*STOP, *SAVE)}
        return self

    def __exit__(self, *_: object) -> None:
        """Give the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def answer(self, save: Callable[[], None]) -> None:
        """Do what was asked since the last call, if anything was.

        Parameters
        ----------
        save
            Saves the state.

        Raises
        ------
        SystemExit
            After saving, with the shell's status for the signal, if the process was asked to stop.
        """
        number, self._asked = self._asked, None
        if number is None:
            return
        save()
        log.info("%s: the state is saved", signal.Signals(number).name)
        if number in STOP:
            raise SystemExit(128 + number)

    def _note(self, number: int, frame: FrameType | None) -> None:
        # A request to stop is not forgotten for a later one to save.
        if self._asked not in STOP:
            self._asked = number
