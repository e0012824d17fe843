"""Parts that transformer layouts are built from."""

from jaxtyping import Float
from torch import Tensor, nn

from hydrarec.attention.base import AttentionOperator
from hydrarec.config.attention import AttentionConfig
from hydrarec.config.encoder import EncoderConfig
from hydrarec.sequences.visibility import Visibility


class AttentionLayer(nn.Module):
    """Projections around an attention operator: the same for every operator.

    Parameters
    ----------
    attention
        The operator.
    encoder
        Width, heads and length.
    """

    def __init__(self, attention: AttentionConfig, encoder: EncoderConfig) -> None:
        super().__init__()
        d_model = encoder.d_model
        self.query = nn.Linear(d_model, d_model)
        self.key_value = nn.Linear(d_model, 2 * d_model)
        self.operator: AttentionOperator = attention.implementation()(
            attention, d_model=d_model, n_heads=encoder.n_heads, max_length=encoder.max_length
        )
        self.output = nn.Linear(d_model, d_model)

    def forward(
        self, queries: Float[Tensor, "B T D"], memory: Float[Tensor, "B T D"], visibility: Visibility
    ) -> Float[Tensor, "B T D"]:
        """Let every position of `queries` gather from the positions of `memory` that it may see."""
        k, v = self.key_value(memory).chunk(2, dim=-1)
        return self.output(self.operator(self.query(queries), k, v, visibility))


class FeedForward(nn.Sequential):
    """Two linear layers, applied to each position by itself.

    Parameters
    ----------
    d_model
        Width outside.
    d_ff
        Width inside.
    activation
        What stands between.
    dropout
        Dropout after the activation.
    """

    def __init__(self, d_model: int, d_ff: int, activation: nn.Module, dropout: float) -> None:
        super().__init__(nn.Linear(d_model, d_ff), activation, nn.Dropout(dropout), nn.Linear(d_ff, d_model))
