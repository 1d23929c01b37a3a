import numpy as np
import pytest

from foleyline_export.reference.rule import rule_networks
from foleyline_export.reference.torch_subject import OUTPUTS, torch_subject


@pytest.fixture(scope="module")
def subject(sizes):
    return torch_subject(rule_networks(sizes, "encoded"))


def values(*shape):
    return np.random.default_rng(0).standard_normal(shape).astype("f4")


INPUTS = {
    "video_encoder": {"pictures": values(1, 4, 3, 40, 40)},
    "condition_encoder": {"features": values(1, 5, 512)},
    "unet": {
        "latent": values(1, 4, 8, 8),
        "timestep": np.array([3.7], "f4"),
        "condition": values(1, 5, 768),
    },
    "aligner": {
        "latent": values(1, 4, 8, 8),
        "timestep": np.array([3.7], "f4"),
        "features": values(1, 5, 512),
    },
    "latent_decoder": {"latent": values(1, 4, 4, 4)},
    "spectrogram_encoder": {"mel": values(1, 128, 32)},
    "latent_encoder": {"mel": values(1, 128, 8)},
    "evaluation_classifier": {"latent": values(1, 4, 8, 8), "features": values(1, 5, 512)},
}


@pytest.mark.parametrize("graph", OUTPUTS)
def test_every_graph_answers_by_name(subject, graph):
    outputs = subject.run(graph, INPUTS[graph])
    assert tuple(outputs) == OUTPUTS[graph]
    assert all(np.isfinite(array).all() and array.ndim for array in outputs.values())


def test_the_aligner_answers_with_its_gradient(subject):
    inputs = dict(INPUTS["aligner"])
    step = 1e-2 * values(1, 4, 8, 8)
    outputs = subject.run("aligner", inputs)
    moved = subject.run("aligner", inputs | {"latent": inputs["latent"] + step})
    expected = float((outputs["gradient"] * step).sum())
    assert moved["log_prob"] - outputs["log_prob"] == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(
    ("part", "graph"),
    [
        ("latent_decoder/picture", "latent_decoder"),
        ("video_encoder/backbone", "video_encoder"),
        ("evaluation_classifier/condition", "condition_encoder"),
    ],
)
def test_parts_can_be_asked_for(subject, part, graph):
    assert subject.internals
    assert subject.run(part, INPUTS[graph])["value"].ndim > 2
