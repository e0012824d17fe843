"""Who may see whom: what a masking decides and an attention operator obeys."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool
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
