"""What a user is told of errors that no code of this package raises."""

import pytest
import torch
from typer import BadParameter
from typer.testing import CliRunner

from hydrarec.cli import app
from hydrarec.cli.message import message_of


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory: you tried 9 bytes"
        ),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."),
    ],
)
def test_memory_that_does_not_suffice_is_no_defect(error):
    said = message_of(error)
    assert said.startswith("not enough memory")
    assert "run it where there is more" in said
    assert "foresaw" not in said


def test_what_nobody_foresaw_is_said_to_be():
    try:
        raise RuntimeError("odd")
    except RuntimeError as error:
        assert "Nobody foresaw this, at " in message_of(error)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["schema", "x"], "'of': 'x' is not one of 'config', 'hypotheses'."),
        (["efficiency", "x"], "'what': 'x' is not one of 'operators', 'blocks', 'steps', 'inference', 'summary'."),
        (["bench", "--device", "x"], "'--device': 'x' is not one of 'auto', 'cpu', 'cuda'."),
        (["split", "--protocol", "x"], "'--protocol': 'x' is not one of 'loo', 'gts'."),
        (["candidates", "x"], "'kind': 'x' is not one of 'uniform-100', 'popularity-100'."),
    ],
)
def test_a_choice_that_there_is_not(words, said):
    with pytest.raises(BadParameter) as raised:
        CliRunner().invoke(app, words, standalone_mode=False, catch_exceptions=False)
    assert said in message_of(raised.value)
