"""Fixtures of the pipeline's tests."""

import pytest

from foleyline_server.runtime.bundles import BundleShelf, LoadedBundle
from foleyline_server.runtime.session import RuntimeOptions


@pytest.fixture(scope="session")
def uneven(tmp_path_factory: pytest.TempPathFactory) -> LoadedBundle:
    """A bundle whose pictures and latent columns do not fall together, like the official one."""
    pytest.importorskip("onnx", reason="onnx writes the tests' bundles")
    from tiny_bundle import UNEVEN, build_tiny_bundle

    folder = tmp_path_factory.mktemp("uneven")
    build_tiny_bundle(folder, name="uneven", model=UNEVEN)
    shelf = BundleShelf([folder], RuntimeOptions(("CPUExecutionProvider",), threads=1))
    return shelf.load(shelf.find("uneven"))
