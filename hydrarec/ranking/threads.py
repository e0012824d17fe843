"""Parts of a batch in threads of their own, one core each.

Ranking a block is a dozen short operations. Divided among the threads of PyTorch, each of them ends with the threads
waiting for the slowest, which on a busy machine takes longer than the work. Here threads wait once for a whole batch.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeAlias

import torch

Map: TypeAlias = Callable[..., Iterable]
"""`map`, or one that does the same in several threads."""


@contextmanager
def threads_of_one_core(n_threads: int) -> Iterator[Map]:
    """Start threads whose PyTorch operations use one core, and give what calls a function in them.

    Parameters
    ----------
    n_threads
        How many; with one, nothing is started.
    """
    if n_threads == 1:
        yield map
        return
    own = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(n_threads, initializer=torch.set_num_threads, initargs=(1,)) as threads:
            yield threads.map
    finally:
        # A thread sets its own number and that of all threads to come.
        torch.set_num_threads(own)
