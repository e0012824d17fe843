"""What is measured about speed and memory apart from the runs, and how often."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from hydrarec.config.base import ConfigModel, Count, each_once
from hydrarec.config.training import Device

Part = Literal["operators", "blocks", "steps", "inference"]
ON_DATA: tuple[Part, ...] = ("steps", "inference")
"""Parts that are measured with the data, the sizes and the trainings of the runs; the others have their own sizes."""
NO_MIXING = "no mixing"
"""In tables, a model whose operator does nothing, which no operator can be faster than."""
ALONE = "alone"
"""In tables, the layout of an operator without a block around it."""
Size = Count


class EfficiencyConfig(ConfigModel):
    """Measurements in interleaved rounds, one job for each part and device, which has the machine to itself."""

    parts: Annotated[list[Part], Field(min_length=1)] = ["operators", "blocks", "steps", "inference"]
    """Operators alone; encoder blocks around them; whole training steps and inference of the trained runs."""
    devices: Annotated[list[Device], Field(min_length=1)] = ["auto"]
    """Where it is measured; auto takes the GPU where there is one."""
    threads: Count = 1
    """CPU threads."""
    rounds: Annotated[int, Field(ge=5)] = 20
    """Measured rounds; everything of a part is timed once in each of them. Of fewer than five there is no interval."""
    warm_up: Count = 3
    """Repetitions before the first round, which are not kept: caches fill, kernels compile."""
    lengths: list[Size] = [64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384]
    """Positions T at which operators and blocks are measured at width `d_model`."""
    d_model: Size = 64
    """Width D of the measurements over `lengths`."""
    widths: list[Size] = [32, 64, 128, 256, 512, 1024, 2048]
    """Widths D at which operators and blocks are measured at length `length`; heads keep the encoder's width."""
    length: Size = 512
    """Positions T of the measurements over `widths`."""
    fit_from: Count = 256
    """Shortest T that counts when a power of T is fitted; shorter sequences measure overhead."""
    elements: Size | None = None
    """Numbers in a batch, B x T x D, as far as one sequence has no more; null: 2^20 on a CPU, 2^24 on a GPU."""
    longest_s: Annotated[float, Field(gt=0)] = 10.0
    """A size at which one repetition takes longer is skipped, and so are those beyond; the reason is kept."""
    memory_mib: Annotated[float, Field(gt=0)] = 8192.0
    """A size at which one repetition needs more memory is skipped likewise."""

    _once = field_validator("parts", "devices", "lengths", "widths")(each_once)
