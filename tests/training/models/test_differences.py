import torch

from foleyline_training.models.differences import PictureDifferences


def test_only_the_picture_that_changes_is_another_feature():
    pictures = torch.full((1, 5, 3, 16, 16), 0.5)
    pictures[:, 3:, :, :8, :8] = 0.9
    features = PictureDifferences(35)(pictures)
    assert features.shape == (1, 5, 35)
    assert torch.equal(features[0, 0], features[0, 2])
    assert torch.equal(features[0, 4], features[0, 4])
    moved = (features[0, 3] - features[0, 4]).abs()
    assert moved.max() > 1  # the change itself, for one picture
    assert not features[0, 0].isnan().any()
