"""Weights and inputs that follow from names and shapes alone.

The official code was run with these weights and its outputs recorded, so that parity can be
shown without the released weights. The rule is fixed; changing it makes the recordings useless.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from foleyline_export.networks import Networks, Weights
from foleyline_training.models.diff_foley.layout import (
    SCALE_FACTOR,
    FileKind,
    file_layout,
    load_official,
    official_names,
)
from foleyline_training.models.diff_foley.names import official_shape
from foleyline_training.models.diff_foley.schedule import schedule_buffers
from foleyline_training.models.diff_foley.spec import MODEL, RELEASED, Sizes

Array = NDArray[Any]

_KEPT: Mapping[str, Array] = {
    **schedule_buffers(MODEL.schedule),
    SCALE_FACTOR: np.array(MODEL.latent.scale_factor, np.float32),
    "logit_scale": np.array(math.log(1 / 0.07), np.float32),
}
"""What has a value of its own, whatever the rule."""


def normal(name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Standard normal numbers that depend on the name only, in C order."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
    return np.random.Generator(np.random.PCG64(seed)).standard_normal(shape, dtype=np.float32)


def rule_tensor(name: str, shape: tuple[int, ...]) -> Array:
    """The weight or buffer of this official name.

    Raises:
        KeyError: the rule says nothing about it.
    """
    last = name.rpartition(".")[2]
    if last in _KEPT:
        return _KEPT[last]
    if last == "num_batches_tracked":
        return np.zeros(shape, np.int64)
    draw = normal(name, shape)
    if last == "running_mean":
        return np.float32(0.05) * draw
    if last == "running_var":
        return np.float32(1.0) + np.float32(0.1) * np.abs(draw)
    if len(shape) >= 2:
        return draw * np.float32(1.0 / np.sqrt(math.prod(shape[1:])))
    if last == "weight":
        return np.float32(1.0) + np.float32(0.05) * draw
    if last == "bias":
        return np.float32(0.02) * draw
    raise KeyError(name)


class RuleWeights:
    """Gives any network of the given sizes the rule's weights."""

    def __init__(self, sizes: Sizes) -> None:
        self._sizes = sizes

    def load(self, network: nn.Module) -> None:
        """Give ``network`` its weights."""
        state, names = network.state_dict(), official_names(network, self._sizes)
        shapes = {o: official_shape(o, tuple(state[ours].shape)) for ours, o in names.items()}
        tensors = {o: torch.from_numpy(rule_tensor(o, shape)) for o, shape in shapes.items()}
        load_official(network, tensors, self._sizes)


def rule_networks(sizes: Sizes = RELEASED, aligner_condition: str = "raw") -> Networks:
    """All networks with the rule's weights, without any file."""
    weights: Weights = RuleWeights(sizes)
    kinds: tuple[FileKind, ...] = ("cavp", "ldm", "classifier", "evaluation")
    return Networks(dict.fromkeys(kinds, weights), sizes, aligner_condition)


def write_rule_checkpoint(path: Path, kind: FileKind, sizes: Sizes = RELEASED) -> None:
    """Write a file like the released one of this kind, with the rule's weights.

    It is wrapped and named as upstream's training wraps and names it. The weights are in
    memory once: 3.8 GB for ``ldm`` at released size.
    """
    prefix = "module." if kind == "cavp" else ""
    weights = {
        prefix + name: torch.from_numpy(rule_tensor(name, shape))
        for name, shape in file_layout(kind, sizes).items()
    }
    torch.save({"epoch": 0, "state_dict": weights}, path)
