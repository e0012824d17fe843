"""Sums of outer products of keys and values that fade with distance: what operators with a decay have in common.

    out_t = q_t^T S_t,   S_t = diag(a_t) S_{t-1} + k_t v_t^T,   a_t = exp(log_decay_t) in [0, 1]

The decay of position t acts on what was summed before t is added, so that s reaches a later t multiplied by
a_{s+1} ... a_t. It is one number per head or one per feature of the keys.

Bidirectional, the same sum is run from the other end as well and the position itself counted once, so that s reaches an
earlier t multiplied by a_t ... a_{s-1}. That form is this project's; the papers have the causal one only.

As in `outer_sums`, positions are cut into chunks; weights are formed within a chunk and sums handed on between chunks.
Exponentials are taken of sums of log_decay over a stretch of positions only, never of their negatives, so that
nothing overflows however strong the decay is. One number per head gives the weights of a chunk directly. For one
per feature the chunk is halved again and again: queries of one half meet keys of the other, each decayed to the border.

Source: Sun et al. 2023, "Retentive Network", arXiv 2307.08621, eq. 7, for the chunks; Yang et al. 2024, "Gated Linear
Attention Transformers with Hardware-Efficient Training", arXiv 2312.06635, section 4.3, for chunks within chunks.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from jaxtyping import Float
from torch import Tensor

from hydrarec.attention.base import State
from hydrarec.sequences.chunks import chunks
from hydrarec.sequences.visibility import Visibility

CHUNK = 32
"""Positions in a chunk, a power of two. Of 8 to 128 about the fastest on one CPU core for T = 200 and d_head = 64."""
FORGOTTEN = -50.0
"""Logarithm of a decay that is no different from 0, even in double precision. Without a bound, sums over a chunk
would be too large for the small decays in them to count."""


class _Decay(NamedTuple):
    """Logarithms of what a chunk's positions multiply, F or 1 of them per position; all at most 0 and falling."""

    until: Float[Tensor, "*batch C F"]
    """From the chunk's begin to the position, inclusive."""
    before: Float[Tensor, "*batch C F"]
    """From the chunk's begin to the position, exclusive."""

    @property
    def total(self) -> Float[Tensor, "*batch 1 F"]:
        """Of the whole chunk."""
        return self.until[..., -1:, :]


def decayed_sums(
    q: Float[Tensor, "B H T F"],
    k: Float[Tensor, "B H T F"],
    v: Float[Tensor, "B H T E"],
    log_decay: Float[Tensor, "*decay"],
    visibility: Visibility,
) -> Float[Tensor, "B H T E"]:
    """Return q_t^T times the decayed sum of k_s v_s^T over the visible positions, in at least float32.

    Parameters
    ----------
    q, k
        Features of queries and keys; with H = 1 they are shared by the heads of `v`.
    v
        Values.
    log_decay
        Natural logarithm of the decay, at most 0. Per feature if it has four dimensions, [B, H, T, F]; else per head,
        [B, H, T] or what broadcasts to it, such as [H, 1] for a constant decay.
    visibility
        Who may see whom. Padded positions add nothing and do not decay, whatever they hold.
    """
    # The sums grow with T; a bfloat16 sum of 200 terms has lost a digit.
    precision = torch.promote_types(q.dtype, torch.float32)
    length = q.shape[-2]
    with torch.autocast(q.device.type, enabled=False):
        q, k, v, log_decay = (x.to(precision) for x in (q, k, v, log_decay))
        log_decay = (log_decay if log_decay.dim() == 4 else log_decay[..., None]).clamp(min=FORGOTTEN)
        log_decay = log_decay.expand(*log_decay.shape[:-2], length, log_decay.shape[-1])
        if visibility.padding_mask is not None:
            real = visibility.padding_mask[:, None, :, None]
            k, log_decay = k * real, log_decay * real
        cut = chunks(length, CHUNK)
        # What fills the last chunk up neither adds nor decays anything.
        q, k, v, log_decay = (cut.cut(x) for x in (q, k, v, log_decay))
        until = log_decay.cumsum(-2)
        decay = _Decay(until, F.pad(until, (0, 0, 1, 0))[..., :-1, :])
        mixed = _weights(q, k, decay, visibility.causal) @ v
        if cut.count > 1:
            mixed = mixed + _from_other_chunks(q, k, v, decay, visibility.causal)
        return mixed.flatten(-3, -2)[..., :length, :]


def decayed_step(
    q: Float[Tensor, "B H F"],
    k: Float[Tensor, "B H F"],
    v: Float[Tensor, "B H E"],
    log_decay: Float[Tensor, "*decay"],
    state: State | None,
) -> tuple[Float[Tensor, "B H E"], State]:
    """Return what the causal `decayed_sums` gives at the next position, and the new sum, in at least float32.

    Parameters
    ----------
    q, k, v
        The position's query, key and value.
    log_decay
        As in `decayed_sums`, without the positions: per feature if it has three dimensions, else per head.
    state
        What the step before returned; None at the first position.
    """
    precision = torch.promote_types(q.dtype, torch.float32)
    with torch.autocast(q.device.type, enabled=False):
        q, k, v, log_decay = (x.to(precision) for x in (q, k, v, log_decay))
        total = k[..., :, None] * v[..., None, :]
        if state is not None:
            log_decay = log_decay if log_decay.dim() == 3 else log_decay[..., None]
            total = log_decay.exp()[..., None] * state[0] + total
        return (q[..., None, :] @ total).squeeze(-2), (total,)


def _weights(
    q: Float[Tensor, "*batch C F"], k: Float[Tensor, "*batch C F"], decay: _Decay, causal: bool
) -> Float[Tensor, "*batch C C"]:
    """Return the decayed products of each query with the keys of its own chunk."""
    if decay.until.shape[-1] > 1:
        return _weights_by_halves(q, k, decay, causal)
    exponents = decay.until - decay.until.mT
    # Earlier queries meet later keys only bidirectionally; there the exponent above would be positive.
    later = torch.ones(exponents.shape[-2:], dtype=torch.bool, device=q.device).triu(1)
    exponents = exponents.masked_fill(later, -torch.inf) if causal else exponents.where(~later, _mirror(decay))
    return q @ k.mT * exponents.exp()


def _mirror(decay: _Decay) -> Float[Tensor, "*batch C C"]:
    """Return the logarithm of the decay between each query (row) and later key (column)."""
    return decay.before.mT - decay.before


def _weights_by_halves(
    q: Float[Tensor, "*batch C F"], k: Float[Tensor, "*batch C F"], decay: _Decay, causal: bool
) -> Float[Tensor, "*batch C C"]:
    weights = (q * k).sum(-1)[..., None, None]
    half = 1
    while half < q.shape[-2]:
        (q_left, q_right), (k_left, k_right), (until_left, until_right), (before_left, before_right) = (
            x.unflatten(-2, (-1, 2, half)).unbind(-3) for x in (q, k, *decay)
        )
        border = until_left[..., -1:, :]
        later = (q_right * (until_right - border).exp()) @ (k_left * (border - until_left).exp()).mT
        if causal:
            earlier = torch.zeros_like(later)
        else:
            earlier = (q_left * (border - before_left).exp()) @ (k_right * (before_right - border).exp()).mT
        left, right = weights.unflatten(-3, (-1, 2)).unbind(-3)
        weights = torch.cat([torch.cat([left, earlier], dim=-1), torch.cat([later, right], dim=-1)], dim=-2)
        half *= 2
    return weights.squeeze(-3)


def _from_other_chunks(
    q: Float[Tensor, "*batch N C F"],
    k: Float[Tensor, "*batch N C F"],
    v: Float[Tensor, "*batch N C E"],
    decay: _Decay,
    causal: bool,
) -> Float[Tensor, "*batch N C E"]:
    """Return what earlier chunks, and if not causal later ones, give each query."""
    fading = decay.total.mT.exp()
    sums = (k * (decay.total - decay.until).exp()).mT @ v
    mixed = (q * decay.until.exp()) @ torch.stack(_handed_on(sums.unbind(-3), fading.unbind(-3)), dim=-3)
    if causal:
        return mixed
    sums = (k * decay.before.exp()).mT @ v
    after = _handed_on(sums.unbind(-3)[::-1], fading.unbind(-3)[::-1])[::-1]
    return mixed + (q * (decay.total - decay.before).exp()) @ torch.stack(after, dim=-3)


def _handed_on(sums: tuple[Tensor, ...], fading: tuple[Tensor, ...]) -> list[Float[Tensor, "*batch F E"]]:
    """Return what has been summed and has faded when each chunk begins."""
    states = [torch.zeros_like(sums[0])]
    for added, faded in zip(sums[:-1], fading[:-1], strict=True):
        states.append(faded * states[-1] + added)
    return states
