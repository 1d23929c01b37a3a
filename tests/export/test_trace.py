import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
import torch
from torch import nn

from foleyline_export.graph_spec import GraphSpec
from foleyline_export.trace import OPSET, to_onnx
from foleyline_training.models.cavp import VideoEncoder


class Brightness(nn.Module):
    """Folds frames into the batch and looks along time, as the video encoder does."""

    def __init__(self) -> None:
        super().__init__()
        self.along = nn.Conv1d(3, 6, 3, padding=1)

    def forward(self, pictures):
        batch, frames = pictures.shape[:2]
        level = pictures.reshape(batch * frames, 3, -1).mean(-1).reshape(batch, frames, 3)
        return self.along(level.transpose(1, 2)).transpose(1, 2)


@pytest.fixture(scope="module", params=["small", pytest.param("encoder", marks=pytest.mark.slow)])
def network(request, busy):
    return busy(Brightness() if request.param == "small" else VideoEncoder(16, 8, 6))


@pytest.fixture(scope="module")
def model(network):
    axes = {"pictures": {0: "batch", 1: "frames"}}

    def samples(batch):
        return {"pictures": torch.rand(batch, 8, 3, 16, 16)}

    return ir.to_proto(to_onnx(GraphSpec("video", network, axes, ("features",), samples)))


def test_graph_is_valid_and_of_the_promised_opset(model):
    onnx.checker.check_model(model, full_check=True)
    assert [(o.domain, o.version) for o in model.opset_import if not o.domain] == [("", OPSET)]
    assert [i.name for i in model.graph.input] == ["pictures"]
    assert [o.name for o in model.graph.output] == ["features"]


def test_both_axes_stay_dynamic(model, network):
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    for batch, frames in ((1, 8), (3, 5), (1, 64)):
        pictures = torch.rand(batch, frames, 3, 16, 16)
        (features,) = session.run(None, {"pictures": pictures.numpy()})
        with torch.inference_mode():
            wanted = network(pictures).numpy()
        np.testing.assert_allclose(features, wanted, atol=1e-4)


def test_graph_tells_nothing_of_the_machine_it_was_made_on(model):
    assert b"stack_trace" not in model.SerializeToString()
    assert b".py" not in model.SerializeToString()
