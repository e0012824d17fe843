"""Mamba-2: a state-space model whose state fades by one factor per head and position.

    z, x, B, C, d = W_i u;   x, B, C = silu(conv(x, B, C))           conv: each feature by itself, d_conv positions back
    dt_t = softplus(d_t + b),   A = -exp(A_log)
    h_t = exp(dt_t A) h_{t-1} + dt_t B_t x_t^T,   y_t = C_t^T h_t + D x_t     per head; heads share B and C
    out = W_o rms_norm(y * silu(z))

The recurrence is a sum of outer products that fades (the duality): queries C, keys B, values dt x, logarithm of the
decay dt A. It is computed in chunks by `decayed_sums`, or by the package `mamba_ssm` where that is installed, the model
is on a GPU, and low precision is asked for.

The blocks around it, those of `recurrent.py`, are Mamba4Rec's.

Source: Dao & Gu 2024, "Transformers are SSMs", arXiv 2405.21060, sections 6 (chunks) and 7 (the block of figure 6);
Liu et al. 2024, "Mamba4Rec", arXiv 2403.03900, section 3, for the layout around it. The residual branch around the
mixer is there in a single layer too, which Mamba4Rec leaves out; initial weights of the projections are those of all
models here.
"""

import functools
import importlib
import math
from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from jaxtyping import Float
from torch import Tensor, nn

from hydrarec.attention.base import State
from hydrarec.attention.parts.decayed import CHUNK, decayed_step, decayed_sums
from hydrarec.config.models import SsdModelConfig
from hydrarec.models.recurrent import RecurrentMixer, RecurrentMixerModel
from hydrarec.sequences.visibility import Visibility

INITIAL_DT = (1e-3, 1e-1)
"""Steps between which the heads start, on a logarithmic scale (the authors' code)."""
INITIAL_DECAY = (1.0, 16.0)
"""Values between which -A starts, uniformly (the authors' code)."""
NORM_EPS = 1e-5
"""Added to the mean square before the root of the gated norm is taken (the authors' code)."""


@functools.cache
def fused_kernel(device_type: str) -> Callable[..., Tensor] | None:
    """Return the chunked scan of the package `mamba_ssm`; None if it is not installed or this is no GPU."""
    if device_type != "cuda":
        return None
    try:
        return importlib.import_module("mamba_ssm.ops.triton.ssd_combined").mamba_chunk_scan_combined
    except ImportError:
        return None


def scan(
    x: Float[Tensor, "B T H P"],
    dt: Float[Tensor, "B T H"],
    decay_rate: Float[Tensor, " H"],
    keys: Float[Tensor, "B T N"],
    queries: Float[Tensor, "B T N"],
) -> Float[Tensor, "B T H P"]:
    """Return C_t^T h_t at every position.

    Parameters
    ----------
    x
        Inputs by head.
    dt
        Steps, above 0.
    decay_rate
        A, below 0.
    keys, queries
        B and C, shared by the heads.
    """
    device_type = x.device.type
    # A compiler could not look into the kernel, and would cut its graph in two. Matrix products of the kernel round
    # float32 to 10 bits, which nobody asks for but with autocast.
    kernel = None if torch.compiler.is_compiling() else fused_kernel(device_type)
    if kernel and torch.is_autocast_enabled(device_type):
        return kernel(x, dt, decay_rate, keys[:, :, None], queries[:, :, None], CHUNK)
    values, log_decay = (x * dt[..., None]).transpose(1, 2), (dt * decay_rate).mT
    # Padding stands behind the real items, where a recurrence cannot see it.
    mixed = decayed_sums(queries[:, None], keys[:, None], values, log_decay, Visibility(causal=True, padding_mask=None))
    return mixed.transpose(1, 2)


class StateSpaceMixer(RecurrentMixer):
    """The mixer of a Mamba-2 block.

    Parameters
    ----------
    config
        Sizes of the state, the inner width, the heads and the convolution.
    d_model
        Width outside.
    """

    def __init__(self, config: SsdModelConfig, d_model: int) -> None:
        super().__init__()
        inner = config.expand * d_model
        n_heads = inner // config.d_head
        convolved = inner + 2 * config.d_state
        self.config = config
        self.widths = [inner, convolved, n_heads]
        self.convolved_widths = [inner, config.d_state, config.d_state]
        self.input = nn.Linear(d_model, sum(self.widths), bias=False)
        bound = 1 / math.sqrt(config.d_conv)
        # Oldest position first; uniform as PyTorch draws the weights of a convolution.
        self.convolution_weight = nn.Parameter(torch.empty(config.d_conv, convolved).uniform_(-bound, bound))
        self.convolution_bias = nn.Parameter(torch.empty(convolved).uniform_(-bound, bound))
        dt = torch.empty(n_heads).uniform_(*map(math.log, INITIAL_DT)).exp()
        # softplus(dt_bias) = dt
        self.dt_bias = nn.Parameter(dt + torch.log(-torch.expm1(-dt)))
        self.log_decay_rate = nn.Parameter(torch.empty(n_heads).uniform_(*INITIAL_DECAY).log())
        self.skip = nn.Parameter(torch.ones(n_heads))
        self.norm = nn.RMSNorm(inner, eps=NORM_EPS)
        self.output = nn.Linear(inner, d_model, bias=False)

    def forward(self, u: Float[Tensor, "B T D"]) -> Float[Tensor, "B T D"]:
        """Mix positions, causally."""
        gate, window, dt = self.input(u).split(self.widths, dim=-1)
        window = F.pad(window, (0, 0, self.config.d_conv - 1, 0))
        x, keys, queries = self._convolve(window).split(self.convolved_widths, dim=-1)
        x, dt = x.unflatten(-1, (-1, self.config.d_head)), F.softplus(dt + self.dt_bias)
        mixed = scan(x, dt, -self.log_decay_rate.exp(), keys, queries)
        return self._finish(mixed, x, gate)

    def step(self, u: Float[Tensor, "B D"], state: State | None) -> tuple[Float[Tensor, "B D"], State]:
        """Mix in the next position; the state is the convolution's last inputs and the recurrence's sums."""
        gate, newest, dt = self.input(u).split(self.widths, dim=-1)
        before = newest.new_zeros(len(u), self.config.d_conv - 1, self.widths[1]) if state is None else state[0]
        window = torch.cat([before, newest[:, None]], dim=1)
        x, keys, queries = self._convolve(window)[:, 0].split(self.convolved_widths, dim=-1)
        x, dt = x.unflatten(-1, (-1, self.config.d_head)), F.softplus(dt + self.dt_bias)
        log_decay = -dt * self.log_decay_rate.exp()
        mixed, (sums,) = decayed_step(
            queries[:, None], keys[:, None], x * dt[..., None], log_decay, None if state is None else state[1:]
        )
        return self._finish(mixed.to(x.dtype), x, gate), (window[:, 1:], sums)

    def _convolve(self, window: Float[Tensor, "B W E"]) -> Float[Tensor, "B T E"]:
        """Convolve each feature along the positions; the first `d_conv` - 1 are context only."""
        length = window.shape[1] - self.config.d_conv + 1
        # Shifts and products: on a CPU half the time of a convolution with a group per feature.
        shifted = (window[:, back : back + length] * weight for back, weight in enumerate(self.convolution_weight))
        return F.silu(sum(shifted, self.convolution_bias))

    def _finish(
        self, mixed: Float[Tensor, "*batch H P"], x: Float[Tensor, "*batch H P"], gate: Float[Tensor, "*batch E"]
    ) -> Float[Tensor, "*batch D"]:
        mixed = (mixed + self.skip[:, None] * x).flatten(-2)
        return self.output(self.norm(mixed * F.silu(gate)))


class SsdModel(RecurrentMixerModel):
    """Mamba-2 in Mamba4Rec's layout."""

    config: SsdModelConfig

    def mixer(self) -> StateSpaceMixer:
        """Make the mixer of a block."""
        return StateSpaceMixer(self.config, self.encoder_config.d_model)
