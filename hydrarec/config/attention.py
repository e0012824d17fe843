"""Attention operators: which there are and what can be set. The code of `kind: x` is `hydrarec/attention/x.py`."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from hydrarec.config.base import AnyKind, Mixer


class AttentionConfig(Mixer):
    """An attention operator."""

    room: ClassVar[str] = "attention"


class SoftmaxAttentionConfig(AttentionConfig):
    """Scaled dot-product attention (Vaswani et al. 2017, eq. 1)."""

    kind: Literal["softmax"] = "softmax"
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of attention weights dropped in training. Above 0 the fused CPU kernel cannot be used."""


class HydraAttentionConfig(AttentionConfig):
    """Hydra attention: cosine kernel, as many heads as features (Bolya et al. 2022, eq. 5-7)."""

    kind: Literal["hydra"] = "hydra"
    eps: Annotated[float, Field(gt=0, le=1e-3)] = 1e-6
    """Smallest norm a query or key is divided by."""


class LinearAttentionConfig(AttentionConfig):
    """Linear attention with the feature map elu + 1 (Katharopoulos et al. 2020, eq. 7 and 9)."""

    kind: Literal["linear"] = "linear"
    eps: Annotated[float, Field(gt=0, le=1e-3)] = 1e-6
    """Added to the sum of the weights before dividing by it."""


class LinrecAttentionConfig(AttentionConfig):
    """LinRec's attention: L2-normalised elu features, no denominator (Liu et al. 2023)."""

    kind: Literal["linrec"] = "linrec"
    eps: Annotated[float, Field(gt=0, le=1e-3)] = 1e-6
    """Smallest norm the features of a query or key are divided by."""


Attention = Annotated[AttentionConfig, AnyKind()]
