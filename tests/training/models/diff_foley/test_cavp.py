import math

import pytest
import torch

from foleyline_training.models.diff_foley.cavp import Cavp, clip_embedding


def test_embeddings_of_clips_and_their_scale(busy, sizes):
    cavp = busy(Cavp(sizes))
    cavp.logit_scale.data.fill_(math.log(10))
    seen, heard, scale = cavp(torch.rand(2, 16, 3, 40, 40), torch.rand(2, 128, 256))
    assert seen.shape == heard.shape == (2, 512)
    torch.testing.assert_close(seen.norm(dim=-1), torch.ones(2))
    torch.testing.assert_close(heard.norm(dim=-1), torch.ones(2))
    assert scale.item() == pytest.approx(10)


def test_an_embedding_is_the_strongest_of_each_channel():
    features = torch.zeros(1, 16, 512)
    features[0, 3, 0], features[0, 9, 1] = 3.0, 4.0
    torch.testing.assert_close(clip_embedding(features)[0, :3], torch.tensor([0.6, 0.8, 0.0]))


def test_two_clips_at_once_are_refused():
    with pytest.raises(ValueError, match="16 features, not 32"):
        clip_embedding(torch.rand(1, 32, 512))
