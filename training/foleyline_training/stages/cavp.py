"""Stage 1: contrastive audio-visual pre-training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from foleyline_training.config import Config
from foleyline_training.data.corpus_files import ClipArrays
from foleyline_training.data.crops import draw_crop
from foleyline_training.models.cavp import Heard, pooled
from foleyline_training.objectives.contrastive import semantic_contrast, temporal_contrast
from foleyline_training.share import WHOLE, Share
from foleyline_training.stages.networks import make_cavp

CLIPS_PER_WINDOW = 8
"""A window is cut into this many clips for both contrasts (the paper draws N_T clips)."""
CONTACT_WEIGHT = 4.0
"""Contacts are rare among pictures; this is how much one counts against its absence."""
CONTACT_SHARE, KIND_SHARE, PLACE_SHARE, LASTING_SHARE = 8.0, 8.0, 30.0, 2.0
"""What the head's four losses count beside a contrast; about one picture in 15 has a contact."""
MOST_MOVED_PX = 4
"""How far a window's pictures are moved, so that no place on the picture is learnt by heart."""
TINT = 0.12
"""How much brighter or darker each colour of a window gets, beside the light."""
AUDIBLE = 40
"""Of 255: how loud a lasting sound has to be to count as going on."""
LOG_SCALE_MAX = float(np.log(100.0))


class Truth(NamedTuple):
    """What happens in a batch of windows, picture by picture."""

    kind: Tensor
    """(batch, pictures, materials): 1 where there is a contact."""
    place: Tensor
    """(batch, pictures): when in the picture it is, in [0, 1)."""
    lasting: Tensor
    """(batch, pictures, materials): 1 where a lasting sound is audible."""


class CavpStage:
    """L_S + L_T (equations 1 and 2, lambda = 1) and the contact head on both encoders."""

    name = "cavp"

    def __init__(self, config: Config, corpus: ClipArrays) -> None:
        self.config, self.corpus = config, corpus
        self.network = make_cavp(config, len(corpus.materials))
        self.mels = corpus.mels()

    def loss(
        self, rng: np.random.Generator, share: Share = WHOLE
    ) -> tuple[Tensor, Mapping[str, float]]:
        pictures, mel, truth = self._batch(rng, share)
        with torch.no_grad():
            self.network.log_scale.clamp_(0, LOG_SCALE_MAX)
        with share.mixed():
            video, audio = self.network(pictures, mel)
        video, audio = video.float(), audio.float()
        scale = self.network.log_scale.exp()
        clips_v, clips_a = pooled(video, CLIPS_PER_WINDOW), pooled(audio, CLIPS_PER_WINDOW)
        semantic = semantic_contrast(share.gathered(clips_v), share.gathered(clips_a), scale)
        temporal = temporal_contrast(clips_v, clips_a, scale)
        seen = self._contact_losses(video, truth)
        heard = self._contact_losses(audio, truth)
        total = semantic + temporal + torch.stack([*seen.values(), *heard.values()]).sum()
        return total, {
            "semantic": semantic.item(),
            "temporal": temporal.item(),
            **{f"{name}_video": value.item() for name, value in seen.items()},
            **{f"{name}_audio": value.item() for name, value in heard.items()},
        }

    def _contact_losses(self, features: Tensor, truth: Truth) -> dict[str, Tensor]:
        told = self.network.contact_head(features)
        if not self.corpus.contacts_known:
            return {"contact": 0 * told.contact.sum()}  # every weight still gets a gradient
        return contact_losses(told, truth)

    def _batch(
        self, rng: np.random.Generator, share: Share = WHOLE
    ) -> tuple[Tensor, Tensor, Truth]:
        corpus, count = self.corpus, self.config.features.per_window
        crops = [
            draw_crop(rng, corpus.scenes, corpus.duration, count)
            for _ in range(self.config.stages[self.name].batch)
        ]
        mirrored = rng.random() < 0.5
        light = share.of(
            rng.uniform(0.75, 1.3, size=(len(crops), 1, 1, 1, 1))
            * rng.uniform(1 - TINT, 1 + TINT, size=(len(crops), 1, 3, 1, 1))
        )
        moves = share.of(rng.integers(-MOST_MOVED_PX, MOST_MOVED_PX + 1, size=(len(crops), 2)))
        crops = share.of(crops)
        pictures = np.stack(
            [
                moved(crop.cut(corpus.pictures), *move)
                for crop, move in zip(crops, moves, strict=True)
            ]
        )
        if mirrored:
            pictures = np.flip(pictures, axis=-2)  # the sound stays: the models are mono
        mel = np.stack([crop.cut(self.mels, self.config.mel_per_picture) for crop in crops])
        kind = np.stack([crop.cut(corpus.contacts_seen) for crop in crops])
        place = np.stack([crop.cut(corpus.contact_place) for crop in crops])
        lasting = np.stack([crop.cut(corpus.activity) for crop in crops])
        return (
            as_pictures(pictures, share, light),
            share.put(mel).transpose(1, 2),
            Truth(share.put(kind), share.put(place), share.put(lasting > AUDIBLE)),
        )

    def extra_state(self) -> dict[str, Any]:
        return {"materials": list(self.corpus.materials)}


def contact_losses(told: Heard, truth: Truth) -> dict[str, Tensor]:
    """How wrong the head is: about contacts, their place and kind, and lasting sounds."""
    there = truth.kind.amax(-1)
    weight = torch.tensor(CONTACT_WEIGHT, device=there.device)
    contact = F.binary_cross_entropy_with_logits(told.contact, there, pos_weight=weight)
    lasting = F.binary_cross_entropy_with_logits(told.lasting, truth.lasting)
    # Place and kind mean something at contacts only.
    place = (there * (told.place.sigmoid() - truth.place).abs()).mean()
    kind = -(truth.kind * told.kind.log_softmax(-1)).sum(-1).mean()
    return {
        "contact": CONTACT_SHARE * contact,
        "place": PLACE_SHARE * place,
        "kind": KIND_SHARE * kind,
        "lasting": LASTING_SHARE * lasting,
    }


def moved(pictures: NDArray[np.uint8], down: int, right: int) -> NDArray[np.uint8]:
    """``pictures`` (frames, size, size, 3) moved by so many pixels; edges are drawn out."""
    places = np.arange(pictures.shape[1])
    rows, columns = (np.clip(places - by, 0, len(places) - 1) for by in (down, right))
    return pictures[:, rows][:, :, columns]


def as_pictures(values: NDArray[np.uint8], share: Share, light: NDArray[np.float64]) -> Tensor:
    """uint8 (batch, frames, size, size, 3) to (batch, frames, 3, size, size) in [0, 1].

    In the precision that the networks compute in: a colour has 8 bits, and so has bfloat16.

    Args:
        light: (batch, 1, 3, 1, 1), how much brighter each colour of a window gets.
    """
    pictures = torch.from_numpy(np.ascontiguousarray(values)).to(share.device, share.dtype)
    gain = torch.from_numpy(light / 255).to(share.device, share.dtype)
    return (pictures.movedim(-1, -3) * gain).clamp_(0, 1)
