"""Fixtures that every test may use."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

# Tensors are tiny here, and more threads would only wait for each other. Before anything imports torch.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

if not torch.cuda.is_available():
    # Kernels are run by Triton's interpreter then. Read when Triton is imported, which PyTorch's compiler does too.
    os.environ["TRITON_INTERPRET"] = "1"

# How long an example takes is a matter of what else the machine does.
settings.register_profile("without deadlines", deadline=None)
settings.load_profile("without deadlines")

ROOT = Path(__file__).parents[1]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put workflows first, then trainings: begun last, the longest modules would have one worker to themselves."""
    first = [ROOT / "tests/workflow", ROOT / "tests/unit/training"]
    items.sort(key=lambda item: next((i for i, folder in enumerate(first) if folder in item.path.parents), len(first)))


@pytest.fixture(scope="session")
def mirror() -> Path:
    """Folder with the raw data sets, which may not be redistributed; tests that need it skip without it."""
    folder = Path(os.environ.get("HYDRAREC_MIRROR") or ROOT.parent / "shared" / "data" / "mirror")
    if not folder.is_dir():
        pytest.skip(f"the raw data sets are not at {folder}; set HYDRAREC_MIRROR to a folder that holds them")
    return folder


@pytest.fixture(autouse=True)
def _one_thread():
    """Take back the number of threads that a test's training or ranking asked for."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
