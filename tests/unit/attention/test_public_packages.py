"""Operators against public packages that compute the same; packages that are not installed are skipped."""

import math

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from torch import nn

from hydrarec.config.attention import (
    AttentionConfig,
    EfficientAttentionConfig,
    LinearAttentionConfig,
    LinformerAttentionConfig,
    PerformerAttentionConfig,
    SoftmaxAttentionConfig,
)
from hydrarec.sequences.visibility import Visibility

D, H, T = 16, 4, 64
LINEAR = LinearAttentionConfig(eps=1e-12)
"""Packages add their `eps` in other places: it is made nothing on both sides."""
CAUSAL = Visibility(causal=True, padding_mask=None)
BIDIRECTIONAL = Visibility(causal=False, padding_mask=None)
PADDED = Visibility(causal=False, padding_mask=torch.arange(T) < torch.tensor([[T], [20]]))


def build(config: AttentionConfig):
    torch.manual_seed(0)
    return config.implementation()(config, d_model=D, n_heads=H, max_length=T).double()


def draw():
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(2, T, D, generator=generator, dtype=torch.float64) for _ in range(3)]


def heads(*tensors):
    return [x.unflatten(-1, (H, -1)).transpose(1, 2) for x in tensors]


def features(x):
    return F.elu(x) + 1


def assert_equal(operator, visibility, theirs, *inputs):
    """Compare our output with theirs, which has its heads apart, at the real positions."""
    ours = operator(*inputs, visibility)
    real = slice(None) if visibility.padding_mask is None else visibility.padding_mask
    torch.testing.assert_close(ours[real], theirs.transpose(1, 2).flatten(2)[real], rtol=1e-6, atol=1e-8)


@pytest.fixture
def performer_pytorch():
    return pytest.importorskip("performer_pytorch.performer_pytorch", exc_type=ImportError)


@pytest.fixture
def linear_attention_transformer():
    return pytest.importorskip("linear_attention_transformer.linear_attention_transformer", exc_type=ImportError)


@pytest.mark.parametrize("visibility", [CAUSAL, BIDIRECTIONAL, PADDED], ids=["causal", "bidirectional", "padded"])
def test_softmax_is_that_of_pytorch(visibility):
    """`torch.nn.MultiheadAttention` with the identity for its projections."""
    theirs = nn.MultiheadAttention(D, H, bias=False, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.eye(D).repeat(3, 1))
        theirs.out_proj.weight.copy_(torch.eye(D))
    inputs = draw()
    hidden = ~visibility.attention_mask(T, torch.device("cpu")).expand(2, -1, -1).repeat_interleave(H, dim=0)
    expected, _ = theirs(*inputs, attn_mask=hidden)
    torch.testing.assert_close(build(SoftmaxAttentionConfig())(*inputs, visibility), expected)


def test_bidirectional_linear_is_that_of_performer_pytorch(performer_pytorch):
    q, k, v = heads(*draw())
    expected = performer_pytorch.linear_attention(features(q), features(k), v)
    assert_equal(build(LINEAR), BIDIRECTIONAL, expected, *draw())


def test_causal_linear_is_that_of_performer_pytorch(performer_pytorch):
    q, k, v = heads(*draw())
    expected = performer_pytorch.causal_linear_attention_noncuda(features(q), features(k), v, eps=0.0)
    assert_equal(build(LINEAR), CAUSAL, expected, *draw())


def test_causal_linear_is_that_of_linear_attention_transformer(linear_attention_transformer):
    """It takes softmax and exponential for features; the logarithm of ours turns these into ours."""
    q, k, v = heads(*draw())
    expected = linear_attention_transformer.causal_linear_attn(
        features(q).log(), features(k).log(), v, bucket_size=1, eps=1e-9
    )
    assert_equal(build(LINEAR), CAUSAL, expected, *draw())


@pytest.mark.parametrize("visibility", [BIDIRECTIONAL, PADDED], ids=["bidirectional", "padded"])
def test_efficient_is_that_of_linear_attention_transformer(linear_attention_transformer, visibility):
    """It divides queries by sqrt(d_head) besides, and writes into the keys it is given."""
    q, k, v = heads(*(x.clone() for x in draw()))
    expected = linear_attention_transformer.linear_attn(q, k, v, kv_mask=visibility.padding_mask)
    assert_equal(build(EfficientAttentionConfig()), visibility, expected * math.sqrt(D / H), *draw())


@pytest.mark.parametrize("causal", [True, False], ids=["causal", "bidirectional"])
def test_performer_is_that_of_performer_pytorch(performer_pytorch, causal):
    """With the same random features."""
    operator = build(PerformerAttentionConfig(n_features=20, eps=1e-12))
    q, k, v = heads(*draw())
    q, k = (
        performer_pytorch.softmax_kernel(x, projection_matrix=operator.projection, is_query=is_query, eps=0.0)
        for x, is_query in ((q, True), (k, False))
    )
    attention = performer_pytorch.causal_linear_attention_noncuda if causal else performer_pytorch.linear_attention
    expected = attention(q, k, v, eps=0.0) if causal else attention(q, k, v)
    assert_equal(operator, CAUSAL if causal else BIDIRECTIONAL, expected, *draw())


@pytest.mark.parametrize("length", [T, 30])
@pytest.mark.parametrize("shared", [False, True])
def test_linformer_is_that_of_its_package(length, shared):
    """With projections that pick queries, keys and values out of its one input; shared, its values are its keys."""
    linformer = pytest.importorskip("linformer", exc_type=ImportError)
    operator = build(LinformerAttentionConfig(k_projection=10, shared=shared))
    theirs = linformer.LinformerSelfAttention(D, T, k=10, heads=H, share_kv=shared).double()
    q, k, v = (x[:, :length] for x in draw())
    theirs.to_q, theirs.to_k = _Slice(0), _Slice(1)
    theirs.to_v, theirs.to_out = _Slice(2), nn.Identity()
    with torch.no_grad():
        theirs.proj_k.copy_(operator.key_projection)
        if not shared:
            theirs.proj_v.copy_(operator.value_projection)
    v = k if shared else v
    expected = theirs(torch.cat([q, k, v], dim=-1))
    torch.testing.assert_close(operator(q, k, v, BIDIRECTIONAL), expected, rtol=1e-6, atol=1e-8)


class _Slice(nn.Module):
    """One of the three tensors that stand side by side."""

    def __init__(self, index):
        super().__init__()
        self.index = index

    def forward(self, x):
        return x.chunk(3, dim=-1)[self.index]
