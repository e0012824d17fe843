"""Random streams, one per source of randomness, so that one choice never shifts another.

With the same seed every operator starts from the same embeddings, meets users in the same order and has the same items
hidden: differences between runs of one seed are paired (method: matched seeds).
"""

import functools
import zlib

import numpy as np
import torch


def stream_seed(seed: int, name: str) -> int:
    """Return the seed of the stream of that name, for a run's seed."""
    return int(np.random.SeedSequence([seed, zlib.crc32(name.encode())]).generate_state(1, np.uint64)[0] >> 1)


class Streams:
    """The random streams of a training.

    Parameters
    ----------
    seed
        The run's seed.
    device
        Where negatives are drawn, and dropout by PyTorch's own stream there; all else is drawn on the CPU.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self.seed_for = functools.partial(stream_seed, seed)
        self.order = np.random.default_rng(self.seed_for("order"))
        self.masks = torch.Generator().manual_seed(self.seed_for("masks"))
        self.negatives = torch.Generator(device).manual_seed(self.seed_for("negatives"))
        # Dropout takes no generator: the global stream belongs to it, and to features that an operator draws anew.
        torch.manual_seed(self.seed_for("dropout"))
