"""Bars do not stand in each other's way."""

import os
import signal
import threading

from tqdm import tqdm

from hydrarec.progress import bar


def test_a_process_killed_in_the_midst_of_a_bar_holds_up_no_other():
    lock = tqdm.get_lock()
    child = os.fork()
    if not child:
        lock.acquire()
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    other = threading.Thread(target=lambda: list(bar(range(3), what="numbers", unit="number")), daemon=True)
    other.start()
    other.join(timeout=20)
    assert not other.is_alive()
