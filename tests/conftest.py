"""For all tests: what needs torch is skipped, with the reason, where torch is not installed."""

import sys
from pathlib import Path

import pytest

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
