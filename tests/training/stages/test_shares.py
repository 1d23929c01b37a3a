"""What holds for every stage: the same step however it is shared out, nearly so in bfloat16."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from foleyline_training.share import WHOLE, Share
from foleyline_training.stages.autoencoder import AutoencoderStage
from foleyline_training.stages.cavp import CavpStage
from foleyline_training.stages.classifier import ClassifierStage
from foleyline_training.stages.diffusion import DiffusionStage


@pytest.fixture(params=["cavp", "autoencoder", "diffusion", "classifier"])
def stage(request, tiny, corpus, busy):
    match request.param:
        case "cavp":
            made = CavpStage(tiny, corpus)
        case "autoencoder":
            made = AutoencoderStage(tiny, corpus)
        case "diffusion":
            made = DiffusionStage(request.getfixturevalue("data"))
        case _:
            made = ClassifierStage(request.getfixturevalue("data"))
    busy(made.network)
    return made


def gradients(stage, share):
    stage.network.zero_grad()
    loss, figures = stage.loss(np.random.default_rng(7), share)
    assert loss.dtype == torch.float32
    loss.backward()
    named = {name: weight.grad for name, weight in stage.network.named_parameters()}
    return loss.item(), figures, named


def test_shares_of_a_step_have_its_mean_loss(stage):
    """But for the semantic contrast, which sets each clip against those of all rows."""
    whole, figures, _ = gradients(stage, WHOLE)
    shared = [gradients(stage, Share(rank, 2, part, 2)) for rank in (0, 1) for part in (0, 1)]
    mean = np.mean([loss - f.get("semantic", 0) for loss, f, _ in shared])
    assert mean == pytest.approx(whole - figures.get("semantic", 0), rel=1e-5)


def test_half_the_precision_has_nearly_the_same_loss_and_gradients(stage):
    exact, _, wanted = gradients(stage, WHOLE)
    rough, _, got = gradients(stage, replace(WHOLE, dtype=torch.bfloat16))
    assert rough != exact
    assert rough == pytest.approx(exact, rel=0.02)
    flat = partial(torch.nn.utils.parameters_to_vector)
    one, other = flat(wanted.values()), flat(got.values())
    assert other.dtype == torch.float32
    assert torch.cosine_similarity(one, other, dim=0) > 0.99
