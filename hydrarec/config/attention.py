"""Attention operators: which there are and what can be set. The code of `kind: x` is `hydrarec/attention/x.py`."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from hydrarec.config.base import AnyKind, Count
from hydrarec.config.encoder import EncoderConfig
from hydrarec.config.mixer import Mixer


class AttentionConfig(Mixer):
    """An attention operator."""

    room: ClassVar[str] = "attention"
    last_n_layers: Count | None = None
    """Only so many of the last layers use the operator, the others softmax; null: all layers use it."""

    def why_unfit(self, encoder: EncoderConfig) -> str | None:
        """Return why it cannot be built in an encoder of this size; see `Mixer.why_unfit`."""
        if self.last_n_layers is not None and self.last_n_layers > encoder.n_layers:
            return f"last_n_layers is {self.last_n_layers}, but n_layers is {encoder.n_layers}"
        return None


class SoftmaxAttentionConfig(AttentionConfig):
    """Scaled dot-product attention (Vaswani et al. 2017, eq. 1)."""

    kind: Literal["softmax"] = "softmax"
    formula: ClassVar[str] = "softmax(Q Kᵀ / √d) V per head"
    time: ClassVar[str] = "T² D"
    memory: ClassVar[str] = "T H"
    source: ClassVar[str] = "Vaswani et al. 2017, arXiv 1706.03762"
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of attention weights dropped in training. Above 0 the fused CPU kernel cannot be used."""
    backend: Literal["fused", "math"] = "fused"
    """The fused kernel, or matrix products and a softmax one after the other, with all T x T weights stored."""


class HydraAttentionConfig(AttentionConfig):
    """Hydra attention: as many heads as features (Bolya et al. 2022, eq. 5-7)."""

    kind: Literal["hydra"] = "hydra"
    formula: ClassVar[str] = "φ(q_t) ⊙ Σ φ(k_s) ⊙ v_s, φ: L2 over all D"
    time: ClassVar[str] = "T D"
    memory: ClassVar[str] = "T"
    source: ClassVar[str] = "Bolya et al. 2022, arXiv 2209.07484"
    eps: Annotated[float, Field(gt=0, le=1e-3)] = 1e-6
    """Smallest norm a query or key is divided by."""
    kernel: Literal["cosine", "tanh", "mean", "softmax"] = "cosine"
    """Features phi: x / |x|, tanh(x), x with the mean over the visible positions in place of the sum, or the softmax
    over the D features of a token."""
    length_scaling: Literal["none", "inverse", "learned"] = "none"
    """What the sum over t visible positions is divided by: 1, t, or t^sigmoid(a) with a learned a per layer."""

    @model_validator(mode="after")
    def _scaled_once(self) -> Self:
        if self.kernel == "mean" and self.length_scaling != "none":
            raise ValueError("kernel mean divides by the length already; allowed with it: length_scaling none")
        return self


class CosineAttentionConfig(AttentionConfig):
    """Hydra's cosine kernel with any number of heads (Bolya et al. 2022)."""

    kind: Literal["cosine"] = "cosine"
    formula: ClassVar[str] = "φ(q_t)ᵀ Σ φ(k_s) v_sᵀ per head, φ: L2 over all D; H = D is hydra"
    time: ClassVar[str] = "T D² / H"
    memory: ClassVar[str] = "T D"
    source: ClassVar[str] = "Bolya et al. 2022, arXiv 2209.07484"
    n_heads: Count | None = None
    """Heads; null: as many as the encoder has."""
    eps: Annotated[float, Field(gt=0, le=1e-3)] = 1e-6
    """Smallest norm a query or key is divided by."""

    def why_unfit(self, encoder: EncoderConfig) -> str | None:
        """Return why it cannot be built in an encoder of this size; see `Mixer.why_unfit`."""
        if self.n_heads is not None and encoder.d_model % self.n_heads:
            return f"n_heads {self.n_heads} does not divide d_model {encoder.d_model}"
        return super().why_unfit(encoder)


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


class CottentionAttentionConfig(AttentionConfig):
    """Cosine attention divided by a learned power of the length (Mongaras et al. 2024)."""

    kind: Literal["cottention"] = "cottention"
    formula: ClassVar[str] = "r(q_t)ᵀ Σ r(k_s) v_sᵀ / t^sigmoid(m), r: L2 per token and head, m learned per head"
    time: ClassVar[str] = "T D² / H"
    memory: ClassVar[str] = "T D"
    source: ClassVar[str] = "Mongaras et al. 2024, arXiv 2409.18747"
    eps: Annotated[float, Field(gt=0, le=1e-3)] = 1e-6
    """Smallest norm the features of a query or key are divided by."""


class PerformerAttentionConfig(AttentionConfig):
    """Softmax attention estimated with positive random features, FAVOR+ (Choromanski et al. 2021, Lemma 1)."""

    kind: Literal["performer"] = "performer"
    formula: ClassVar[str] = "φ(q_t)ᵀ Σ φ(k_s) v_sᵀ / φ(q_t)ᵀ Σ φ(k_s), φ_j(x) = exp(w_jᵀx - |x|²/2), m random w_j"
    time: ClassVar[str] = "T D m"
    memory: ClassVar[str] = "T H m"
    source: ClassVar[str] = "Choromanski et al. 2021, arXiv 2009.14794"
    n_features: Count | None = None
    """Random features m per head; null: d log d, rounded, for heads of d features."""
    orthogonal: bool = True
    """Directions of up to d features are orthogonal to each other, which lowers the variance of the estimate."""
    redraw_every: Count | None = None
    """Training steps between redraws of the features; null: they stay as they were drawn."""
    eps: Annotated[float, Field(gt=0, le=1e-3)] = 1e-6
    """Added to every feature of a key."""


class EfficientAttentionConfig(AttentionConfig):
    """Efficient attention: softmax of queries over features, of keys over positions (Shen et al. 2021, eq. 4-5)."""

    kind: Literal["efficient"] = "efficient"
    formula: ClassVar[str] = "softmax_j(q_t)ᵀ Σ softmax_s(k_s) v_sᵀ"
    time: ClassVar[str] = "T D² / H"
    memory: ClassVar[str] = "T D"
    source: ClassVar[str] = "Shen et al. 2021, arXiv 1812.01243"


class LinformerAttentionConfig(AttentionConfig):
    """Linformer: softmax attention to learned mixtures of positions (Wang et al. 2020, eq. 7)."""

    kind: Literal["linformer"] = "linformer"
    formula: ClassVar[str] = "softmax(Q (E K)ᵀ / √d) F V, E and F of r rows"
    time: ClassVar[str] = "T D r"
    memory: ClassVar[str] = "T r"
    source: ClassVar[str] = "Wang et al. 2020, arXiv 2006.04768"
    no_causal_form: ClassVar[str] = "its projections E and F mix all positions before the first query is answered"
    k_projection: Count | None = None
    """Mixtures r; null: a quarter of max_length, rounded up, the paper's 128 of 512."""
    shared: bool = False
    """Values are mixed as keys are: E = F."""


class CosformerAttentionConfig(AttentionConfig):
    """cosFormer: ReLU features, weighted by a cosine of the distance (Qin et al. 2022, eq. 9-11)."""

    kind: Literal["cosformer"] = "cosformer"
    formula: ClassVar[str] = "Σ w_ts v_s / Σ w_ts, w_ts = relu(q_t)ᵀ relu(k_s) cos(π(t - s) / 2M)"
    time: ClassVar[str] = "T D² / H"
    memory: ClassVar[str] = "T D"
    source: ClassVar[str] = "Qin et al. 2022, arXiv 2202.08791"
    eps: Annotated[float, Field(gt=0, le=1e-3)] = 1e-6
    """Added to the sum of the weights before dividing by it."""


class LightsansAttentionConfig(AttentionConfig):
    """LightSANs: items attend to latent interests, positions to positions (Fan et al. 2021)."""

    kind: Literal["lightsans"] = "lightsans"
    formula: ClassVar[str] = "softmax(Q K'ᵀ / √d) V' + softmax(P_q P_kᵀ / √d) V, K' and V' of r rows, P positions"
    time: ClassVar[str] = "T D r + T² D"
    memory: ClassVar[str] = "T² H per batch"
    source: ClassVar[str] = "Fan et al. 2021, SIGIR"
    no_causal_form: ClassVar[str] = "its latent interests are means over all positions"
    k_interests: Count = 15
    """Latent interests r."""


class RetentionAttentionConfig(AttentionConfig):
    """Retention: a past that fades at a fixed rate per head (Sun et al. 2023, eq. 5-8)."""

    kind: Literal["retention"] = "retention"
    formula: ClassVar[str] = "norm(Σ g_h^|t - s| (R_t q_t)ᵀ (R_s k_s) v_s / √d), R rotates, g_h = 1 - 2^(-5-h)"
    time: ClassVar[str] = "T D² / H"
    memory: ClassVar[str] = "T D"
    source: ClassVar[str] = "Sun et al. 2023, arXiv 2307.08621"
    decay: Annotated[float, Field(gt=0, le=1)] | None = None
    """What the past keeps at every step, in all heads; null: 1 - 2^(-5 - h) in head h = 0, 1, ..."""
    rotation: bool = True
    """Pairs of features of queries and keys turn with position; heads must then have an even number of features."""
    normalise: bool = True
    """Mean and scale are taken out of each token's output per head."""
    eps: Annotated[float, Field(gt=0, le=1e-3)] = 1e-5
    """Added to the variance that an output is normalised by."""

    def why_unfit(self, encoder: EncoderConfig) -> str | None:
        """Return why it cannot be built in an encoder of this size; see `Mixer.why_unfit`."""
        d_head = encoder.d_model // encoder.n_heads
        if self.rotation and d_head % 2:
            return f"rotation turns pairs of features, and d_model / n_heads is {d_head}; it must be even"
        if self.normalise and d_head == 1:
            return "normalise makes a single feature 0, and d_model / n_heads is 1; it must be 2 or more"
        return super().why_unfit(encoder)


class GlaAttentionConfig(AttentionConfig):
    """Gated linear attention: a past that fades at rates set by each token (Yang et al. 2024, eq. 3-5)."""

    kind: Literal["gla"] = "gla"
    formula: ClassVar[str] = "norm(q_tᵀ S_t / √d), S_t = diag(g_t) S_t₋₁ + k_t v_tᵀ, g_t = sigmoid(W₂ W₁ k_t + b)^(1/τ)"
    time: ClassVar[str] = "T D² / H"
    memory: ClassVar[str] = "T D"
    source: ClassVar[str] = "Yang et al. 2024, arXiv 2312.06635"
    gate_rank: Count = 16
    """Features between the two matrices that make the gates."""
    gate_temperature: Annotated[float, Field(gt=0)] = 16.0
    """Root tau that is taken of the gates: the larger, the slower the past fades."""
    normalise: bool = True
    """Mean and scale are taken out of each token's output per head."""
    eps: Annotated[float, Field(gt=0, le=1e-3)] = 1e-5
    """Added to the variance that an output is normalised by."""

    def why_unfit(self, encoder: EncoderConfig) -> str | None:
        """Return why it cannot be built in an encoder of this size; see `Mixer.why_unfit`."""
        if self.normalise and encoder.d_model == encoder.n_heads:
            return "normalise makes a single feature 0, and d_model / n_heads is 1; it must be 2 or more"
        return super().why_unfit(encoder)


Attention = Annotated[AttentionConfig, AnyKind()]
