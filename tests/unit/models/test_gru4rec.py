"""GRU4Rec against the equations of its file, written out."""

import pytest
import torch

from hydrarec.config.encoder import EncoderConfig
from hydrarec.config.models import Gru4recModelConfig
from hydrarec.models.base import Blueprint
from hydrarec.models.gru4rec import Gru4recModel
from hydrarec.sequences.batches import Batch
from hydrarec.sequences.visibility import Visibility

N, D, LAYERS = 30, 6, 3


def build():
    torch.manual_seed(0)
    encoder = EncoderConfig(d_model=D, n_layers=LAYERS, max_length=20)
    model = Gru4recModel(Blueprint(Gru4recModelConfig(), encoder, None, n_items=N, n_special_tokens=0))
    return model.double().eval()


def naive_gru(x, w_x, b_x, w_h, b_h):
    """Compute one layer's states of one sequence; the gates' weights lie on top of each other: reset, update, new."""
    (w_r, w_z, w_n), (u_r, u_z, u_n) = w_x.chunk(3), w_h.chunk(3)
    (b_r, b_z, b_n), (c_r, c_z, c_n) = b_x.chunk(3), b_h.chunk(3)
    h, states = torch.zeros(D, dtype=torch.float64), []
    for x_t in x:
        z = torch.sigmoid(w_z @ x_t + b_z + u_z @ h + c_z)
        r = torch.sigmoid(w_r @ x_t + b_r + u_r @ h + c_r)
        h = z * h + (1 - z) * torch.tanh(w_n @ x_t + b_n + r * (u_n @ h + c_n))
        states.append(h)
    return torch.stack(states)


def test_it_computes_its_equations():
    model = build()
    weights = dict(model.named_parameters())
    rows = torch.randint(1, N + 1, (2, 15), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        hidden = model.encode(Batch(rows, torch.full((2,), 15)), Visibility(causal=True, padding_mask=None))
        for row, states in zip(rows, hidden, strict=True):
            x = weights["item_embedding.weight"][row]
            for i in range(LAYERS):
                parts = ("weight_ih", "bias_ih", "weight_hh", "bias_hh")
                x = naive_gru(x, *(weights[f"layers.{i}.{part}_l0"] for part in parts))
            expected = x @ weights["output.weight"].T + weights["output.bias"]
            torch.testing.assert_close(states, expected, rtol=1e-11, atol=1e-12)


GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=GPU)])
def test_states_and_gradients_stay_in_single_precision_under_autocast(device):
    model = build().float().to(device)
    outputs = []
    for layer in model.layers:
        layer.register_forward_hook(lambda layer, inputs, output: outputs.append(output[0]))
    items = torch.randint(1, N + 1, (2, 15), generator=torch.Generator().manual_seed(1)).to(device)
    batch = Batch(items, torch.full((2,), 15))

    def run():
        hidden = model.encode(batch, Visibility(causal=True, padding_mask=None))
        # As small as in the mean over a batch's targets: in float16 it is 0.
        (hidden.float().sum() * 1e-9).backward()
        model.step(items[:, 0], None)
        gradients = [parameter.grad.clone() for parameter in model.layers.parameters()]
        model.zero_grad()
        return [outputs.pop(0) for _ in range(2 * LAYERS)], gradients

    exact, exact_gradients = run()
    with torch.autocast(device, dtype=torch.bfloat16):
        states, gradients = run()
    for low, high in zip(states, exact, strict=True):
        assert low.dtype == torch.float32
        torch.testing.assert_close(low, high)
    for low, high in zip(gradients, exact_gradients, strict=True):
        torch.testing.assert_close(low, high, rtol=0.05, atol=0.05 * high.abs().max().item())


def test_parameters_are_counted():
    expected = (N + 1) * D + LAYERS * (2 * 3 * D * D + 2 * 3 * D) + D * D + D
    assert sum(p.numel() for p in build().parameters()) == expected
