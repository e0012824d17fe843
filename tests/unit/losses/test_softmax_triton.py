"""The kernel against PyTorch: on a GPU where there is one, else in Triton's interpreter."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
pytest.importorskip("triton")

from hydrarec.losses import softmax_triton  # noqa: E402


@pytest.mark.parametrize("n_items", [1, 7, 64, 100, 257])
@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_losses_and_gradients_are_those_of_torch(n_items, scale, monkeypatch):
    # Blocks of 64, so that most rows take several, the last one not full.
    monkeypatch.setattr(softmax_triton, "BLOCK", 64)
    generator = torch.Generator().manual_seed(n_items)
    # A row is longer in memory than what is scored of it.
    scores = (torch.randn(5, n_items + 3, generator=generator) * scale).to(DEVICE)[:, :n_items]
    targets = torch.randint(n_items, (5,), generator=generator).to(DEVICE)
    leaf = scores.detach().clone().requires_grad_()
    expected = F.cross_entropy(leaf, targets, reduction="none")
    (gradient,) = torch.autograd.grad(expected.sum(), leaf)
    losses = softmax_triton.softmax_less_one_hot_(scores, targets)
    torch.testing.assert_close(losses, expected.detach(), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(scores, gradient, rtol=1e-5, atol=1e-6)


def test_what_stands_beside_the_scores_is_not_touched():
    scores = torch.zeros(3, 10, device=DEVICE)
    softmax_triton.softmax_less_one_hot_(scores[:, :7], torch.tensor([0, 3, 6], device=DEVICE))
    assert (scores[:, 7:] == 0).all()
    torch.testing.assert_close(scores[:, :7].sum(1), torch.zeros(3, device=DEVICE), atol=1e-6, rtol=0)
