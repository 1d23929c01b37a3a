import numpy as np
import onnx_ir as ir
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from foleyline_export.gradient import log_prob_with_gradient, trace_gradient
from foleyline_export.graph_spec import GraphSpec
from foleyline_export.trace import to_onnx
from foleyline_training.models.aligner import Aligner

TIMES = (0.0, 3.7, 250.25, 999.0)
BATCHES = (1, 5)


class SmallClassifier(nn.Module):
    """One of each operator that the aligner is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.time = nn.Linear(1, 8)
        self.norm1, self.norm2 = nn.GroupNorm(2, 8), nn.LayerNorm(8)
        self.conv = nn.Conv1d(8, 8, 3, padding=1)
        self.shrink = nn.Conv1d(8, 8, 4, stride=2, padding=1)
        self.logit = nn.Linear(8, 1)

    def forward(self, latent, timestep, features):
        x = F.silu(self.norm1(latent)) * features.transpose(1, 2)
        x = self.conv(x) + self.time((timestep / 1000)[:, None]).sin()[..., None]
        x = self.norm2(self.shrink(x).transpose(1, 2))
        x = (x @ x.transpose(1, 2)).softmax(-1) @ x
        return self.logit(x.mean(1)).squeeze(-1)


def sampler(columns):
    """Inputs for a batch at one time; 8 channels, 8 features."""

    def samples(batch, time=321.0):
        return {
            "latent": torch.randn(batch, 8, columns),
            "timestep": torch.full((batch,), time),
            "features": torch.randn(batch, columns, 8),
        }

    return samples


def spec_of(network, columns=8):
    batch = {0: "batch"}
    inputs = {"latent": batch, "timestep": batch, "features": batch}
    outputs = ("log_prob", "gradient")
    return GraphSpec("aligner", network, inputs, outputs, sampler(columns), gradient=True)


def autograd(network, arguments):
    """What is wanted, by torch's own log sigmoid and autograd."""
    latent = arguments["latent"].clone().requires_grad_(True)
    log_prob = F.logsigmoid(network(latent, arguments["timestep"], arguments["features"]))
    (gradient,) = torch.autograd.grad(log_prob.sum(), latent)
    return log_prob.detach().numpy(), gradient.numpy()


def check(spec, run):
    """``run`` gives what autograd gives, at every time and batch."""
    for time in TIMES:
        for batch in BATCHES:
            arguments = spec.samples(batch, time)
            wanted = autograd(spec.network, arguments)
            for got, exact in zip(run(arguments), wanted, strict=True):
                assert got.shape == exact.shape
                assert np.linalg.norm(got - exact) <= 1e-4 * np.linalg.norm(exact), (time, batch)


def in_onnx_runtime(spec):
    session = onnxruntime.InferenceSession(
        ir.to_proto(to_onnx(spec)).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return lambda arguments: session.run(None, {k: v.numpy() for k, v in arguments.items()})


@pytest.fixture(scope="module")
def small(busy):
    return spec_of(busy(SmallClassifier()))


def test_graph_has_autograds_gradient(small):
    check(small, in_onnx_runtime(small))


@pytest.mark.slow
def test_graph_of_the_aligner_has_autograds_gradient(busy):
    spec = spec_of(busy(Aligner(8, 8, 16)), columns=16)
    check(spec, in_onnx_runtime(spec))


def test_trace_is_plain_operators_with_autograds_gradient(small):
    traced = trace_gradient(small.network, tuple(small.samples(2).values()))
    names = [str(node.target) for node in traced.graph.nodes]
    assert not [name for name in names if "backward" in name or "native" in name]
    check(small, lambda arguments: [out.numpy() for out in traced(*arguments.values())])


@pytest.mark.parametrize("logit", [-200.0, 0.0, 200.0])
def test_extreme_logits_stay_finite(logit):
    class Constant(nn.Module):
        def forward(self, latent):
            return logit + latent.sum((1, 2))

    log_prob, gradient = log_prob_with_gradient(Constant())(torch.zeros(1, 2, 3))
    exact = torch.tensor(logit, dtype=torch.float64)
    assert log_prob.item() == pytest.approx(F.logsigmoid(exact).item(), abs=1e-6)
    wanted = torch.sigmoid(-exact).item()
    torch.testing.assert_close(gradient, torch.full((1, 2, 3), wanted), atol=1e-6, rtol=1e-5)
