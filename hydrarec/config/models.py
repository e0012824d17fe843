"""Models: block layouts, and models without an attention operator. The code of `kind: x` is `hydrarec/models/x.py`."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from hydrarec.config.base import AnyKind, Count
from hydrarec.config.encoder import EncoderConfig
from hydrarec.config.mixer import Mixer


class ModelConfig(Mixer):
    """A sequence model."""

    room: ClassVar[str] = "models"
    takes_attention: ClassVar[bool] = True
    """Whether the model is built around an attention operator."""
    not_compiled: ClassVar[str] = ""
    """Why PyTorch's compiler leaves it as it is; empty if it does not."""
    d_ff_factor: ClassVar[int] = 0
    """Inner width of the feed-forward part, in multiples of D, unless `encoder.d_ff` says otherwise; 0: it has none."""

    @property
    def takes_timestamps(self) -> bool:
        """Whether the model must be told when events happened."""
        return False


class SasrecModelConfig(ModelConfig):
    """Pre-norm blocks with ReLU and scaled item embeddings (Kang & McAuley 2018, section III)."""

    kind: Literal["sasrec"] = "sasrec"
    d_ff_factor: ClassVar[int] = 1


class Bert4recModelConfig(ModelConfig):
    """Post-norm blocks with GELU and an output layer with bias (Sun et al. 2019, section 3)."""

    kind: Literal["bert4rec"] = "bert4rec"
    d_ff_factor: ClassVar[int] = 4


class Gru4recModelConfig(ModelConfig):
    """Gated recurrent units (Hidasi et al. 2016, section 3), `n_layers` of width `d_model`."""

    kind: Literal["gru4rec"] = "gru4rec"
    takes_attention: ClassVar[bool] = False
    formula: ClassVar[str] = "h_t = z_t ⊙ h_{t-1} + (1 - z_t) ⊙ tanh(W x_t + r_t ⊙ U h_{t-1})"
    time: ClassVar[str] = "T D²"
    memory: ClassVar[str] = "T D"
    source: ClassVar[str] = "Hidasi et al. 2016, arXiv 1511.06939"
    not_compiled: ClassVar[str] = "PyTorch's compiler does not look into recurrent layers"
    no_bidirectional_form: ClassVar[str] = "a recurrence runs from the oldest item to the newest"


class FmlpModelConfig(ModelConfig):
    """FMLP-Rec: filters learnt in the frequency domain (Zhou et al. 2022, eq. 3-9)."""

    kind: Literal["fmlp"] = "fmlp"
    d_ff_factor: ClassVar[int] = 4
    takes_attention: ClassVar[bool] = False
    formula: ClassVar[str] = "irfft(W ⊙ rfft(x)); causal Σ w_{t-s} ⊙ x_s, w = irfft(W)"
    time: ClassVar[str] = "T² D, bidirectional T log T D"
    memory: ClassVar[str] = "T² D, bidirectional T D"
    source: ClassVar[str] = "Zhou et al. 2022, arXiv 2202.13556"


class LruModelConfig(ModelConfig):
    """LRURec: diagonal linear recurrences with complex eigenvalues (Yue et al. 2024)."""

    kind: Literal["lru"] = "lru"
    d_ff_factor: ClassVar[int] = 4
    takes_attention: ClassVar[bool] = False
    formula: ClassVar[str] = "Re(C Σ λ^{t-s} ⊙ B x_s), λ complex"
    time: ClassVar[str] = "T D²"
    memory: ClassVar[str] = "T D"
    source: ClassVar[str] = "Yue et al. 2024, arXiv 2310.02367"
    no_bidirectional_form: ClassVar[str] = "a recurrence runs from the oldest item to the newest"
    r_min: Annotated[float, Field(gt=0, lt=1)] = 0.8
    """Smallest absolute value of the first eigenvalues; the authors' value."""
    r_max: Annotated[float, Field(gt=0, lt=1)] = 0.99
    """Largest absolute value of the first eigenvalues; the authors' value."""
    max_phase: Annotated[float, Field(gt=0, le=6.2832)] = 6.2832
    """Largest phase of the first eigenvalues in radians; the authors': a full turn."""

    @model_validator(mode="after")
    def _ring_has_a_width(self) -> Self:
        if self.r_min >= self.r_max:
            raise ValueError(f"r_min {self.r_min} is not below r_max {self.r_max}")
        return self


class SsdModelConfig(ModelConfig):
    """Mamba-2, a state-space model with one decay per head and position (Dao & Gu 2024, sections 6 and 7)."""

    kind: Literal["ssd"] = "ssd"
    d_ff_factor: ClassVar[int] = 4
    formula: ClassVar[str] = "C_tᵀ h_t + D x_t, h_t = exp(Δ_t A) h_{t-1} + Δ_t B_t x_tᵀ per head"
    time: ClassVar[str] = "T D N"
    memory: ClassVar[str] = "T D"
    source: ClassVar[str] = "Dao and Gu 2024, arXiv 2405.21060"
    takes_attention: ClassVar[bool] = False
    no_bidirectional_form: ClassVar[str] = "a recurrence runs from the oldest item to the newest"
    d_state: Count = 32
    """Size N of the state of each feature."""
    expand: Count = 2
    """Width inside the mixer, in multiples of d_model."""
    d_head: Count = 32
    """Features that share a decay; divides expand times d_model."""
    d_conv: Count = 4
    """Positions that the short convolution sees: itself and those before."""

    def why_unfit(self, encoder: EncoderConfig) -> str | None:
        """Return why it cannot be built in an encoder of this size; see `Mixer.why_unfit`."""
        inner = self.expand * encoder.d_model
        return f"d_head {self.d_head} does not divide expand * d_model = {inner}" if inner % self.d_head else None


class HstuModelConfig(ModelConfig):
    """Pointwise attention with a gate in place of a feed-forward part (Zhai et al. 2024, eq. 1-3)."""

    kind: Literal["hstu"] = "hstu"
    formula: ClassVar[str] = "norm(Σ silu(q_tᵀ k_s + r_{t-s} + r_{time}) v_s / T) ⊙ u_t per head"
    time: ClassVar[str] = "T² D"
    memory: ClassVar[str] = "T² H"
    source: ClassVar[str] = "Zhai et al. 2024, arXiv 2402.17152"
    takes_attention: ClassVar[bool] = False
    timestamps: bool = False
    """Whether the time between two events weighs too; needs data with timestamps."""

    @property
    def takes_timestamps(self) -> bool:
        """Whether the model must be told when events happened."""
        return self.timestamps


class CaserModelConfig(ModelConfig):
    """Caser: horizontal and vertical convolutions over the newest items (Tang & Wang 2018, section 3)."""

    kind: Literal["caser"] = "caser"
    takes_attention: ClassVar[bool] = False
    formula: ClassVar[str] = "relu(W [max_i relu(E_{i:i+h-1} * F_h); G E]), E: the newest L items"
    time: ClassVar[str] = "T L² D, and T D² for W"
    memory: ClassVar[str] = "T L D"
    source: ClassVar[str] = "Tang & Wang 2018, arXiv 1809.07426"
    no_bidirectional_form: ClassVar[str] = "its windows end at the position they predict from"
    window: Count = 5
    """Newest items L that a hidden state is computed from; the authors' value."""
    n_horizontal: Count = 16
    """Horizontal filters of each height 1 to L; the authors' value."""
    n_vertical: Count = 4
    """Vertical filters; the authors' value."""


Model = Annotated[ModelConfig, AnyKind()]
