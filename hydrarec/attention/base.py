"""What every attention operator is: queries, keys and values in, mixed values out.

The projections before and after belong to the model (`hydrarec/models/blocks.py`), so that operators
differ in nothing but how they mix.
"""

from abc import ABC, abstractmethod
from typing import ClassVar, TypeAlias

from jaxtyping import Float
from torch import Tensor, nn

from hydrarec.config.attention import AttentionConfig, SoftmaxAttentionConfig
from hydrarec.sequences.visibility import Visibility

State: TypeAlias = tuple[Tensor, ...]
"""What an incremental operator remembers of the positions before; its size does not depend on how many they are."""


def split_heads(x: Float[Tensor, "B T D"], n_heads: int) -> Float[Tensor, "B H T d"]:
    """Give each head its features: D = H d."""
    return x.unflatten(-1, (n_heads, -1)).transpose(1, 2)


def merge_heads(x: Float[Tensor, "B H T d"]) -> Float[Tensor, "B T D"]:
    """Put the features of all heads side by side again."""
    return x.transpose(1, 2).flatten(-2)


def attention_for_layer(attention: AttentionConfig, layer: int, n_layers: int) -> AttentionConfig:
    """Return the operator of a layer, counted from 0 at the input: `attention`, or softmax before its layers begin."""
    is_before = attention.last_n_layers is not None and layer < n_layers - attention.last_n_layers
    return SoftmaxAttentionConfig() if is_before else attention


class AttentionOperator(nn.Module, ABC):
    """An attention operator.

    Parameters
    ----------
    config
        The operator's settings.
    d_model
        Width D.
    n_heads
        Heads H; divides D.
    max_length
        Largest T.
    """

    supports_query_subset: ClassVar[bool] = False
    """Whether `forward` can, bidirectionally, do without the queries of positions whose outputs nobody wants: an output
    depends on no other query, nor on where its own stands, and causally the last position gets what it would get
    bidirectionally. `q` may then have any number Q of positions, and so have the outputs."""

    def __init__(self, config: AttentionConfig, *, d_model: int, n_heads: int, max_length: int) -> None:
        super().__init__()
        self.config = config
        self.d_model = d_model
        self.n_heads = n_heads
        self.max_length = max_length

    @abstractmethod
    def forward(
        self, q: Float[Tensor, "B Q D"], k: Float[Tensor, "B T D"], v: Float[Tensor, "B T D"], visibility: Visibility
    ) -> Float[Tensor, "B Q D"]:
        """Mix values.

        Parameters
        ----------
        q, k, v
            Queries, keys and values. Q is T, but for operators with `supports_query_subset`.
        visibility
            Who may see whom. Outputs at padded positions are never read, but are finite.
        """


class IncrementalOperator(AttentionOperator):
    """An operator whose causal form takes in one position at a time, each at the same cost however long the history."""

    @abstractmethod
    def step(
        self, q: Float[Tensor, "B D"], k: Float[Tensor, "B D"], v: Float[Tensor, "B D"], state: State | None
    ) -> tuple[Float[Tensor, "B D"], State]:
        """Mix values at the next position, causally.

        Parameters
        ----------
        q, k, v
            Query, key and value of the position.
        state
            What the step before returned; None at the first position.

        Returns
        -------
        tuple
            The position's output, equal to that of `forward`, and the new state.
        """
