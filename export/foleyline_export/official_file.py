"""One released weights file, held against what has to be in it.

What the files hold is training's layout.py; how they are read is its weights_file.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from foleyline_training.models.diff_foley.layout import (
    SCALE_FACTOR,
    FileKind,
    file_layout,
    load_official,
    official_names,
)
from foleyline_training.models.diff_foley.schedule import BUFFERS, schedule_buffers
from foleyline_training.models.diff_foley.spec import MODEL, RELEASED, Sizes
from foleyline_training.weights_file import CheckpointMismatch, read_tensors

_EVERYWHERE = (r"model_ema\..+", r"logvar", r"lvlb_weights")
LEFTOVERS: Mapping[FileKind, tuple[str, ...]] = {
    # Parts that hold no weights in the released training, but do in its variants.
    "cavp": (*_EVERYWHERE, r"(spec_project_head|video_pool|spec_pool|spec_augmenter)\..+"),
    # What is left of Stable Diffusion 1.4, which training started from: its loss network and
    # its text encoder.
    "ldm": (
        *_EVERYWHERE,
        r"first_stage_model\.loss\..+",
        r"cond_stage_model\.(transformer|tokenizer)\..+",
    ),
    # Training kept the autoencoder beside the classifier; guidance does not need it.
    "classifier": (*_EVERYWHERE, r"first_stage_model\..+"),
    "evaluation": (*_EVERYWHERE, r"first_stage_model\.loss\..+"),
}
"""Names, each as a whole pattern, that may be in a file and are ignored."""
_OPTIONAL = re.compile(rf"(.+\.)?num_batches_tracked|{SCALE_FACTOR}|{'|'.join(BUFFERS)}")
"""Not weights: networks do without them, but they have to be right where they are."""
_SHOWN = 10
_ROUNDING = 2**-8
"""Relative; numbers that went through half precision, bfloat16 included, agree to this."""
_REMEDY = "Name the released file, or one with the same tensors."


class OfficialFile:
    """A released file that was found to hold the right tensors.

    Its tensors are read when a network is loaded, and only that network's.

    Raises:
        CheckpointUnreadable: the file cannot be read.
        CheckpointMismatch: a tensor is missing, unexpected, of another shape or not a float, or
            it was trained with another schedule or latent scale.
    """

    def __init__(self, kind: FileKind, path: Path, sizes: Sizes = RELEASED) -> None:
        self.kind: FileKind = kind
        self.path, self.sizes = path, sizes
        self._layout = file_layout(kind, sizes)
        tensors = self._tensors()
        self._check_names(tensors)
        self._check_kinds(tensors)
        self._check_numbers(tensors)

    def load(self, network: nn.Module) -> None:
        """Give ``network`` its weights, in single precision.

        Raises:
            CheckpointMismatch: a weight is not finite.
        """
        tensors = self._tensors()
        # Older files may lack these counters, which only training reads.
        zero = torch.zeros((), dtype=torch.int64)
        wanted = {
            name: tensors.get(name, zero) if name.endswith("num_batches_tracked") else tensors[name]
            for name in official_names(network, self.sizes).values()
        }
        single = {n: t.float() if t.is_floating_point() else t for n, t in wanted.items()}
        broken = [name for name, tensor in single.items() if not bool(tensor.isfinite().all())]
        if broken:
            raise self._mismatch("holds values that are not finite", broken)
        load_official(network, single, self.sizes)

    def _tensors(self) -> dict[str, Tensor]:
        patterns = [re.compile(pattern) for pattern in LEFTOVERS[self.kind]]
        return {
            name: tensor
            for name, tensor in read_tensors(self.path).items()
            if not any(pattern.fullmatch(name) for pattern in patterns)
        }

    def _check_names(self, tensors: Mapping[str, Tensor]) -> None:
        missing = [n for n in self._layout if n not in tensors and not _OPTIONAL.fullmatch(n)]
        if missing:
            raise self._mismatch("lacks", missing, self._better_kind(tensors))
        unexpected = [name for name in tensors if name not in self._layout]
        if unexpected:
            raise self._mismatch("holds tensors that do not belong there", unexpected)

    def _check_kinds(self, tensors: Mapping[str, Tensor]) -> None:
        shapes = [
            f"{name} {tuple(tensor.shape)}, not {self._layout[name]}"
            for name, tensor in tensors.items()
            if tuple(tensor.shape) != self._layout[name]
        ]
        if shapes:
            raise self._mismatch("holds tensors of another shape", shapes)
        odd = [name for name, tensor in tensors.items() if not _is_plain(name, tensor)]
        if odd:
            raise self._mismatch("holds tensors that are not plain numbers", odd)

    def _check_numbers(self, tensors: Mapping[str, Tensor]) -> None:
        """What the weights were trained for: the same noise schedule and latent scale."""
        expected = schedule_buffers(MODEL.schedule)
        expected[SCALE_FACTOR] = np.array(MODEL.latent.scale_factor, np.float32)
        other = [
            name
            for name, value in expected.items()
            if name in tensors
            and not np.allclose(tensors[name].float().numpy(), value, rtol=_ROUNDING)
        ]
        if other:
            raise self._mismatch("was trained with other numbers than Diff-Foley's", other)

    def _better_kind(self, tensors: Mapping[str, Tensor]) -> str:
        """A hint when the file is a released one, but another."""
        for kind in LEFTOVERS:
            layout = file_layout(kind, self.sizes)
            needed = (name for name in layout if not _OPTIONAL.fullmatch(name))
            if kind != self.kind and all(name in tensors for name in needed):
                return f"This looks like the file of {kind}. "
        return ""

    def _mismatch(self, what: str, names: Iterable[str], hint: str = "") -> CheckpointMismatch:
        listed = list(names)
        more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
        return CheckpointMismatch(
            f"{self.path} {what}: {', '.join(listed[:_SHOWN])}{more}.", f"{hint}{_REMEDY}"
        )


def _is_plain(name: str, tensor: Tensor) -> bool:
    counts = name.endswith("num_batches_tracked") and tensor.dtype == torch.int64
    kind = counts or tensor.dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64)
    return kind and tensor.layout == torch.strided and tensor.device.type == "cpu"
