"""How many operations and bytes the mixing of positions takes, by formula.

A multiplication and an addition are two operations. Those of matrix products are counted apart from all others
(element by element, sums, exponentials, divisions, roots: one each), because only they run at a matrix product's rate,
and because a profiler's counter sees nothing else: for Hydra it says 0, unless its sums happen to be computed by
products, and 0 for the fused softmax of a CPU. Products are those that the code here does, chunks filled up with zeros
included, so that the counter can check them; for Hydra and causal softmax they are those that the method needs.

A backward pass has two products for each one of the forward pass, so training is counted as three times the forward
pass; what a fused kernel computes again to save memory is not counted, because the method does not need it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, log, log2
from typing import Any

from torch import nn

from hydrarec.attention.parts import decayed, outer_sums
from hydrarec.config.attention import AttentionConfig

TRAINING = 3.0
"""Operations of forward and backward pass in multiples of those of the forward pass."""


@dataclass(frozen=True)
class Operations:
    """Operations of something."""

    matmul: float = 0.0
    """In matrix products."""
    other: float = 0.0
    """All others."""

    @property
    def total(self) -> float:
        """Both sorts."""
        return self.matmul + self.other

    def __add__(self, more: "Operations") -> "Operations":
        """Return the operations of both."""
        return Operations(self.matmul + more.matmul, self.other + more.other)

    def __mul__(self, times: float) -> "Operations":
        """Return the operations of several."""
        return Operations(self.matmul * times, self.other * times)


@dataclass(frozen=True)
class Shape:
    """What an operator is applied to."""

    length: int
    """Positions T."""
    d_model: int
    """Width D."""
    n_heads: int
    """Heads H."""
    causal: bool
    """Whether positions see themselves and earlier ones only."""
    batch: int = 1
    """Sequences B."""
    max_length: int | None = None
    """Largest T that the operator was built for; None: T."""
    n_queries: float | None = None
    """Positions of a sequence whose queries are there, on average; None: all."""

    @property
    def d_head(self) -> int:
        """Features of a head."""
        return self.d_model // self.n_heads

    @property
    def queries(self) -> float:
        """Queries of a sequence Q."""
        return self.length if self.n_queries is None else self.n_queries

    @property
    def numbers(self) -> int:
        """Numbers in the keys of a sequence."""
        return self.length * self.d_model

    @property
    def query_numbers(self) -> float:
        """Numbers in its queries."""
        return self.queries * self.d_model


def mixing(config: AttentionConfig, shape: Shape) -> Operations | None:
    """Count the forward pass of an operator on a batch.

    Returns
    -------
    Operations or None
        None for an operator without a formula here.

    Examples
    --------
    >>> from hydrarec.config.attention import HydraAttentionConfig
    >>> mixing(HydraAttentionConfig(), Shape(length=100, d_model=64, n_heads=1, causal=True))
    Operations(matmul=0.0, other=57600.0)
    """
    count = COUNTS.get(config.kind)
    return count(config, shape) if count else None


def least_bytes(shape: Shape, *, training: bool, number_bytes: int) -> float:
    """Return the bytes an operator cannot avoid: inputs read and outputs written once, in both directions."""
    # Forward q, k, v and the output; backward q, k, v and the output's gradient in, three gradients out.
    tensors = 4 + 7 if training else 4
    return float(number_bytes * tensors * shape.numbers * shape.batch)


def linear_layers(module: nn.Module, apart_from: nn.Module | None = None) -> float:
    """Count the products of a module's linear layers for one position, those of another module inside it left out."""
    left_out = set() if apart_from is None else set(apart_from.modules())
    layers = (one for one in module.modules() if isinstance(one, nn.Linear) and one not in left_out)
    return float(sum(2 * layer.weight.numel() for layer in layers))


def _softmax(config: Any, shape: Shape) -> Operations:
    # Vaswani et al. 2017, eq. 1: scores and weighted values; scale, maximum, difference, exponential, sum, division.
    pairs = shape.length * (shape.length + 1) / 2 if shape.causal else shape.queries * shape.length
    return Operations(4.0 * shape.d_model * pairs, 6.0 * shape.n_heads * pairs) * shape.batch


def _hydra(config: Any, shape: Shape) -> Operations:
    # Bolya et al. 2022, eq. 5-7: norms of 3 D (square, sum, division); of keys besides product with v and sum, of
    # queries the gate.
    return Operations(0.0, 5.0 * shape.numbers + 4.0 * shape.query_numbers) * shape.batch


def _outer_sums(shape: Shape, features: int, values: int, n_heads: int) -> Operations:
    """Count `outer_sums`: q k^T and its product with v inside chunks, sums of k v^T and their product with q."""
    length, chunk = shape.length, outer_sums.CHUNK
    if not shape.causal:
        return Operations(2.0 * (length + shape.queries) * features * values * n_heads) * shape.batch
    if length <= chunk:
        return Operations(2.0 * length**2 * (features + values) * n_heads) * shape.batch
    filled = ceil(length / chunk) * chunk
    per_position = 2 * chunk * (features + values) + 4 * features * values
    return Operations(float(filled * per_position * n_heads)) * shape.batch


def _kernel(*, per_key: float, per_query: float, ones: int = 0, doubled: int = 1) -> Callable[[Any, Shape], Operations]:
    """Return the count of an operator with a linear kernel, given what it does besides to a number of each side."""

    def count(config: Any, shape: Shape) -> Operations:
        n_heads = getattr(config, "n_heads", None) or shape.n_heads
        d_head = shape.d_model // n_heads
        sums = _outer_sums(shape, doubled * d_head, d_head + ones, n_heads)
        return sums + Operations(0.0, per_key * shape.numbers + per_query * shape.query_numbers) * shape.batch

    return count


def _performer(config: Any, shape: Shape) -> Operations:
    # Choromanski et al. 2021, eq. 5: random projections of q and k, their exponentials, sums of outer products.
    features = config.n_features or max(1, round(shape.d_head * log(shape.d_head)))
    keys, queries = (positions * features * shape.n_heads for positions in (shape.length, shape.queries))
    projections = Operations(
        2.0 * (keys + queries) * shape.d_head,
        3.0 * keys + 4.0 * queries + 3.0 * shape.numbers + 2.0 * shape.query_numbers,
    )
    return projections * shape.batch + _outer_sums(shape, features, shape.d_head + 1, shape.n_heads)


def _linformer(config: Any, shape: Shape) -> Operations:
    # Wang et al. 2020, eq. 7: E K and F V, then softmax attention to their r rows.
    rows = config.k_projection or ceil((shape.max_length or shape.length) / 4)
    products = 4.0 * (shape.numbers + shape.query_numbers) * rows
    return Operations(products, 6.0 * shape.n_heads * shape.queries * rows) * shape.batch


def _lightsans(config: Any, shape: Shape) -> Operations:
    # Fan et al. 2021: interests of keys and values, attention to them; positions to positions, once for all sequences.
    rows, length = config.k_interests, shape.length
    items = Operations(12.0 * shape.numbers * rows, (6.0 * shape.n_heads + 8.0) * length * rows)
    positions = Operations(4.0 * shape.numbers * shape.d_model + 2.0 * shape.numbers * length, 8.0 * shape.numbers)
    weights = Operations(0.0, 6.0 * shape.n_heads * length**2)
    mixed = Operations(2.0 * shape.numbers * length, float(shape.numbers))
    return (items + mixed) * shape.batch + positions + weights


def _decayed(shape: Shape, *, per_feature: bool) -> Operations:
    """Count `decayed_sums`: weights inside chunks and their product with v, sums handed on and their product with q."""
    size = min(decayed.CHUNK, 1 << (shape.length - 1).bit_length())
    filled = ceil(shape.length / size) * size
    d_head, sides = shape.d_head, 1 if shape.causal else 2
    # By halves, queries of one half meet keys of the other: 1, 2, 4, ... of them.
    inside = sides * (size - 1) * d_head if per_feature else 2 * size * d_head
    between = sides * 4 * d_head**2 if shape.length > size else 0
    decays = (2 * log2(size) + 4) * d_head if per_feature else 2 * size
    per_position = inside + 2 * size * d_head + between
    return Operations(float(filled * per_position), float(filled * (decays + 3 * d_head))) * shape.n_heads


def _retention(config: Any, shape: Shape) -> Operations:
    # Sun et al. 2023, eq. 7: rotations of q and k (6 per pair and two), decayed sums, norm.
    return (_decayed(shape, per_feature=False) + Operations(0.0, 14.0 * shape.numbers)) * shape.batch


def _gla(config: Any, shape: Shape) -> Operations:
    # Yang et al. 2024, eq. 3-5 and section 4.3: gates of rank r from the keys, decayed sums, norm.
    gates = Operations(4.0 * shape.numbers * config.gate_rank, 13.0 * shape.numbers)
    return (_decayed(shape, per_feature=True) + gates) * shape.batch


COUNTS: dict[str, Callable[[Any, Shape], Operations]] = {
    "softmax": _softmax,
    "hydra": _hydra,
    # Besides their sums of outer products: features of q and k, and what is divided at the end.
    "cosine": _kernel(per_key=3, per_query=3),
    "linear": _kernel(per_key=2, per_query=3, ones=1),
    "linrec": _kernel(per_key=5, per_query=6),
    "cottention": _kernel(per_key=3, per_query=4),
    "efficient": _kernel(per_key=3, per_query=6),
    "cosformer": _kernel(per_key=3, per_query=4, ones=1, doubled=2),
    "performer": _performer,
    "linformer": _linformer,
    "lightsans": _lightsans,
    "retention": _retention,
    "gla": _gla,
}
"""By kind of operator, the count of its forward pass on a batch."""
