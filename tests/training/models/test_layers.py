import pytest
import torch
import torch.nn.functional as F

from foleyline_training.models.layers import (
    Attention,
    ChannelNorm,
    TemporalBlock,
    TimestepBlock,
    TimestepEmbedding,
    TransformerBlock,
    time_code,
)


def test_channel_norm_keeps_moments_apart():
    x = torch.randn(2, 8, 5)
    louder = x * torch.tensor([1.0, 1, 1, 1, 50])
    norm = ChannelNorm(8)
    assert torch.equal(norm(x)[..., :4], norm(louder)[..., :4])


@pytest.mark.parametrize("dilation", [1, 2])
def test_temporal_block_sees_twice_its_dilation(busy, dilation):
    block = busy(TemporalBlock(8, dilation).double())
    x = torch.randn(1, 8, 21, dtype=torch.float64, requires_grad=True)
    block(x)[0, :, 10].square().sum().backward()
    seen = x.grad.abs().sum((0, 1)).nonzero().flatten()
    assert (seen.min(), seen.max()) == (10 - 2 * dilation, 10 + 2 * dilation)


def test_blocks_start_as_identities():
    x = torch.randn(2, 8, 6)
    assert torch.equal(TemporalBlock(8)(x), x)
    assert torch.equal(TimestepBlock(8, 8, 4)(x, torch.randn(2, 4)), x)


def test_timestep_block_changes_channels_and_heeds_its_embedding(busy):
    block, x = busy(TimestepBlock(8, 16, 4)), torch.randn(2, 8, 6)
    one, two = block(x, torch.zeros(2, 4)), block(x, torch.ones(2, 4))
    assert one.shape == (2, 16, 6)
    assert not torch.allclose(one, two)


def test_attention_is_torchs(busy):
    layer = busy(Attention(16, 12, heads=4))
    x, context = torch.randn(3, 5, 16), torch.randn(3, 7, 12)

    def split(y):
        return y.unflatten(-1, (4, 4)).transpose(1, 2)

    reference = F.scaled_dot_product_attention(
        split(layer.query(x)), split(layer.key(context)), split(layer.value(context))
    )
    wanted = layer.out(reference.transpose(1, 2).flatten(2))
    torch.testing.assert_close(layer(x, context), wanted)


def test_time_code_of_stride_two_is_at_the_mean_of_two_positions():
    one, two = time_code(12, 16, stride=1), time_code(6, 16, stride=2)
    # sin a + sin b and cos a + cos b point to the angle (a + b) / 2.
    between = (one[0::2] + one[1::2]).reshape(6, 2, 8)
    torch.testing.assert_close(F.normalize(between, dim=1).reshape(6, 16), two)


def test_first_moment_is_half_a_feature():
    """Of angles that turn by pi / 2 a feature: half of that is pi / 4."""
    torch.testing.assert_close(time_code(1, 2, stride=1), torch.full((1, 2), 0.5**0.5))


def test_time_codes_differ_within_a_window():
    code = time_code(64, 192, stride=1)
    distances = torch.cdist(code, code) + 1e9 * torch.eye(64)
    assert distances.min() > 1


def test_transformer_heeds_position(busy):
    block, x = busy(TransformerBlock(16, 4)), torch.randn(1, 16, 6)
    assert not torch.allclose(block(x.flip(-1), 1).flip(-1), block(x, 1), atol=1e-3)


def test_transformer_heeds_its_context(busy):
    block, x = busy(TransformerBlock(16, 4, context_dim=8)), torch.randn(2, 16, 6)
    one, two = (block(x, 2, torch.randn(2, 12, 8)) for _ in range(2))
    assert one.shape == x.shape
    assert not torch.allclose(one, two)


def test_timestep_embedding_takes_fractions(busy):
    embedding = busy(TimestepEmbedding(16))
    codes = embedding(torch.tensor([0.0, 3.0, 3.7, 999.0]))
    assert codes.shape == (4, 16)
    assert len(torch.unique(codes, dim=0)) == 4
