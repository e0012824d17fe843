"""LRURec: diagonal linear recurrences with complex eigenvalues. Linear in T.

    u_t = gamma * (B x_t + b),   h_t = lambda * h_{t-1} + u_t,   y_t = Re(C h_t) + c
    lambda = exp(-exp(nu) + i exp(theta)),   h_t complex, of width S = 2 D

The first states are drawn with eigenvalues uniform on the ring r_min <= |lambda| <= r_max and phases up to
`max_phase`; gamma begins at sqrt(1 - |lambda|^2), which keeps the states' size that of the inputs, and is learnt.

Source: Yue et al. 2024, "Linear recurrent units for sequential recommendation", WSDM, arXiv 2310.02367, with the
details of the authors' code: the blocks of `recurrent.py`, an output bias, and the unit's D x_t the residual branch
itself. The unit is that of Orvieto et al. 2023, "Resurrecting recurrent neural networks for long sequences", arXiv
2303.06349, sections 3.2-3.4.

The authors compute the states by recursive doubling; here they come from chunks (`scan`).
"""

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from jaxtyping import Complex, Float
from torch import Tensor, nn

from hydrarec.attention.base import State
from hydrarec.config.models import LruModelConfig
from hydrarec.models.base import Blueprint, OutputLayer
from hydrarec.models.recurrent import RecurrentMixer, RecurrentMixerModel
from hydrarec.sequences.chunks import chunks
from hydrarec.sequences.distances import by_distance

CHUNK = 16
"""Positions in a chunk, a power of two: few enough that the C x C powers of each eigenvalue cost less than what
surrounds them."""


def scan(u: Complex[Tensor, "B T S"], log_eigenvalues: Complex[Tensor, " S"]) -> Complex[Tensor, "B T S"]:
    """Return h_t = sum_{s <= t} lambda^(t-s) u_s at every position.

    Positions are cut into chunks. Within a chunk the sum is a product with a matrix of powers; the states at the
    ends of chunks obey the same recurrence with lambda^C, and so come from the same function. No power is negative:
    nothing grows, however small |lambda| and long the sequence.

    Parameters
    ----------
    u
        Inputs of the recurrence.
    log_eigenvalues
        Logarithms of lambda, real parts negative.
    """
    length = u.shape[1]
    cut = chunks(length, CHUNK)
    within = torch.einsum("tsj,bnsj->bntj", by_distance(_powers(cut.size, log_eigenvalues)), cut.cut(u))
    if cut.count > 1:
        ends = scan(within[:, :-1, -1], CHUNK * log_eigenvalues)
        before = F.pad(ends, (0, 0, 1, 0))[:, :, None]
        within = within + _powers(CHUNK + 1, log_eigenvalues)[1:] * before
    return within.flatten(1, 2)[:, :length]


def _powers(count: int, log_eigenvalues: Complex[Tensor, " S"]) -> Complex[Tensor, "K S"]:
    return torch.exp(torch.arange(count, device=log_eigenvalues.device)[:, None] * log_eigenvalues)


class LinearRecurrentUnit(RecurrentMixer):
    """A diagonal linear recurrence between two linear layers.

    Parameters
    ----------
    config
        Ring of the first eigenvalues.
    d_model
        Width D outside; the state has 2 D complex numbers.
    """

    def __init__(self, config: LruModelConfig, d_model: int) -> None:
        super().__init__()
        d_state = 2 * d_model
        inner, outer = config.r_min**2, config.r_max**2
        squared_radius = inner + (outer - inner) * torch.rand(d_state)
        self.nu = nn.Parameter((-0.5 * squared_radius.log()).log())
        self.theta = nn.Parameter((config.max_phase * torch.rand(d_state)).log())
        self.log_gamma = nn.Parameter(0.5 * (1 - squared_radius).log())
        # Complex matrices as real ones, real and imaginary parts of each state side by side.
        self.input = nn.Linear(d_model, 2 * d_state)
        self.output = nn.Linear(2 * d_state, d_model)

    def forward(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T D"]:
        """Run over all positions at once."""
        return self._read(scan(self._drive(x), self._log_eigenvalues()))

    def step(self, x: Float[Tensor, "B D"], state: State | None) -> tuple[Float[Tensor, "B D"], State]:
        """Take in the next position; see `Block.step`."""
        new = self._drive(x)
        if state is not None:
            new = self._log_eigenvalues().exp() * state[0] + new
        return self._read(new), (new,)

    def _log_eigenvalues(self) -> Complex[Tensor, " S"]:
        return torch.complex(-self.nu.exp(), self.theta.exp())

    def _drive(self, x: Float[Tensor, "*batch D"]) -> Complex[Tensor, "*batch S"]:
        # Gamma scales the matrix, which is small, and not the products.
        gamma = self.log_gamma.exp().repeat_interleave(2)
        u = F.linear(x, gamma[:, None] * self.input.weight, gamma * self.input.bias)
        # Sums over T positions need float32 also under autocast.
        u = u.to(torch.promote_types(u.dtype, torch.float32))
        return torch.view_as_complex(u.unflatten(-1, (-1, 2)))

    def _read(self, states: Complex[Tensor, "*batch S"]) -> Float[Tensor, "*batch D"]:
        return self.output(torch.view_as_real(states).flatten(-2))


class LruModel(RecurrentMixerModel):
    """LRURec."""

    config: LruModelConfig

    def __init__(self, blueprint: Blueprint) -> None:
        super().__init__(blueprint)
        self.output_bias = nn.Parameter(torch.zeros(self.n_items + 1))

    def mixer(self) -> LinearRecurrentUnit:
        """Make the recurrence of a block."""
        return LinearRecurrentUnit(self.config, self.encoder_config.d_model)

    def output_layer(self) -> OutputLayer:
        """Return the output embeddings, tied to the item embeddings, and the output bias."""
        return OutputLayer(super().output_layer().weight, self.output_bias)
