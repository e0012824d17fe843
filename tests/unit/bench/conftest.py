"""One thread for all benchmarks' tests: tensors are tiny, and more threads would only wait for each other."""

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    torch.set_num_threads(1)
