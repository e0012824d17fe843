"""Operators with a linear kernel, which say only what is their own: features, what is summed, how sums become outputs.

    out_t = finish(phi_q(q_t)^T sum_{s visible to t} phi_k(k_s) extend(v_s)^T)   per head

Operators whose features or divisors depend on their position, or on other ones, are not of this form.
"""

from abc import abstractmethod

from jaxtyping import Float
from torch import Tensor

from hydrarec.attention.base import IncrementalOperator, State, merge_heads, split_heads
from hydrarec.attention.parts.outer_sums import outer_step, outer_sums
from hydrarec.sequences.visibility import Visibility


class FeatureMapOperator(IncrementalOperator):
    """An operator with a linear kernel.

    Its parts see one position or all: T is there in `forward` and not in `step`.
    """

    supports_query_subset = True

    def forward(
        self, q: Float[Tensor, "B Q D"], k: Float[Tensor, "B T D"], v: Float[Tensor, "B T D"], visibility: Visibility
    ) -> Float[Tensor, "B Q D"]:
        """Mix values; see `AttentionOperator.forward`."""
        q, k, v = (split_heads(x, self.n_heads) for x in (q, k, v))
        mixed = outer_sums(self._query_features(q), self._key_features(k), self._extend(v), visibility)
        return merge_heads(self._finish(mixed)).to(v.dtype)

    def step(
        self, q: Float[Tensor, "B D"], k: Float[Tensor, "B D"], v: Float[Tensor, "B D"], state: State | None
    ) -> tuple[Float[Tensor, "B D"], State]:
        """Mix values at the next position; see `IncrementalOperator.step`."""
        q, k, v = (x.unflatten(-1, (self.n_heads, -1)) for x in (q, k, v))
        mixed, state = outer_step(self._query_features(q), self._key_features(k), self._extend(v), state)
        return self._finish(mixed).flatten(-2).to(v.dtype), state

    @abstractmethod
    def _key_features(self, k: Float[Tensor, "B H *T d"]) -> Float[Tensor, "B H *T F"]:
        """Return phi_k."""

    def _query_features(self, q: Float[Tensor, "B H *T d"]) -> Float[Tensor, "B H *T F"]:
        """Return phi_q; phi_k unless an operator says otherwise."""
        return self._key_features(q)

    def _extend(self, v: Float[Tensor, "B H *T d"]) -> Float[Tensor, "B H *T E"]:
        """Return the values with what else is to be summed; nothing unless an operator says otherwise."""
        return v

    def _finish(self, mixed: Float[Tensor, "B H *T E"]) -> Float[Tensor, "B H *T d"]:
        """Return the outputs from the mixed sums; these themselves unless an operator says otherwise."""
        return mixed
