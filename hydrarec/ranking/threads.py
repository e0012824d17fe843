"""Parts of a batch in threads of their own, one core each.

Ranking a tile is a dozen short operations. Divided among the threads of PyTorch, each of them ends with the threads
waiting for the slowest, which on a busy machine takes longer than the work. Here a thread has a part to itself.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeAlias

import torch

Submit: TypeAlias = Callable[..., Future[Any]]
"""Has a function called with what follows it, and returns what will hold the result."""


@contextmanager
def threads_of_one_core(n_threads: int) -> Iterator[Submit]:
    """Start threads whose PyTorch operations use one core, and give what calls a function in them.

    Parameters
    ----------
    n_threads
        How many; with one, nothing is started, and functions are called at once.
    """
    if n_threads == 1:
        yield _called
        return
    own = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(n_threads, initializer=torch.set_num_threads, initargs=(1,)) as threads:
            yield threads.submit
    finally:
        # A thread sets its own number and that of all threads to come.
        torch.set_num_threads(own)


def _called(work: Callable[..., Any], /, *arguments: Any) -> Future[Any]:
    result: Future[Any] = Future()
    result.set_result(work(*arguments))
    return result
