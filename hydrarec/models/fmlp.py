"""FMLP-Rec: filters learnt in the frequency domain instead of attention. No heads, no weights between positions.

    filtered = irfft(W * rfft(x))    over a window of max_length positions, each feature by itself
    h = norm(x + drop(filtered)),   block(x) = norm(h + drop(W_2 gelu(W_1 h)))

Source: Zhou et al. 2022, "Filter-enhanced MLP is all you need for sequential recommendation", arXiv 2202.13556,
eq. 3-9, with the details of the authors' code (GELU, learned positions, normalised input embeddings).

The product of spectra is a circular convolution with the kernel w = irfft(W): every position sees the whole window,
beyond whose real positions stand zeros. That is the bidirectional form. The authors predict from the newest position
of a full window alone, for each prefix of a sequence anew, so that nothing later exists. There

    out_t = sum_{s <= t} w_{t-s} x_s

which is this project's causal form: the same parameters, the same sum at that position, and every earlier position
computed as if it were the newest. It is summed directly: a Fourier transform, however padded, would let later items
reach earlier positions through its rounding.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hydrarec.config.encoder import EncoderConfig
from hydrarec.devices import is_on_cpu
from hydrarec.dropout import Dropout
from hydrarec.models.base import INITIAL_STD, Blueprint
from hydrarec.models.blocks import Block, BlockModel, FeedForward
from hydrarec.sequences.distances import by_distance
from hydrarec.sequences.output_positions import OutputPositions, select_positions
from hydrarec.sequences.visibility import Visibility


class Filter(nn.Module):
    """A learned filter for each feature.

    Parameters
    ----------
    d_model
        Features D.
    max_length
        Positions of the window, whatever the width of a batch: a frequency means the same everywhere.
    """

    counted: Bool[Tensor, "F 1 2"]

    def __init__(self, d_model: int, max_length: int) -> None:
        super().__init__()
        self.max_length = max_length
        # Real and imaginary parts apart, as precision conversions leave complex parameters alone.
        self.spectrum = nn.Parameter(torch.randn(max_length // 2 + 1, d_model, 2) * INITIAL_STD)
        counted = torch.ones(max_length // 2 + 1, 1, 2, dtype=torch.bool)
        counted[0, :, 1] = False
        if max_length % 2 == 0:
            counted[-1, :, 1] = False
        # All but the imaginary parts that no real signal has.
        self.register_buffer("counted", counted, persistent=False)

    def forward(self, x: Float[Tensor, "B T D"], visibility: Visibility) -> Float[Tensor, "B T D"]:
        """Filter every feature along the positions, in at least float32."""
        precision = torch.promote_types(x.dtype, torch.float32)
        with torch.autocast(x.device.type, enabled=False):
            # A GPU's library need not leave out what no real signal has. A CPU's does, and gradients would be others in
            # their last digits if it were left out before.
            parts = self.spectrum if is_on_cpu(x) else self.spectrum * self.counted
            spectrum = torch.view_as_complex(parts.to(precision))
            mixed = x.to(precision)
            if visibility.padding_mask is not None:
                mixed = mixed * visibility.padding_mask[..., None]
            mixed = self._causal(mixed, spectrum) if visibility.causal else self._circular(mixed, spectrum)
        return mixed.to(x.dtype)

    def _circular(self, x: Float[Tensor, "B T D"], spectrum: Tensor) -> Float[Tensor, "B T D"]:
        product = torch.fft.rfft(x, n=self.max_length, dim=1) * spectrum
        return torch.fft.irfft(product, n=self.max_length, dim=1)[:, : x.shape[1]]

    def _causal(self, x: Float[Tensor, "B T D"], spectrum: Tensor) -> Float[Tensor, "B T D"]:
        kernel = torch.fft.irfft(spectrum, n=self.max_length, dim=0)[: x.shape[1]]
        return torch.einsum("tsd,bsd->btd", by_distance(kernel), x)


class FmlpBlock(Block):
    """One block; the feed-forward part is 4 D wide inside unless `d_ff` says otherwise."""

    def __init__(self, encoder: EncoderConfig) -> None:
        super().__init__()
        d_model = encoder.d_model
        self.filter = Filter(d_model, encoder.max_length)
        self.filter_norm = nn.LayerNorm(d_model)
        self.feed_forward = FeedForward(d_model, encoder.d_ff or 4 * d_model, nn.GELU(), 0.0)
        self.feed_forward_norm = nn.LayerNorm(d_model)
        self.dropout = Dropout(encoder.dropout)

    def forward(
        self, x: Float[Tensor, "B T D"], visibility: Visibility, output_positions: OutputPositions | None = None
    ) -> Tensor:
        """Apply the filter, and the feed-forward part at output positions; see `Block.forward`."""
        filtered = select_positions(self.filter(x, visibility), output_positions)
        x = self.filter_norm(select_positions(x, output_positions) + self.dropout(filtered))
        return self.feed_forward_norm(x + self.dropout(self.feed_forward(x)))


class FmlpModel(BlockModel):
    """FMLP-Rec."""

    def __init__(self, blueprint: Blueprint) -> None:
        super().__init__(blueprint)
        encoder = blueprint.encoder
        self.position_embedding = nn.Embedding(encoder.max_length, encoder.d_model)
        self.input_norm = nn.LayerNorm(encoder.d_model)
        self.dropout = Dropout(encoder.dropout)
        self.blocks = nn.ModuleList(FmlpBlock(encoder) for _ in range(encoder.n_layers))

    def embed(self, items: Int[Tensor, "*batch"], positions: Int[Tensor, "*positions"]) -> Float[Tensor, "*batch D"]:
        """Return what the first block gets; see `BlockModel.embed`."""
        return self.dropout(self.input_norm(self.item_embedding(items) + self.position_embedding(positions)))
