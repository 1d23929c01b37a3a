"""Networks against recordings of the official code, whatever runs the networks.

A recording is recognised by its name (``unet``, ``vae_T64``, ``classifier_reduced``...), its
inputs follow from its note, and parameters from its arrays' names (``eps_t981``). Networks are
asked by the names that docs/bundle.md gives graphs and tensors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from foleyline_export.reference.goldens import Golden, GoldenError, read_golden
from foleyline_export.reference.notes import Draw, draws, numbers, shape, told
from foleyline_export.verify import Difference
from foleyline_training.models.diff_foley.cavp import CLIP_PICTURES
from foleyline_training.models.diff_foley.spec import MODEL, RELEASED, Sizes

Array = NDArray[Any]
Run = Callable[[str, Mapping[str, Array]], Mapping[str, Array]]
"""Graph name and inputs by name to outputs by name."""
Results = Iterator[tuple[str, Array]]

TOLERANCE = 1e-4
"""Largest relative L2 difference; float32 in another order of operations gives about 4e-6."""
REDUCED = Sizes(unet_channels=32, classifier_channels=32, autoencoder_channels=32)
"""Of recordings whose name ends in ``_reduced``."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is compared.

    Attributes:
        run: asks one of its graphs.
        aligner_condition: what its aligner was built with.
        internals: parts of a graph can be asked for as ``graph/part``, with an output ``value``.
    """

    run: Run
    aligner_condition: str = MODEL.aligner.condition
    internals: bool = False


@dataclass(frozen=True, slots=True)
class _Case:
    """A recording and what it is held against."""

    golden: Golden
    folder: Path
    subject: Subject

    def ask(self, graph: str, output: str, **inputs: Array) -> Array:
        return np.asarray(self.subject.run(graph, inputs)[output])

    def inside(self, part: str, **inputs: Array) -> Array:
        return self.ask(part, "value", **inputs)

    @property
    def drawn(self) -> Mapping[str, Draw]:
        return draws(self.golden.note)

    def drawn_elsewhere(self, name: str, variable: str) -> Array:
        """An input that this note leaves to another recording's; reduced first if this one is."""
        suffixes = ("_reduced", "") if self.golden.name.endswith("_reduced") else ("", "_reduced")
        for suffix in suffixes:
            if (self.folder / f"{name}{suffix}.json").is_file():
                return draws(read_golden(self.folder, name + suffix).note)[variable].values()
        raise GoldenError(f"{self.golden.name} needs the recording {name}, which is not there")


def golden_names(folder: Path, graphs: frozenset[str], sizes: Sizes = RELEASED) -> list[str]:
    """Recordings in ``folder`` that networks of these graphs and sizes can be held against."""
    found: list[str] = []
    for path in sorted(folder.glob("*.json")):
        if sizes_of(path.stem) == sizes and (check := _check_of(path.stem)) is not None:
            found += [path.stem] if check.graphs <= graphs else []
    return found


def sizes_of(name: str) -> Sizes:
    """The sizes of the networks that a recording is of."""
    return REDUCED if name.endswith("_reduced") else RELEASED


def check_golden(folder: Path, name: str, subject: Subject) -> dict[str, Difference]:
    """Compare everything that the recording ``name`` has and ``subject`` can give.

    Returns:
        Array name to its difference. A picture of three colours of which a graph gives the
        first appears as ``name[:, 0]``.

    Raises:
        GoldenError: there is no check for it, or a shape is wrong.
    """
    check = _check_of(name)
    if check is None:
        raise GoldenError(f"there is no check for {name}")
    golden = read_golden(folder, name)
    differences: dict[str, Difference] = {}
    for key, got in check.results(_Case(golden, folder, subject)):
        array = golden.arrays.get(key.removesuffix(_FIRST_COLOUR))
        if array is None:
            continue
        differences[key] = (
            array.channel_difference(got, 0)
            if key.endswith(_FIRST_COLOUR)
            else array.difference(got)
        )
    return differences


_FIRST_COLOUR = "[:, 0]"


def _cavp_video(case: _Case) -> Results:
    pictures = case.drawn["video"].values()
    yield "unpooled_norm", case.ask("video_encoder", "features", pictures=pictures)
    if case.subject.internals:
        yield "backbone", case.inside("video_encoder/backbone", pictures=pictures)
        unpooled = case.inside("video_encoder/projected", pictures=pictures)
        yield "unpooled", unpooled
        yield from _pooled(unpooled)


def _cavp_spec(case: _Case) -> Results:
    mel = case.drawn["spec"].values()
    yield "unpooled_norm", case.ask("spectrogram_encoder", "features", mel=mel)
    if case.subject.internals:
        unpooled = case.inside("spectrogram_encoder/projected", mel=mel)
        yield "cnn14", unpooled
        yield "unpooled", unpooled
        yield from _pooled(unpooled)


def _pooled(unpooled: Array) -> Results:
    """Upstream's pooling over clips, which for more than one normalises along the clips."""
    batch, length, dim = unpooled.shape
    count = length // CLIP_PICTURES
    clips = unpooled[:, : count * CLIP_PICTURES].reshape(batch, count, CLIP_PICTURES, dim)
    pooled = clips.max(2).transpose(0, 2, 1)
    pooled = pooled[..., 0] if pooled.shape[-1] == 1 else pooled
    yield "pooled", pooled
    yield "pooled_norm", pooled / np.linalg.norm(pooled, axis=-1, keepdims=True)


def _cond_stage(case: _Case) -> Results:
    features = case.drawn["feat"].values()
    yield "emb", case.ask("condition_encoder", "condition", features=features)
    zeros = np.zeros_like(features)
    yield "emb_zero_feat", case.ask("condition_encoder", "condition", features=zeros)
    for key in case.golden.arrays:
        if key.startswith("emb_len"):
            said = told(case.golden.note, rf"{key} from '(input:\w+)' \(([\d, ]+)\)")
            features = Draw(said[1], shape(said[2]), "unit").values()
            yield key, case.ask("condition_encoder", "condition", features=features)


def _unet(case: _Case) -> Results:
    latent = case.drawn["z"].values()
    features = case.drawn_elsewhere("cond_stage", "feat")
    emb = case.ask("condition_encoder", "condition", features=features)
    conditions = {"": emb, "uncond_": np.zeros_like(emb)}
    if "c" in case.drawn:
        conditions["ctx_"] = case.drawn["c"].values()

    def predict(latent: Array, times: tuple[float, ...], condition: Array) -> Array:
        timestep = np.array(times, np.float32)
        inputs = {"latent": latent, "timestep": timestep, "condition": condition}
        return case.ask("unet", "prediction", **inputs)

    note = case.golden.note
    for key in case.golden.arrays:
        if match := re.fullmatch(r"eps_(uncond_|ctx_|)t(frac|[\d.]+)", key):
            time = match[2] if match[2] != "frac" else told(note, r"eps_tfrac:.*?t=(\d+\.?\d*)")[1]
            yield key, predict(latent, (float(time),), conditions[match[1]])
        elif key == "eps_b2":
            pattern = r"batch \[z, normal\('(input:\w+)'\)\] with t=\[(.*?)\], c=\[zeros, emb\]"
            said = told(note, pattern)
            latents = np.concatenate([latent, Draw(said[1], latent.shape).values()])
            both = np.concatenate([conditions["uncond_"], emb])
            yield key, predict(latents, numbers(said[2]), both)


def _vae(case: _Case) -> Results:
    mel, scale = case.drawn["spec"].values(), np.float32(MODEL.latent.scale_factor)
    outputs = case.subject.run("latent_encoder", {"mel": mel})
    yield "mean", outputs["mean"]
    yield "logvar", outputs["log_variance"]
    std = np.exp(0.5 * outputs["log_variance"])
    yield "std", std
    sample = outputs["mean"] + std * case.drawn["eps"].values()
    yield "sample_with_eps", sample
    yield "scaled_sample", scale * sample
    latent = case.drawn["z"].values()
    for key, decoded in (("dec", latent), ("dec_first_stage", latent / scale)):
        yield key + _FIRST_COLOUR, case.ask("latent_decoder", "mel", latent=decoded)
        if case.subject.internals:
            yield key, case.inside("latent_decoder/picture", latent=decoded)
    if case.subject.internals:
        yield "moments", case.inside("latent_encoder/moments", mel=mel)


def _classifier(case: _Case) -> Results:
    latent = case.drawn_elsewhere("unet", "z")
    features = case.drawn_elsewhere("cond_stage", "feat")
    arrays, condition = case.golden.arrays, case.subject.aligner_condition
    if condition == "encoded" and case.subject.internals:
        yield "cond_model_out", case.inside("aligner/condition", features=features)

    def align(timestep: Array) -> Mapping[str, Array]:
        inputs = {"latent": latent, "timestep": timestep, "features": features}
        return case.subject.run("aligner", inputs)

    reads = {"raw": "raw", "encoded": "enc"}[condition]
    times = {
        m[1] for key in arrays if (m := re.fullmatch(rf"(?:logit|prob)_{reads}_t([\d.]+)", key))
    }
    for time in sorted(times):
        log_prob = _column(align(np.array([time], np.float32))["log_prob"])
        yield f"prob_{reads}_t{time}", np.exp(log_prob)
        yield f"logit_{reads}_t{time}", log_prob - np.log(-np.expm1(log_prob))
    if condition == "raw":  # as the official sampler guides
        gamma = float(told(case.golden.note, r"gamma=(\d+\.?\d*)")[1])
        for key in [key for key in arrays if key.startswith("grad_tc")]:
            time = key.removeprefix("grad_tc")
            gradient = align(arrays[f"t_input_tc{time}"].value)["gradient"]
            yield key, gradient
            sigma = arrays[f"sigma_tc{time}"].value.reshape(-1, 1, 1, 1)
            yield f"guided_eps_zero_model_tc{time}", -gamma * sigma * gradient


def _align_metric(case: _Case) -> Results:
    mel, features = case.drawn["spec"].values(), case.drawn["feat"].values()
    scale = np.float32(MODEL.latent.scale_factor)
    outputs = case.subject.run("latent_encoder", {"mel": mel})
    mean, std = outputs["mean"], np.exp(0.5 * outputs["log_variance"])
    seeded = torch.randn(mean.shape, generator=torch.Generator().manual_seed(0)).numpy()
    if case.subject.internals:
        yield "cond", case.inside("evaluation_classifier/condition", features=features)
    noises = {"mean": 0, "sample": case.drawn["eps"].values(), "torchseed0": seeded}
    for way, noise in noises.items():
        latent = scale * (mean + std * noise)
        yield f"z_{way}", latent
        log_prob = case.ask("evaluation_classifier", "log_prob", latent=latent, features=features)
        prob = np.exp(_column(log_prob))
        yield f"prob_{way}", prob
        if way == "sample":
            yield "pred_round", prob.round()


def _column(log_prob: Array) -> Array:
    """Upstream's classifiers return (batch, 1)."""
    return np.asarray(log_prob, np.float64)[:, None]


@dataclass(frozen=True, slots=True)
class _Check:
    name: re.Pattern[str]
    graphs: frozenset[str]
    results: Callable[[_Case], Results]


_CHECKS = tuple(
    _Check(re.compile(name), frozenset(graphs.split()), results)
    for name, graphs, results in (
        (r"cavp_video_T\d+", "video_encoder", _cavp_video),
        (r"cavp_spec_T\d+", "spectrogram_encoder", _cavp_spec),
        (r"cond_stage(_reduced)?", "condition_encoder", _cond_stage),
        (r"unet(_reduced)?", "unet condition_encoder", _unet),
        (r"vae_T\d+", "latent_encoder latent_decoder", _vae),
        (r"classifier(_reduced)?", "aligner", _classifier),
        (r"align_metric(_reduced)?", "latent_encoder evaluation_classifier", _align_metric),
    )
)


def _check_of(name: str) -> _Check | None:
    return next((check for check in _CHECKS if check.name.fullmatch(name)), None)
