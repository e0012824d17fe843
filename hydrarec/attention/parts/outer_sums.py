"""Sums of outer products of keys and values: what all operators with a linear kernel have in common.

    out_t = q_t^T S_t,   S_t = sum_{s visible to t} k_s v_s^T

Bidirectional, S is one matrix per sequence. Causal, positions are cut into chunks: within a chunk the products
of queries and keys are formed, between chunks the sums are handed on, so that neither T x T weights nor a matrix
per position is stored.

Source: the two associative forms are Katharopoulos et al. 2020, arXiv 2006.16236, eq. 5-6; the chunked causal form is
that of Hua et al. 2022, "Transformer quality in linear time", arXiv 2202.10447, section 3.3.
"""

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from jaxtyping import Float
from torch import Tensor

from hydrarec.attention.base import State
from hydrarec.sequences.visibility import Visibility

CHUNK = 64
"""Positions in a chunk: about as many as features in a head, where both parts cost the same."""


def outer_sums(
    q: Float[Tensor, "B H Q F"], k: Float[Tensor, "B H T F"], v: Float[Tensor, "B H T E"], visibility: Visibility
) -> Float[Tensor, "B H Q E"]:
    """Return q_t^T sum k_s v_s^T over the visible positions, in at least float32.

    Parameters
    ----------
    q, k
        Features of queries and keys; bidirectionally there may be fewer queries.
    v
        Values.
    visibility
        Who may see whom.
    """
    # The sums grow with T; a bfloat16 sum of 200 terms has lost a digit.
    precision = torch.promote_types(q.dtype, torch.float32)
    with torch.autocast(q.device.type, enabled=False):
        q, k, v = q.to(precision), k.to(precision), v.to(precision)
        if visibility.padding_mask is not None:
            k = k * visibility.padding_mask[:, None, :, None]
        return _causal(q, k, v) if visibility.causal else q @ (k.mT @ v)


def outer_step(
    q: Float[Tensor, "B H F"], k: Float[Tensor, "B H F"], v: Float[Tensor, "B H E"], state: State | None
) -> tuple[Float[Tensor, "B H E"], State]:
    """Return what the causal `outer_sums` gives at the next position, and the new sum, in at least float32."""
    precision = torch.promote_types(q.dtype, torch.float32)
    with torch.autocast(q.device.type, enabled=False):
        q, k, v = q.to(precision), k.to(precision), v.to(precision)
        total = k[..., :, None] * v[..., None, :]
        if state is not None:
            total = state[0] + total
        return (q[..., None, :] @ total).squeeze(-2), (total,)


def with_ones(v: Float[Tensor, "*batch E"]) -> Float[Tensor, "*batch E1"]:
    """Append a feature that is always 1, so that the sum of the weights comes out beside the weighted sum."""
    return F.pad(v, (0, 1), value=1.0)


def weighted_mean(mixed: Float[Tensor, "*batch E1"], eps: float) -> Float[Tensor, "*batch E"]:
    """Divide a weighted sum by the sum of its weights, which stands beside it; `eps` is added to the latter."""
    return mixed[..., :-1] / (mixed[..., -1:] + eps)


def _causal(
    q: Float[Tensor, "B H T F"], k: Float[Tensor, "B H T F"], v: Float[Tensor, "B H T E"]
) -> Float[Tensor, "B H T E"]:
    length = q.shape[2]
    if length <= CHUNK:
        return (q @ k.mT).tril() @ v
    # Compiled, never nothing, which would be a graph of its own.
    more = CHUNK - length % CHUNK if torch.compiler.is_compiling() else -length % CHUNK
    q, k, v = (F.pad(x, (0, 0, 0, more)).unflatten(2, (-1, CHUNK)) for x in (q, k, v))
    sums = (k.mT @ v).cumsum(2)
    before = F.pad(sums[:, :, :-1], (0, 0, 0, 0, 1, 0))
    mixed = (q @ k.mT).tril() @ v + q @ before
    return mixed.flatten(2, 3)[:, :, :length]
