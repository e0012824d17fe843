"""Attention operators: which there are and what can be set. The code of `kind: x` is `hydrarec/attention/x.py`."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from hydrarec.config.base import AnyKind, KindBlock


class AttentionConfig(KindBlock):
    """An attention operator."""

    room: ClassVar[str] = "attention"
    no_causal_form: ClassVar[str] = ""
    """Why the operator cannot be masked causally; empty if it can."""


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


Attention = Annotated[AttentionConfig, AnyKind()]
