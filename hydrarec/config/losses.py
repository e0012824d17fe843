"""Losses: scores and targets to a number. The code of `kind: x` is `hydrarec/losses/x.py`."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from hydrarec.config.base import AnyKind, Count, KindConfigModel


class LossConfig(KindConfigModel):
    """A training loss."""

    room: ClassVar[str] = "losses"


class CrossEntropyLossConfig(LossConfig):
    """Softmax over the whole catalogue."""

    kind: Literal["cross_entropy"] = "cross_entropy"


class SampledSoftmaxLossConfig(LossConfig):
    """Softmax over the target and uniformly drawn negatives."""

    kind: Literal["sampled_softmax"] = "sampled_softmax"
    n_negatives: Count = 256
    """Negatives drawn for each target."""


class BinaryCrossEntropyLossConfig(LossConfig):
    """Target against uniformly drawn negatives, each a yes-no question (SASRec; gBCE with calibration > 0)."""

    kind: Literal["binary_cross_entropy"] = "binary_cross_entropy"
    n_negatives: Count = 1
    """Negatives drawn for each target."""
    calibration: Annotated[float, Field(ge=0, le=1)] = 0.0
    """gBCE's t (Petrov & Macdonald 2023, eq. 22): 0 is plain BCE, 1 removes all overconfidence."""


Loss = Annotated[LossConfig, AnyKind()]
