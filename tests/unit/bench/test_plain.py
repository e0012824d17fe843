"""This package's training step against the plain one: the same numbers."""

import numpy as np
import pytest
import torch

from hydrarec.bench.plain import PLAIN, pad, train_step
from hydrarec.config import RunSettings
from hydrarec.sequences.batches import training_batches, training_order
from hydrarec.sequences.log import Log
from hydrarec.training.checkpoint import build

N_ITEMS, T = 40, 12


def settings(model, masking, dropout=0.0):
    return RunSettings.model_validate(
        {
            "run": {
                "id": "x",
                "model": {"kind": model},
                "attention": {"kind": "softmax", "dropout": dropout},
                "masking": {"kind": masking},
            },
            "encoder": {"d_model": 16, "n_layers": 2, "n_heads": 2, "max_length": T, "dropout": dropout},
            "loss": {"kind": "cross_entropy"},
            "training": {"device": "cpu", "learning_rate": 3e-3, "batch_size": 16},
        }
    )


def sequences(n_users=80, seed=0):
    """Rings: what comes next can be learnt; a third of the users are longer than the window."""
    generator = np.random.default_rng(seed)
    lengths = generator.integers(2, 20, n_users)
    rings = [(start + np.arange(length)) % N_ITEMS + 1 for start, length in zip(lengths * 7, lengths, strict=True)]
    return Log(
        torch.from_numpy(np.concatenate(rings).astype(np.int32)),
        torch.from_numpy(np.concatenate([[0], lengths.cumsum()])),
        torch.arange(n_users, dtype=torch.int32),
    )


def views(settings, masking, n_steps):
    log, window = sequences(), masking.training_window(T)
    order, masks = np.random.default_rng(0), torch.Generator().manual_seed(0)
    batches = (
        batch
        for _ in range(n_steps)
        for batch in training_batches(log, training_order(log, settings.training.batch_size, window, order), window)
    )
    return [masking.training_view(batch, masks) for batch, _ in zip(batches, range(n_steps), strict=False)]


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, {"rtol": 1e-9, "atol": 0}), (torch.float32, {"rtol": 1e-4, "atol": 0})]
)
@pytest.mark.parametrize(("kind", "mask"), [("sasrec", "causal"), ("bert4rec", "bidirectional")])
def test_the_losses_of_200_steps_agree(kind, mask, dtype, tolerance):
    chosen = settings(kind, mask)
    model, masking = build(chosen, N_ITEMS)
    plain = PLAIN[kind](chosen.encoder, N_ITEMS, 0.0)
    plain.load_state_dict(model.state_dict())
    model.to(dtype), plain.to(dtype)
    loss_of = chosen.loss.implementation()(chosen.loss)
    ours = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.0, fused=True)
    theirs = torch.optim.Adam(plain.parameters(), lr=3e-3)
    losses = []
    for view in views(chosen, masking, 200):
        loss = loss_of(model(view), view.targets, model.output_layer(), torch.Generator())
        ours.zero_grad()
        loss.backward()
        ours.step()
        losses.append((loss.detach(), train_step(plain, theirs, pad(view, T))))
    mine, other = torch.tensor(losses, dtype=dtype).T
    torch.testing.assert_close(mine, other, **tolerance)
    # And something was learnt meanwhile, so that equal steps are no accident.
    assert mine[-20:].mean() < 0.7 * mine[:20].mean()
