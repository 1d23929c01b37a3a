"""The vocoder's graph, from the network to the sound the server makes with it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from foleyline_export.graph_file import save_graph
from foleyline_export.graphs.mini import vocoder_spec
from foleyline_export.trace import to_onnx
from foleyline_export.verify import verify
from foleyline_server.pipeline.vocoders.neural import Neural
from foleyline_training.checkpoints import save_checkpoint
from foleyline_training.config import load_config
from foleyline_training.data.mel import mel_filters
from foleyline_training.models.vocoder import magnitude_of
from foleyline_training.objectives.spectral import MelRounds
from foleyline_training.stages.networks import make_vocoder

TINY = Path(__file__).parents[2] / "training" / "tiny.toml"


@pytest.fixture(scope="module")
def config():
    tiny = load_config(str(TINY))
    return replace(tiny, networks=replace(tiny.networks, vocoder_width=16, vocoder_blocks=2))


@pytest.fixture(scope="module")
def spec(config, tmp_path_factory):
    run = tmp_path_factory.mktemp("run")
    save_checkpoint(run / "vocoder.pt", {"weights": make_vocoder(config).state_dict()})
    return vocoder_spec(config, run)


@pytest.mark.slow
def test_graph_is_the_network_at_any_batch_and_length(spec, tmp_path):
    assert (list(spec.inputs), spec.outputs) == (["mel"], ("spectrum",))
    path = tmp_path / "vocoder.onnx"
    save_graph(to_onnx(spec), path)
    assert verify(spec, path, spec.tolerance)["spectrum"]["relative_l2"] < 1e-4
    session = onnxruntime.InferenceSession(path)
    for frames in (4, 577):
        mel = np.random.default_rng(0).random((1, 16, frames), np.float32)
        with torch.inference_mode():
            wanted = spec.network(torch.from_numpy(mel)).numpy()
        np.testing.assert_allclose(session.run(None, {"mel": mel})[0], wanted, rtol=1e-4, atol=1e-2)


def test_the_servers_rounds_are_those_it_was_trained_through(spec, config):
    def run(mel):
        return {"spectrum": spec.network(torch.from_numpy(mel)).detach().numpy()}

    mel = np.random.default_rng(0).uniform(0.3, 0.7, (16, 40)).astype(np.float32)
    served = Neural(config.mel, mel_filters(config.mel), run, rounds=3)(mel, 0)
    shown = torch.from_numpy(np.concatenate([mel, mel[:, -1:]], axis=1))[None]
    real, imaginary = spec.network(shown)[0]
    levels = magnitude_of(shown, config.mel).transpose(1, 2)
    trained = MelRounds(config.mel)(torch.complex(real, imaginary)[None], levels, 3)[0].numpy()
    inside = slice(0, -config.mel.n_fft)  # past the end the two differ in what they know
    difference = np.linalg.norm(served[inside] - trained[: len(served)][inside])
    assert difference < 0.02 * np.linalg.norm(served[inside])
