"""Who may see whom: what a masking decides and an attention operator obeys."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor


@dataclass(frozen=True)
class Visibility:
    """Which positions of a batch an attention operator may let see which."""

    causal: bool
    """Positions see only themselves and earlier ones."""
    padding_mask: Bool[Tensor, "B T"] | None
    """True = real. None: no real position can see padding, because there is none or because it stands
    behind all real ones and the masking is causal; operators then need no mask, which is their fast path."""

    def attention_mask(self, length: int, device: torch.device) -> Bool[Tensor, "B T T"]:
        """Return who may see whom in full, True = may see (row: who looks; for naive definitions and tests)."""
        allowed = torch.ones(length, length, dtype=torch.bool, device=device)
        if self.causal:
            allowed = allowed.tril()
        if self.padding_mask is None:
            return allowed[None]
        return allowed[None] & self.padding_mask[:, None, :]

    def n_visible(self, like: Float[Tensor, "B T *rest"]) -> Float[Tensor, "*B T1"]:
        """Return how many positions each position sees, but at least 1; bidirectional, one number stands for all."""
        real = torch.ones_like(like[:1, :, 0]) if self.padding_mask is None else self.padding_mask.to(like.dtype)
        count = real.cumsum(1) if self.causal else real.sum(1, keepdim=True)
        # Padding before the first real position sees nobody.
        return count.clamp(min=1)
