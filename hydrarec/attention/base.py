"""What every attention operator is: queries, keys and values in, mixed values out.

The projections before and after belong to the model (`hydrarec/models/blocks.py`), so that operators
differ in nothing but how they mix.
"""

from abc import ABC, abstractmethod

from jaxtyping import Float
from torch import Tensor, nn

from hydrarec.config.attention import AttentionConfig
from hydrarec.sequences.visibility import Visibility


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

    def __init__(self, config: AttentionConfig, *, d_model: int, n_heads: int, max_length: int) -> None:
        super().__init__()
        self.config = config
        self.d_model = d_model
        self.n_heads = n_heads
        self.max_length = max_length

    @abstractmethod
    def forward(
        self, q: Float[Tensor, "B T D"], k: Float[Tensor, "B T D"], v: Float[Tensor, "B T D"], visibility: Visibility
    ) -> Float[Tensor, "B T D"]:
        """Mix values.

        Parameters
        ----------
        q, k, v
            Queries, keys and values.
        visibility
            Who may see whom. Outputs at padded positions are never read, but are finite.
        """
