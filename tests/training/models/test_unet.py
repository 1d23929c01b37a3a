import pytest
import torch

from foleyline_training.models.unet import ConditionEncoder, UNet


@pytest.fixture(scope="module")
def unet(busy):
    return busy(UNet(latent_channels=4, width=24, levels=3, condition_dim=8))


@pytest.mark.parametrize("batch", [1, 3])
def test_prediction_has_the_latents_shape(unet, batch):
    latent, condition = torch.randn(batch, 4, 16), torch.randn(batch, 16, 8)
    assert unet(latent, torch.full((batch,), 3.7), condition).shape == latent.shape


def test_untrained_prediction_is_zero():
    unet = UNet(latent_channels=4, width=24, levels=2, condition_dim=8)
    out = unet(torch.randn(1, 4, 8), torch.zeros(1), torch.randn(1, 8, 8))
    assert not out.any()


def test_rows_of_a_batch_do_not_see_each_other(unet):
    latent, time, condition = torch.randn(2, 4, 16), torch.tensor([5.0, 700]), torch.randn(2, 16, 8)
    alone = unet(latent[1:], time[1:], condition[1:])
    torch.testing.assert_close(unet(latent, time, condition)[1:], alone, atol=1e-4, rtol=1e-4)


def test_condition_acts_where_it_belongs(unet):
    """A change in one feature changes the prediction there more than far away."""
    latent, time, condition = torch.randn(1, 4, 64), torch.tensor([500.0]), torch.randn(1, 64, 8)
    changed = condition.clone()
    changed[:, 32] += 3
    change = (unet(latent, time, changed) - unet(latent, time, condition)).abs().sum((0, 1))
    assert change[31:34].mean() > 2 * torch.cat([change[:12], change[52:]]).mean()


def test_every_input_matters(unet):
    latent, time, condition = torch.randn(1, 4, 16), torch.tensor([500.0]), torch.randn(1, 16, 8)
    base = unet(latent, time, condition)
    for other in (
        unet(latent + 1, time, condition),
        unet(latent, time + 100, condition),
        unet(latent, time, torch.zeros_like(condition)),
    ):
        assert not torch.allclose(base, other, atol=1e-3)


def test_condition_encoder_knows_positions(busy):
    encoder = busy(ConditionEncoder(feature_dim=6, condition_dim=8, per_window=16))
    condition = encoder(torch.ones(2, 16, 6))
    assert condition.shape == (2, 16, 8)
    assert not torch.allclose(condition[:, 0], condition[:, 1])


def test_palette_adds_the_same_to_every_position(busy):
    encoder = busy(ConditionEncoder(feature_dim=6, condition_dim=8, per_window=16, palette=3))
    features, asked = torch.randn(3, 16, 6), torch.eye(3)
    added = encoder(features, asked) - encoder(features)
    torch.testing.assert_close(added, added[:, :1].expand_as(added))
    torch.testing.assert_close(added[:, 0], encoder.palette.weight.T)


def test_a_palette_of_zeros_is_auto(busy):
    encoder = busy(ConditionEncoder(feature_dim=6, condition_dim=8, per_window=16, palette=3))
    features = torch.randn(2, 16, 6)
    assert torch.equal(encoder(features, torch.zeros(2, 3)), encoder(features))


def test_encoder_without_a_palette_has_the_weights_it_always_had():
    encoder = ConditionEncoder(feature_dim=6, condition_dim=8, per_window=16)
    assert set(encoder.state_dict()) == {"positions", "embedder.weight", "embedder.bias"}


def test_zero_features_are_not_the_zero_condition(busy):
    """Dropping means zeros after the encoder; silence seen before it is another thing."""
    encoder = busy(ConditionEncoder(feature_dim=6, condition_dim=8, per_window=16))
    assert encoder(torch.zeros(1, 16, 6)).abs().min() > 0


@pytest.mark.parametrize("injection", ["both", "attention", "added"])
def test_the_condition_enters_in_each_way_by_itself(injection):
    torch.manual_seed(0)
    network = UNet(4, 24, 2, 8, injection)
    latent, condition = torch.randn(1, 4, 16), torch.randn(1, 16, 8)
    with torch.no_grad():
        network.out.weight.normal_()
        for level in (*network.down, network.middle, *network.up):
            for block in level.blocks:
                block.conv2.weight.normal_(std=0.1)
    with torch.inference_mode():
        one, other = (network(latent, torch.ones(1), c) for c in (condition, -condition))
    assert not torch.allclose(one, other)
    names = [name for name, _ in network.named_parameters()]
    assert any("cross_attention" in name for name in names) == (injection != "added")
    trained = [name for name, p in network.named_parameters() if p.requires_grad]
    assert any("inject" in name for name in trained) == (injection != "attention")
