"""The size of the encoder: the same for every model of a comparison."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from hydrarec.config.base import ConfigModel, Count


class EncoderConfig(ConfigModel):
    """Size of the encoder, the same for every model of a comparison."""

    d_model: Count = 64
    """Width D of item embeddings and hidden states."""
    n_layers: Count = 2
    """Number of blocks."""
    n_heads: Count = 1
    """Heads of the operators that have heads; divides d_model."""
    d_ff: Count | None = None
    """Inner width of the feed-forward part; null: the model's own (sasrec: D; bert4rec, fmlp, lru, ssd: 4 D). Other
    models have none."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Dropout, where the model has it: of embeddings and residual branches, in some models inside these as well."""
    max_length: Count = 200
    """Positions T the model sees: the newest items of a history (and the mask token where there is one)."""

    @model_validator(mode="after")
    def _heads_divide_width(self) -> Self:
        if self.d_model % self.n_heads:
            raise ValueError(f"d_model {self.d_model} is not a multiple of n_heads {self.n_heads}")
        return self
