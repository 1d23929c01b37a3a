"""For all tests: what needs torch is skipped, with the reason, where torch is not installed."""

import os
import sys
from pathlib import Path

import pytest

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # for tests that import ONNX Runtime before we do

NEEDED_FOR_TRAINING = (
    "torch",
    "onnx",
    "onnx_ir",
    "diffusers",
    "safetensors",
    "huggingface_hub",
)


class _Module(pytest.Module):
    def collect(self):
        try:
            return super().collect()
        except self.CollectError as error:
            if getattr(error.__cause__, "name", None) in NEEDED_FOR_TRAINING:
                pytest.skip("needs torch: scripts/test --training", allow_module_level=True)
            raise


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module:
    return _Module.from_parent(parent, path=module_path)


@pytest.fixture(autouse=True)
def _same_draws_in_any_order():
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


@pytest.fixture(scope="session")
def sizes():
    """The released networks' shapes, small enough to run at once."""
    from foleyline_training.models.diff_foley.spec import Sizes

    return Sizes(
        video_channels=4,
        video_blocks=(1, 1, 2, 1),
        spectrogram_channels=4,
        unet_channels=32,
        unet_multipliers=(1, 2),
        unet_blocks=1,
        classifier_channels=32,
        classifier_multipliers=(1, 2),
        autoencoder_channels=32,
        autoencoder_multipliers=(1, 2),
        autoencoder_blocks=1,
    )
