import pytest
import torch

from foleyline_training.models.diff_foley.condition_encoder import ConditionEncoder


@pytest.fixture(scope="module")
def encoder(busy, sizes):
    return busy(ConditionEncoder(sizes, 6)).requires_grad_(False)


@pytest.mark.parametrize("length", [1, 32, 40])
def test_each_feature_gets_its_position(encoder, length):
    nothing = encoder(torch.zeros(2, length, 512))
    torch.testing.assert_close(
        nothing, (encoder.embedder[0].bias + encoder.pos_emb.weight[:length]).expand(2, -1, -1)
    )


def test_a_feature_is_where_it_is(encoder):
    features = torch.zeros(1, 4, 512)
    features[0, 2] = 1
    moved = encoder(features) - encoder(torch.zeros(1, 4, 512))
    torch.testing.assert_close(moved[0, 2], encoder.embedder[0].weight.sum(1))
    assert not moved[0, [0, 1, 3]].any()
