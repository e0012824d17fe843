"""Before a causal model is trained: items that come later must not change what earlier positions say.

A model that sees its targets learns to copy them, and nothing in its training tells. The contract tests hold a model to
more; this holds the one that is about to be trained, whoever wrote it and whether its tests were run or not.
"""

from dataclasses import replace

import torch

from hydrarec.devices import send
from hydrarec.models.base import SequenceModel
from hydrarec.sequences.batches import gather
from hydrarec.sequences.log import Log
from hydrarec.sequences.visibility import Visibility

ROWS = 8
"""Sequences that are looked at: the longest."""
LONGEST = 512
"""Newest items of each, at most: some models compare all positions with all."""
TOLERANCE = 1e-4
"""Largest change of a hidden state, as a share of the largest one, that rounding may make; filters by Fourier
transforms stay a hundred times below."""


@torch.no_grad()
def refuse_leak(model: SequenceModel, train: Log, window: int) -> None:
    """Exchange the later half of some sequences and hold the hidden states of the earlier half to what they were.

    Parameters
    ----------
    model
        A model that is about to be trained causally; left as it is.
    train
        Training sequences, on the model's device.
    window
        Items of a sequence that the model takes.

    Raises
    ------
    ValueError
        If they change: the model sees the future.
    """
    rows = train.lengths.topk(min(ROWS, len(train.lengths))).indices
    batch = gather(train, train.offsets[rows], train.offsets[rows + 1], min(window, LONGEST))
    kept = batch.items.shape[1] // 2
    if not kept:
        return
    others = torch.where(send(batch.real, batch.items.device), batch.items % model.n_items + 1, 0)
    changed = replace(batch, items=torch.cat([batch.items[:, :kept], others[:, kept:]], dim=1))
    training = model.training
    model.eval()
    before, after = (
        model.encode(one, Visibility(causal=True, padding_mask=None))[:, :kept] for one in (batch, changed)
    )
    model.train(training)
    change = float((before - after).abs().max() / before.abs().max())
    # NaN is not above it: of a model that computes no numbers its loss will tell.
    if change > TOLERANCE:
        raise ValueError(
            f"model {model.config.kind} sees the future: with other items after position {kept}, hidden states before "
            f"it change by {100 * change:.2g} % of the largest. Trained causally it would learn to copy its targets. "
            f"`pytest tests/contract -k {model.config.kind}` says more (docs/how-to/add-model.md)."
        )
