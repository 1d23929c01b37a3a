from itertools import permutations
from math import log

import pytest
import torch
import torch.nn.functional as F

from foleyline_training.objectives.contrastive import semantic_contrast, temporal_contrast

SCALE = torch.tensor(1 / 0.07)


def unit_clips(*shape, seed=0):
    return F.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1)


@pytest.mark.parametrize("clips", [2, 3])
def test_official_losses_and_gradients(golden, clips):
    """Source: the golden `cavp_loss`, the official ClipLoss_Intra_Contrast."""
    wanted = golden("cavp_loss")
    video, audio = (
        torch.from_numpy(wanted[name]).reshape(12 // clips, clips, -1).requires_grad_(True)
        for name in ("video", "audio")
    )
    semantic, temporal = (f(video, audio, SCALE) for f in (semantic_contrast, temporal_contrast))
    assert semantic.item() == pytest.approx(wanted[f"semantic_{clips}"].item(), rel=1e-5)
    assert temporal.item() == pytest.approx(wanted[f"temporal_{clips}"].item(), rel=1e-5)
    total = semantic + temporal
    assert total.item() == pytest.approx(wanted[f"total_{clips}"].item(), rel=1e-5)
    total.backward()
    for name, rows in (("video", video), ("audio", audio)):
        gradient = torch.from_numpy(wanted[f"{name}_gradient_{clips}"])
        torch.testing.assert_close(rows.grad.flatten(0, 1), gradient, atol=2e-6, rtol=1e-4)


@pytest.mark.parametrize("contrast", [semantic_contrast, temporal_contrast])
def test_least_where_pairs_match(contrast):
    clips = unit_clips(1, 4, 16)
    losses = {
        order: contrast(clips, clips[:, order], SCALE).item() for order in permutations(range(4))
    }
    assert min(losses, key=losses.__getitem__) == (0, 1, 2, 3)


@pytest.mark.parametrize(("contrast", "rivals"), [(semantic_contrast, 6), (temporal_contrast, 3)])
def test_indifference_costs_the_log_of_the_number_of_rivals(contrast, rivals):
    same = unit_clips(1, 1, 8).expand(2, 3, 8)
    assert contrast(same, same, SCALE).item() == pytest.approx(log(rivals), rel=1e-5)


def test_direction_does_not_matter():
    video, audio = unit_clips(3, 2, 8, seed=1), unit_clips(3, 2, 8, seed=2)
    for contrast in (semantic_contrast, temporal_contrast):
        torch.testing.assert_close(contrast(video, audio, SCALE), contrast(audio, video, SCALE))


def test_temporal_contrast_stays_within_a_video():
    video, audio = unit_clips(3, 4, 8, seed=1), unit_clips(3, 4, 8, seed=2)
    alone = [temporal_contrast(video[i : i + 1], audio[i : i + 1], SCALE) for i in range(3)]
    torch.testing.assert_close(temporal_contrast(video, audio, SCALE), sum(alone) / 3)
