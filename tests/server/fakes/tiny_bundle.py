"""A bundle small enough to build in a test: real graphs, real hashes, no training, no torch."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from foleyline_contract.bundle import (
    GRAPHS,
    MEL_FILTERS,
    VOCODER_GRAPH,
    Manifest,
    file_sha256,
    format_for,
    write_manifest,
)
from foleyline_contract.specs import (
    AlignerSpec,
    FeatureSpec,
    LatentSpec,
    MelSpec,
    ModelSpec,
    PictureSpec,
    SamplingDefaults,
    ScheduleSpec,
)

WINDOW, DIM, CONDITION_DIM, BANDS = 8, 4, 4, 16
LATENT = (2, 8)
MEL_FRAMES_PER_COLUMN = 8
SIDE_PX = 8
BUSY_SIDE = 1000
"""A busy UNet multiplies matrices of this size: tens of milliseconds a step."""

MODEL = ModelSpec(
    picture=PictureSpec(Fraction(8), Fraction(1, 16), SIDE_PX, SIDE_PX, 1.0, "squash-bilinear"),
    features=FeatureSpec(DIM, WINDOW, 1, CONDITION_DIM),
    latent=LatentSpec(LATENT, 1.0),
    mel=MelSpec(8000, 512, 125, BANDS, 50.0, 4000.0, 1e-5, 20.0, -80.0, 100.0),
    schedule=ScheduleSpec("scaled-linear", 1000, 0.00085, 0.012, "x0"),
    aligner=AlignerSpec("encoded"),
    defaults=SamplingDefaults("dpm-solver++2m", 3, 2.0, 1.0, "griffin-lim"),
)

ASKABLE = replace(MODEL, palette=("wood", "footstep_loose"))
"""It can be asked for sounds: the first adds 1/2 to its condition, the second 1."""

UNEVEN = replace(
    MODEL,
    picture=replace(MODEL.picture, fps=Fraction(4), phase_s=Fraction(1, 8)),
    latent=LatentSpec((2, 16), 1.0),
    mel=replace(MODEL.mel, hop=128),
)
"""Like the official model: 125/64 latent columns a picture; 2 s of picture, 2.048 s of latent."""


def build_tiny_bundle(
    folder: Path,
    *,
    name: str = "tiny",
    model: ModelSpec = MODEL,
    busy: bool = False,
    family: str = "diff-foley",
    vocoder: bool = False,
) -> Path:
    """Write a bundle into ``folder / name`` and return that folder."""
    place = folder / name
    place.mkdir(parents=True)
    for graph in GRAPHS:
        made = _unet(model, busy) if graph == "unet" else _GRAPHS[graph](model)
        onnx.save(made, place / f"{graph}.onnx")
    if vocoder:
        onnx.save(_vocoder(model), place / f"{VOCODER_GRAPH}.onnx")
    np.save(place / MEL_FILTERS, mel_filters(model.mel))
    (place / "CREDITS.txt").write_text("Nobody made any of this.\n", encoding="utf-8")
    files = {path.name: file_sha256(path) for path in sorted(place.iterdir())}
    about = name, family, "1", "for tests", "CC0-1.0", "CREDITS.txt", "fp32"
    write_manifest(place, Manifest(format_for(model), *about, model, files))
    return place


def mel_filters(spec: MelSpec) -> np.ndarray:
    """Triangles, evenly spaced in hertz; (bands, n_fft // 2 + 1)."""
    edges = np.linspace(spec.fmin_hz, spec.fmax_hz, spec.bands + 2)
    bins = np.linspace(0, spec.rate_hz / 2, spec.n_fft // 2 + 1)
    rise = (bins - edges[:-2, None]) / (edges[1] - edges[0])
    fall = (edges[2:, None] - bins) / (edges[1] - edges[0])
    return np.maximum(0, np.minimum(rise, fall)).astype(np.float32)


def _model(nodes, inputs, outputs, constants):
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in inputs.items()],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in outputs.items()],
        [numpy_helper.from_array(np.asarray(v), n) for n, v in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def _f(values) -> np.ndarray:
    return np.asarray(values, np.float32)


def _i(*values: int) -> np.ndarray:
    return np.asarray(values, np.int64)


def _video_encoder(_: ModelSpec):
    """Feature d of a picture is its mean brightness times d + 1."""
    nodes = [
        helper.make_node("ReduceMean", ["pictures", "axes"], ["mean"], keepdims=0),
        helper.make_node("Unsqueeze", ["mean", "last"], ["column"]),
        helper.make_node("Mul", ["column", "scales"], ["features"]),
    ]
    pictures = ["batch", "frames", 3, SIDE_PX, SIDE_PX]
    constants = {"axes": _i(2, 3, 4), "last": _i(-1), "scales": _f([1, 2, 3, 4])}
    return _model(nodes, {"pictures": pictures}, {"features": ["batch", "frames", DIM]}, constants)


def _condition_encoder(model: ModelSpec):
    """Half the features, and half for every place of the palette up to the one asked for."""
    window, sounds = model.features.per_window, len(model.palette)
    nodes = [helper.make_node("Mul", ["features", "half"], ["seen" if sounds else "condition"])]
    inputs = {"features": ["batch", window, DIM]}
    constants = {"half": _f(0.5)}
    if sounds:
        nodes += [
            helper.make_node("MatMul", ["palette", "table"], ["row"]),
            helper.make_node("Unsqueeze", ["row", "one"], ["asked"]),
            helper.make_node("Add", ["seen", "asked"], ["condition"]),
        ]
        inputs["palette"] = ["batch", sounds]
        steps = np.arange(1, sounds + 1)[:, None] / 2
        constants |= {"table": _f(steps.repeat(CONDITION_DIM, 1)), "one": _i(1)}
    return _model(nodes, inputs, {"condition": ["batch", window, CONDITION_DIM]}, constants)


def _spread(model: ModelSpec) -> np.ndarray:
    """(features, columns): one where a column's middle shows that feature's picture."""
    columns = model.latent.shape[-1]
    column_s = Fraction(MEL_FRAMES_PER_COLUMN * model.mel.hop, model.mel.rate_hz)
    matrix = np.zeros((model.features.per_window, columns), np.float32)
    for column in range(columns):
        shown = int((column + Fraction(1, 2)) * column_s * model.picture.fps)
        matrix[min(shown, len(matrix) - 1), column] = 1
    return matrix


def _unet(model: ModelSpec, busy: bool):
    """x0 = tanh(latent) / 10 + the condition's mean at that column, plus a trace of the step."""
    nodes = [
        helper.make_node("Tanh", ["latent"], ["bounded"]),
        helper.make_node("Mul", ["bounded", "tenth"], ["small"]),
        helper.make_node("ReduceMean", ["condition", "last"], ["means"], keepdims=0),
        helper.make_node("MatMul", ["means", "spread"], ["mean"]),
        helper.make_node("Unsqueeze", ["mean", "one"], ["row"]),
        helper.make_node("Add", ["small", "row"], ["seen"]),
        helper.make_node("Unsqueeze", ["timestep", "two"], ["step"]),
        helper.make_node("Mul", ["step", "tiny"], ["trace"]),
        helper.make_node("Add", ["seen", "trace"], ["plain" if busy else "prediction"]),
    ]
    constants = {
        "tenth": _f(0.1), "tiny": _f(1e-5), "last": _i(-1), "one": _i(1), "two": _i(1, 2),
        "spread": _spread(model),
    }  # fmt: skip
    if busy:
        nodes += [
            helper.make_node("ReduceMax", ["timestep", "zero"], ["level"], keepdims=1),
            helper.make_node("Expand", ["level", "square"], ["matrix"]),
            helper.make_node("MatMul", ["matrix", "matrix"], ["product"]),
            helper.make_node("ReduceMean", ["product"], ["work"], keepdims=0),
            helper.make_node("Mul", ["work", "nothing"], ["none"]),
            helper.make_node("Add", ["plain", "none"], ["prediction"]),
        ]
        constants |= {"zero": _i(0), "square": _i(BUSY_SIDE, BUSY_SIDE), "nothing": _f(0.0)}
    latent = ["batch", *model.latent.shape]
    inputs = {
        "latent": latent,
        "timestep": ["batch"],
        "condition": ["batch", model.features.per_window, CONDITION_DIM],
    }
    return _model(nodes, inputs, {"prediction": latent}, constants)


def _aligner(model: ModelSpec):
    """log p = -mean(latent ** 2) + 0 * features; the gradient to match."""
    size = int(np.prod(model.latent.shape))
    nodes = [
        helper.make_node("Mul", ["latent", "slope"], ["gradient"]),
        helper.make_node("Mul", ["latent", "latent"], ["square"]),
        helper.make_node("ReduceMean", ["square", "axes"], ["mean"], keepdims=0),
        helper.make_node("ReduceMean", ["features", "axes"], ["seen"], keepdims=0),
        helper.make_node("Mul", ["seen", "nothing"], ["none"]),
        helper.make_node("Add", ["timestep", "seen"], ["unused"]),
        helper.make_node("Sub", ["none", "mean"], ["log_prob"]),
    ]
    latent = ["batch", *model.latent.shape]
    features = ["batch", model.features.per_window, DIM]
    return _model(
        nodes,
        {"latent": latent, "timestep": ["batch"], "features": features},
        {"log_prob": ["batch"], "gradient": latent},
        {"slope": _f(-2 / size), "axes": _i(1, 2), "nothing": _f(0.0)},
    )


def _latent_decoder(model: ModelSpec):
    """Every column becomes eight mel frames of one level in all bands."""
    columns = model.latent.shape[-1]
    frames = columns * MEL_FRAMES_PER_COLUMN
    nodes = [
        helper.make_node("ReduceMean", ["latent", "one"], ["mean"], keepdims=0),
        helper.make_node("Sigmoid", ["mean"], ["level"]),
        helper.make_node("Unsqueeze", ["level", "around"], ["cell"]),
        helper.make_node("Expand", ["cell", "block"], ["blocks"]),
        helper.make_node("Reshape", ["blocks", "flat"], ["mel"]),
    ]
    constants = {
        "one": _i(1),
        "around": _i(1, 3),
        "block": _i(1, BANDS, columns, MEL_FRAMES_PER_COLUMN),
        "flat": _i(-1, BANDS, frames),
    }
    latent, mel = ["batch", *model.latent.shape], ["batch", BANDS, frames]
    return _model(nodes, {"latent": latent}, {"mel": mel}, constants)


def _vocoder(model: ModelSpec):
    """Every bin's real and imaginary part is the mean of the mel's bands."""
    bins = model.mel.n_fft // 2 + 1
    nodes = [
        helper.make_node("ReduceMean", ["mel", "one"], ["mean"], keepdims=1),
        helper.make_node("Unsqueeze", ["mean", "one"], ["cell"]),
        helper.make_node("Expand", ["cell", "block"], ["spectrum"]),
    ]
    shapes = ["batch", BANDS, "frames"], ["batch", 2, bins, "frames"]
    constants = {"one": _i(1), "block": _i(1, 2, bins, 1)}
    return _model(nodes, {"mel": shapes[0]}, {"spectrum": shapes[1]}, constants)


_GRAPHS = {
    "video_encoder": _video_encoder,
    "condition_encoder": _condition_encoder,
    "aligner": _aligner,
    "latent_decoder": _latent_decoder,
}
