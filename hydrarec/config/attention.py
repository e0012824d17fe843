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
    formula: ClassVar[str] = "softmax(Q Kᵀ / √d) V per head"
    time: ClassVar[str] = "T² D"
    memory: ClassVar[str] = "T H"
    source: ClassVar[str] = "Vaswani et al. 2017, arXiv 1706.03762"
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of attention weights dropped in training. Above 0 the fused CPU kernel cannot be used."""


class HydraAttentionConfig(AttentionConfig):
    """Hydra attention: cosine kernel, as many heads as features (Bolya et al. 2022, eq. 5-7)."""

    kind: Literal["hydra"] = "hydra"
    formula: ClassVar[str] = "φ(q_t) ⊙ Σ φ(k_s) ⊙ v_s, φ: L2 over all D"
    time: ClassVar[str] = "T D"
    memory: ClassVar[str] = "T D"
    source: ClassVar[str] = "Bolya et al. 2022, arXiv 2209.07484"
    eps: Annotated[float, Field(gt=0, le=1e-3)] = 1e-6
    """Smallest norm a query or key is divided by."""


class LinearAttentionConfig(AttentionConfig):
    """Linear attention with the feature map elu + 1 (Katharopoulos et al. 2020, eq. 7 and 9)."""

    kind: Literal["linear"] = "linear"
    formula: ClassVar[str] = "φ(q_t)ᵀ Σ φ(k_s) v_sᵀ / φ(q_t)ᵀ Σ φ(k_s), φ = elu + 1"
    time: ClassVar[str] = "T D² / H"
    memory: ClassVar[str] = "T D"
    source: ClassVar[str] = "Katharopoulos et al. 2020, arXiv 2006.16236"
    eps: Annotated[float, Field(gt=0, le=1e-3)] = 1e-6
    """Added to the sum of the weights before dividing by it."""


class LinrecAttentionConfig(AttentionConfig):
    """LinRec's attention: L2-normalised elu features, no denominator (Liu et al. 2023)."""

    kind: Literal["linrec"] = "linrec"
    formula: ClassVar[str] = "r(elu q_t)ᵀ Σ r(elu k_s) v_sᵀ / √d, r: L2 per token and head"
    time: ClassVar[str] = "T D² / H"
    memory: ClassVar[str] = "T D"
    source: ClassVar[str] = "Liu et al. 2023, arXiv 2411.01537"
    eps: Annotated[float, Field(gt=0, le=1e-3)] = 1e-6
    """Smallest norm the features of a query or key are divided by."""


Attention = Annotated[AttentionConfig, AnyKind()]
