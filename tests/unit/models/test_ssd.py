"""Mamba-2 against its recurrence written as loops, its initial values, and the switch to the fused kernel."""

import math
import sys
from types import ModuleType

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention

from hydrarec.config import load
from hydrarec.config.base import ConfigError
from hydrarec.config.encoder import EncoderConfig
from hydrarec.config.models import SsdModelConfig
from hydrarec.models import ssd
from hydrarec.models.base import Blueprint
from hydrarec.models.ssd import SsdModel, StateSpaceMixer
from hydrarec.sequences.batches import Batch
from hydrarec.sequences.visibility import Visibility

CAUSAL = Visibility(causal=True, padding_mask=None)


def mixer(d_model=8, **settings):
    torch.manual_seed(0)
    config = SsdModelConfig.model_validate({"d_state": 5, "d_head": 4, "d_conv": 3, **settings})
    return StateSpaceMixer(config, d_model).double()


def naive_ssd(u, module):
    """Compute the mixer of one sequence, position by position and head by head."""
    w, config = dict(module.named_parameters()), module.config
    inner, n_state, head = config.expand * u.shape[1], config.d_state, config.d_head
    n_heads = inner // head
    states = [torch.zeros(n_state, head, dtype=u.dtype) for _ in range(n_heads)]
    inputs, outputs = [], []
    for u_t in u:
        projected = w["input.weight"] @ u_t
        z, convolved, d = projected[:inner], projected[inner:-n_heads], projected[-n_heads:]
        inputs.append(convolved)
        total = w["convolution_bias"]
        for back in range(min(config.d_conv, len(inputs))):
            total = total + w["convolution_weight"][config.d_conv - 1 - back] * inputs[-1 - back]
        total = total * total.sigmoid()
        x, keys, queries = total[:inner], total[inner : inner + n_state], total[inner + n_state :]
        y = []
        for h in range(n_heads):
            dt = torch.log1p(torch.exp(d[h] + w["dt_bias"][h]))
            own = x[h * head : (h + 1) * head]
            fading = torch.exp(dt * -torch.exp(w["log_decay_rate"][h]))
            states[h] = fading * states[h] + dt * torch.outer(keys, own)
            y.append(queries @ states[h] + w["skip"][h] * own)
        gated = torch.cat(y) * z * z.sigmoid()
        outputs.append(w["output.weight"] @ (w["norm.weight"] * gated / (gated.square().mean() + 1e-5).sqrt()))
    return torch.stack(outputs)


@pytest.mark.parametrize("length", [1, 2, 63, 64, 65, 200])
def test_it_computes_its_recurrence(length):
    module = mixer()
    u = torch.randn(2, length, 8, dtype=torch.float64) * 3
    with torch.no_grad():
        expected = torch.stack([naive_ssd(row, module) for row in u])
        torch.testing.assert_close(module(u), expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("settings", [{"d_conv": 1}, {"expand": 3, "d_head": 8}, {"d_head": 16}, {"d_state": 1}])
def test_every_size_can_be_set(settings):
    module = mixer(**settings)
    u = torch.randn(2, 9, 8, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(module(u), torch.stack([naive_ssd(row, module) for row in u]))


def test_gradients_are_those_of_the_recurrence():
    module = mixer()
    u = torch.randn(1, 70, 8, dtype=torch.float64, requires_grad=True)
    parameters = [u, *module.parameters()]
    found = torch.autograd.grad(module(u).square().sum(), parameters)
    expected = torch.autograd.grad(naive_ssd(u[0], module).square().sum(), parameters)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("d_conv", [1, 2, 4])
def test_steps_give_what_the_full_pass_gives(d_conv):
    module = mixer(d_conv=d_conv)
    u, state, outputs = torch.randn(3, 80, 8, dtype=torch.float64), None, []
    with torch.no_grad():
        for u_t in u.unbind(1):
            output, state = module.step(u_t, state)
            outputs.append(output)
        torch.testing.assert_close(torch.stack(outputs, dim=1), module(u), rtol=1e-9, atol=1e-10)
    assert [tuple(part.shape) for part in state] == [(3, d_conv - 1, 16 + 2 * 5), (3, 4, 5, 4)]


def test_steps_and_decays_start_in_their_ranges():
    torch.manual_seed(0)
    module = StateSpaceMixer(SsdModelConfig(d_head=1), 1000)
    dt, rate = F.softplus(module.dt_bias), module.log_decay_rate.exp()
    assert 0.999e-3 < dt.min() < 2e-3
    assert 0.05 < dt.max() < 0.1001
    # Uniform on a logarithmic scale: half of them below the geometric mean.
    assert (dt < math.sqrt(1e-3 * 1e-1)).double().mean() == pytest.approx(0.5, abs=0.05)
    assert 1 <= rate.min() < 1.1
    assert 15.9 < rate.max() <= 16


def encoder(**settings):
    return EncoderConfig.model_validate({"d_model": 8, "max_length": 9, **settings})


def test_its_parameters_are_those_of_the_block():
    config = SsdModelConfig(d_state=5, d_head=4, d_conv=3)
    model = SsdModel(Blueprint(config, encoder(), None, n_items=20, n_special_tokens=0))
    d, inner, convolved, heads = 8, 16, 16 + 2 * 5, 4
    mixing = d * (inner + convolved + heads) + 3 * convolved + convolved + 3 * heads + inner + inner * d
    block = mixing + (4 * d * d + 4 * d) + (4 * d * d + d) + 2 * 2 * d
    assert sum(p.numel() for p in model.parameters()) == 21 * d + 2 * d + 2 * block


def test_heads_that_do_not_fit_are_refused_when_planning():
    raw = {
        "report": "r",
        "datasets": ["ml-1m"],
        "seeds": [0],
        "runs": [{"id": "odd", "model": {"kind": "ssd", "d_head": 48}, "masking": {"kind": "causal"}}],
        "evaluation": {"reference": "odd"},
    }
    with pytest.raises(ConfigError, match=r"run odd: model ssd: d_head 48 does not divide expand \* d_model = 128"):
        load(raw)


@pytest.fixture
def fake_package(monkeypatch):
    """Install a stand-in for `mamba_ssm`, whose scan has the package's signature and shapes."""

    def mamba_chunk_scan_combined(x, dt, A, B, C, chunk_size):  # noqa: N803 - the package's names
        assert B.shape == C.shape == (*x.shape[:2], 1, B.shape[-1])
        assert dt.shape == x.shape[:3]
        assert chunk_size & (chunk_size - 1) == 0
        state, outputs = torch.zeros(x.shape[0], x.shape[2], B.shape[-1], x.shape[3], dtype=x.dtype), []
        for t in range(x.shape[1]):
            added = torch.einsum("bn,bhp->bhnp", B[:, t, 0], x[:, t] * dt[:, t, :, None])
            state = (dt[:, t] * A).exp()[..., None, None] * state + added
            outputs.append(torch.einsum("bn,bhnp->bhp", C[:, t, 0], state))
        calls.append(x.shape)
        return torch.stack(outputs, dim=1)

    calls: list[torch.Size] = []
    module = ModuleType("mamba_ssm.ops.triton.ssd_combined")
    module.mamba_chunk_scan_combined = mamba_chunk_scan_combined
    for name in ("mamba_ssm", "mamba_ssm.ops", "mamba_ssm.ops.triton"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    choice = ssd.fused_kernel
    choice.cache_clear()
    yield mamba_chunk_scan_combined, calls
    choice.cache_clear()


def test_the_fused_kernel_is_taken_on_a_gpu_only(fake_package):
    assert ssd.fused_kernel("cuda") is fake_package[0]
    assert ssd.fused_kernel("cpu") is None


def test_without_the_package_there_is_no_fused_kernel(monkeypatch):
    monkeypatch.setitem(sys.modules, "mamba_ssm", None)
    ssd.fused_kernel.cache_clear()
    assert ssd.fused_kernel("cuda") is None
    ssd.fused_kernel.cache_clear()


def test_the_fused_kernel_is_given_what_it_expects(fake_package, monkeypatch):
    """No GPU is needed to see that names, shapes and signs fit the package's scan."""
    kernel, calls = fake_package
    module = mixer()
    u = torch.randn(2, 20, 8, dtype=torch.float64)
    with torch.no_grad():
        own = module(u)
        monkeypatch.setattr(ssd, "fused_kernel", lambda device_type: kernel)
        # It leaves doubles as they are.
        with torch.autocast("cpu", torch.bfloat16):
            torch.testing.assert_close(module(u), own, rtol=1e-9, atol=1e-10)
    assert calls == [(2, 20, 4, 4)]


def test_the_fused_kernel_which_rounds_is_taken_only_where_low_precision_is_asked_for(fake_package, monkeypatch):
    kernel, calls = fake_package
    monkeypatch.setattr(ssd, "fused_kernel", lambda device_type: kernel)
    module, u = mixer().float(), torch.randn(2, 20, 8)
    with torch.no_grad():
        module(u)
        with torch.autocast("cpu", torch.bfloat16, enabled=False):
            module(u)
        assert not calls
        with torch.autocast("cpu", torch.bfloat16):
            module(u)
    assert len(calls) == 1


def test_a_recurrence_forgets():
    """With the strongest decay the oldest items stop counting long before the sequence ends."""
    torch.manual_seed(0)
    config = SsdModelConfig(d_state=5, d_head=4, d_conv=2)
    model = SsdModel(Blueprint(config, encoder(max_length=60, n_layers=1), None, n_items=20, n_special_tokens=0))
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, StateSpaceMixer):
                module.log_decay_rate.fill_(math.log(16))
                module.dt_bias.fill_(3.0)
        items = torch.randint(1, 21, (1, 60))
        changed = torch.cat([items[:, :1] % 20 + 1, items[:, 1:]], dim=1)
        one, other = (model.eval().encode(Batch(x, torch.tensor([60])), CAUSAL) for x in (items, changed))
    assert not torch.equal(one[:, 0], other[:, 0])
    assert torch.equal(one[:, -1], other[:, -1])
