from types import SimpleNamespace

import numpy as np
import torch

from foleyline_training.metrics.timbre import (
    EXCERPT_FRAMES,
    LEAD_FRAMES,
    MaterialProbe,
    accuracy,
    excerpts,
    isolated,
    train_probe,
)


def test_excerpts_start_just_before_the_contact_and_end_in_silence():
    mels = np.arange(40, dtype=np.float32)[None, :, None].repeat(3, axis=2)  # frame k holds k
    cut = excerpts(mels, np.array([0, 0]), np.array([0.1, 0.35]), 100.0)
    assert cut.shape == (2, 3, EXCERPT_FRAMES)
    assert cut[0, 0, 0] == 10 - LEAD_FRAMES
    assert cut[1, 0, -1] == 0


def test_isolated_contacts_have_no_neighbour_in_their_own_scene():
    corpus = SimpleNamespace(
        contact_time_s=np.array([0.5, 0.6, 0.55, 2.0, 0.5]),
        contact_scene=np.array([0, 0, 1, 1, 2]),
    )
    assert isolated(corpus, range(0, 2)).tolist() == [2, 3]
    assert isolated(corpus, range(2, 3)).tolist() == [4]


def test_probe_learns_what_differs_and_nothing_else():
    rng = np.random.default_rng(0)
    materials = torch.from_numpy(rng.integers(0, 3, 300))
    inputs = torch.from_numpy(rng.random((300, 8, EXCERPT_FRAMES), dtype=np.float32)) * 0.1
    assert (
        accuracy(train_probe(inputs[:200], materials[:200], 3), inputs[200:], materials[200:]) < 0.6
    )
    for k, material in enumerate(materials):
        inputs[k, material] += 0.5
    assert (
        accuracy(train_probe(inputs[:200], materials[:200], 3), inputs[200:], materials[200:]) > 0.9
    )


def test_accuracy_weighs_materials_alike():
    class Always(torch.nn.Module):
        def forward(self, inputs):
            return torch.tensor([[1.0, 0.0]]).expand(len(inputs), -1)

    materials = torch.tensor([0] * 9 + [1])
    assert accuracy(Always(), torch.zeros(10, 1, 1), materials) == 0.5


def test_with_nothing_to_name_nothing_is_named():
    probe = MaterialProbe(bands=16, materials=3).eval()
    assert accuracy(probe, torch.zeros(0, 16, 24), torch.zeros(0, dtype=torch.long)) == 0
