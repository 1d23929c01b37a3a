"""A tiny configuration, a corpus of noise in its format, and networks with busy weights."""

import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

if importlib.util.find_spec("torch"):
    import torch

    torch.set_num_threads(1)

sys.path.append(str(Path(__file__).parent / "fakes"))
GOLDEN = Path(__file__).parents[1] / "golden"
MATERIALS = ("wood", "glass", "water")
CONTACTS_PER_SCENE = 3


@pytest.fixture(scope="session")
def golden() -> Callable[[str], dict[str, np.ndarray]]:
    """Reads an excerpt of what the official code computes; tests/golden says how it was made."""

    def read(name: str) -> dict[str, np.ndarray]:
        with np.load(GOLDEN / f"official_{name}.npz", allow_pickle=False) as arrays:
            return dict(arrays)

    return read


@pytest.fixture(scope="session")
def tiny():
    from foleyline_training.config import load_config

    return load_config(str(Path(__file__).parent / "tiny.toml"))


@pytest.fixture
def corpus(tiny, tmp_path):
    """A corpus as the renderer leaves one, of noise: 8 scenes of 48 pictures."""
    from foleyline_training.data.corpus_files import CorpusFiles

    folder = tmp_path / "corpus"
    folder.mkdir()
    rng = np.random.default_rng(0)
    scenes, pictures, size = tiny.corpus.scenes, tiny.corpus.duration_pictures, 16
    samples = int(tiny.duration_s * tiny.mel.rate_hz)
    contacts = scenes * CONTACTS_PER_SCENE
    np.save(
        folder / "pictures.npy", rng.integers(0, 256, (scenes, pictures, size, size, 3), np.uint8)
    )
    np.save(folder / "sound.npy", rng.integers(-20000, 20000, (scenes, samples), np.int16))
    np.save(
        folder / "activity.npy", rng.integers(0, 256, (scenes, pictures, len(MATERIALS)), np.uint8)
    )
    np.savez(
        folder / "contacts.npz",
        scene=np.repeat(np.arange(scenes, dtype=np.int32), CONTACTS_PER_SCENE),
        time_s=rng.uniform(0, float(tiny.duration_s), contacts),
        material=rng.integers(0, len(MATERIALS), contacts).astype(np.int8),
        seen=np.ones(contacts, np.bool_),
    )
    (folder / "index.json").write_text(json.dumps({"materials": MATERIALS}))
    return CorpusFiles(folder, tiny)


@pytest.fixture(scope="session")
def busy():
    """Replaces all weights by noise, so that layers that start at zero do something."""

    def shake(network, seed: int = 0):
        generator = torch.Generator().manual_seed(seed)
        for weight in network.parameters():
            fan_in = weight[0].numel() if weight.dim() > 1 else 4
            noise = torch.randn(weight.shape, generator=generator, dtype=weight.dtype)
            weight.data = noise / fan_in**0.5
        return network.eval()

    return shake


@pytest.fixture
def unmoved():
    """Names of the weights that a backward pass of ``loss`` gives no gradient."""

    def names(network, loss):
        loss.backward()
        return [
            name
            for name, weight in network.named_parameters()
            if weight.grad is None or not weight.grad.any()
        ]

    return names


@pytest.fixture
def write_prepared(monkeypatch):
    """Writes a folder as 'prepare' leaves one, of clips of noise for a configuration."""
    from made_clips import made_clips, prepared

    from foleyline_training.prepare.clips import ClipSpec

    def write(folder, config):
        folder.mkdir()
        spec = ClipSpec.of(config)
        with monkeypatch.context() as patch:
            return prepared(folder, spec, made_clips(spec), patch)

    return write
