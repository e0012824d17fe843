"""Threads of one core each do what they are given, and leave PyTorch as it was."""

from threading import Barrier, Thread, get_ident

import pytest
import torch

from hydrarec.ranking.threads import threads_of_one_core


def threads_of_a_new_thread():
    found = []
    thread = Thread(target=lambda: found.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    return found[0]


@pytest.fixture
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def test_each_has_one_core_and_a_thread_of_its_own(three_threads):
    together = Barrier(2, timeout=20)

    def look(number):
        # Passed only where both run at once.
        together.wait()
        return number, torch.get_num_threads(), get_ident()

    with threads_of_one_core(2) as submit:
        found = [result.result() for result in [submit(look, 5), submit(look, 6)]]
        assert torch.get_num_threads() == 3
    assert [(number, cores) for number, cores, _ in found] == [(5, 1), (6, 1)]
    assert len({thread for *_, thread in found} | {get_ident()}) == 3


def test_threads_to_come_have_as_many_cores_as_before(three_threads):
    with pytest.raises(ZeroDivisionError), threads_of_one_core(2) as submit:
        submit(lambda number: 1 // number, 0).result()
    assert torch.get_num_threads() == 3
    assert threads_of_a_new_thread() == 3


def test_one_thread_is_this_one():
    with threads_of_one_core(1) as submit:
        assert submit(get_ident).result() == get_ident()
