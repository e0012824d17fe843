"""What depends on the distance of two positions, laid out as a matrix over both."""

import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from jaxtyping import Shaped
from torch import Tensor


def by_distance(kernel: Shaped[Tensor, "T D"]) -> Shaped[Tensor, "T T D"]:
    """Return w_{t-s} in row t and column s, and zeros where s is later than t.

    Parameters
    ----------
    kernel
        w_0 to w_{T-1}.
    """
    length = len(kernel)
    # Rows of w_{T-1} to w_0 and T zeros behind, read on with one number less to a row: each begins one place later
    # than the one above it, and from the column T - 1 on, column s of row t holds w_{t-s}. Of `unfold` over T
    # positions a compiler would keep a graph for each T.
    row = F.pad(kernel.flip(0), (0, 0, 0, length))
    rows = row.expand(length, *row.shape).reshape(-1, row.shape[-1])[: length * (2 * length - 1)]
    return rows.unflatten(0, (length, 2 * length - 1))[:, length - 1 :]
