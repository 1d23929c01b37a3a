"""Losses of the mini's stages as they were recorded once: who changes them changes the mini."""

import numpy as np
import pytest
import torch

from foleyline_training.stages.autoencoder import AutoencoderStage
from foleyline_training.stages.cavp import CavpStage
from foleyline_training.stages.classifier import ClassifierStage
from foleyline_training.stages.diffusion import DiffusionStage

RECORDED = {
    "cavp": (27.201693, 26.087172),
    "autoencoder": (0.36166498, 0.36078477),
    "diffusion": (10.303118, 9.3588772),
    "classifier": (0.69386411, 0.64156920),
}


@pytest.mark.parametrize("name", RECORDED)
def test_losses_of_two_draws(name, tiny, corpus, data, busy):
    make = {
        "cavp": lambda: CavpStage(tiny, corpus),
        "autoencoder": lambda: AutoencoderStage(tiny, corpus),
        "diffusion": lambda: DiffusionStage(data),
        "classifier": lambda: ClassifierStage(data),
    }
    stage = make[name]()
    busy(stage.network)
    with torch.inference_mode():
        losses = [stage.loss(np.random.default_rng([3, step]))[0].item() for step in (0, 1)]
    assert losses == pytest.approx(RECORDED[name], rel=1e-4)
