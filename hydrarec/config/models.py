"""Models (block layouts) and their size. The code of `kind: x` is `hydrarec/models/x.py`."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from hydrarec.config.base import AnyKind, Block, Mixer


class ModelConfig(Mixer):
    """A sequence model."""

    room: ClassVar[str] = "models"
    takes_attention: ClassVar[bool] = True
    """Whether the model is built around an attention operator."""


class SasrecModelConfig(ModelConfig):
    """Pre-norm blocks with ReLU and scaled item embeddings (Kang & McAuley 2018, section III)."""

    kind: Literal["sasrec"] = "sasrec"


class Bert4recModelConfig(ModelConfig):
    """Post-norm blocks with GELU and an output layer with bias (Sun et al. 2019, section 3)."""

    kind: Literal["bert4rec"] = "bert4rec"


class Gru4recModelConfig(ModelConfig):
    """Gated recurrent units (Hidasi et al. 2016, section 3), `n_layers` of width `d_model`."""

    kind: Literal["gru4rec"] = "gru4rec"
    takes_attention: ClassVar[bool] = False
    no_bidirectional_form: ClassVar[str] = "a recurrence runs from the oldest item to the newest"


Model = Annotated[ModelConfig, AnyKind()]


class EncoderConfig(Block):
    """Size of the encoder, the same for every model of a comparison."""

    d_model: Annotated[int, Field(ge=1)] = 64
    """Width D of item embeddings and hidden states."""
    n_layers: Annotated[int, Field(ge=1)] = 2
    """Number of blocks."""
    n_heads: Annotated[int, Field(ge=1)] = 1
    """Heads of the operators that have heads; divides d_model."""
    d_ff: Annotated[int, Field(ge=1)] | None = None
    """Inner width of the feed-forward part; null: the model's own (sasrec: D, bert4rec: 4 D)."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Dropout of embeddings and residual branches."""
    max_length: Annotated[int, Field(ge=1)] = 200
    """Positions T the model sees: the newest items of a history (and the mask token where there is one)."""

    @model_validator(mode="after")
    def _heads_divide_width(self) -> Self:
        if self.d_model % self.n_heads:
            raise ValueError(f"d_model {self.d_model} is not a multiple of n_heads {self.n_heads}")
        return self
