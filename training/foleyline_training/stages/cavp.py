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
from foleyline_training.data.clips import draw_clips
from foleyline_training.data.corpus_files import ClipArrays, as_pictures
from foleyline_training.data.crops import Crop, Merged, draw_crop
from foleyline_training.data.light import Light, draw_light, moved
from foleyline_training.models.cavp import Heard
from foleyline_training.objectives.contrastive import semantic_contrast, temporal_contrast
from foleyline_training.share import WHOLE, Share
from foleyline_training.stages.networks import cavp_of

CONTACT_WEIGHT = 4.0
"""Contacts are rare among pictures; this is how much one counts against its absence."""
CONTACT_SHARE, KIND_SHARE, PLACE_SHARE, LASTING_SHARE = 8.0, 8.0, 30.0, 2.0
"""What the head's four losses count beside a contrast; about one picture in 15 has a contact."""
MOST_MOVED = 1 / 12
"""How far a window's pictures are moved, of their side, so that no place is learnt by heart."""
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


class Look(NamedTuple):
    """How a step's pictures are changed."""

    mirrored: bool
    light: Light
    moves: NDArray[np.int64]
    """(batch, 2), pixels down and right."""


class CavpStage:
    """L_S + lambda L_T (equations 1 and 2), and with the mini a contact head on both encoders.

    A row of the mini is a window that is cut into clips, mirrored and lit at random; a row of
    the released networks is N_T clips of a video, as they are.
    """

    name = "cavp"

    def __init__(self, config: Config, corpus: ClipArrays) -> None:
        self.config, self.corpus, self.clips = config, corpus, config.clips
        self.network = cavp_of(config, len(corpus.materials))
        self.mels = corpus.mels(config.clips.mel_hop if config.clips else None)
        self.mel_per_picture = self.mels.shape[1] // corpus.duration
        self.temporal_weight = config.clips.temporal_weight if config.clips else 1.0
        self._near: Tensor | None = None

    def loss(
        self, rng: np.random.Generator, share: Share = WHOLE
    ) -> tuple[Tensor, Mapping[str, float]]:
        pictures, mel, truth = self._batch(rng, share)
        with torch.no_grad():
            self.network.log_scale.clamp_(0, LOG_SCALE_MAX)
        with share.mixed():
            video, audio = self.network.features(pictures, mel)
        video, audio = video.float(), audio.float()
        scale = self.network.log_scale.exp()
        clips_v, clips_a = (self._clips_of(features) for features in (video, audio))
        semantic = semantic_contrast(share.gathered(clips_v), share.gathered(clips_a), scale)
        temporal = temporal_contrast(clips_v, clips_a, scale)
        seen = self._contact_losses(video, truth)
        heard = self._contact_losses(audio, truth)
        total = semantic + self.temporal_weight * temporal
        if seen:
            total = total + torch.stack([*seen.values(), *heard.values()]).sum()
        return total, {
            "semantic": semantic.item(),
            "temporal": temporal.item(),
            **{f"{name}_video": value.item() for name, value in seen.items()},
            **{f"{name}_audio": value.item() for name, value in heard.items()},
        }

    def _clips_of(self, features: Tensor) -> Tensor:
        """Unit vectors (videos, clips, feature_dim), clips of one video together."""
        per_video = self.clips.per_video if self.clips else 1
        clips = self.network.clips(features)
        return clips.reshape(len(features) // per_video, -1, clips.shape[-1])

    def _contact_losses(self, features: Tensor, truth: Truth) -> dict[str, Tensor]:
        if self.network.contact_head is None:
            return {}
        told = self.network.contact_head(features)
        if not self.corpus.contacts_known:
            return {"contact": 0 * told.contact.sum()}  # every weight still gets a gradient
        return contact_losses(told, truth)

    def _batch(
        self, rng: np.random.Generator, share: Share = WHOLE
    ) -> tuple[Tensor, Tensor, Truth]:
        corpus = self.corpus
        videos, look = self._drawn(rng)
        crops = [crop for video in share.of(videos) for crop in video]
        shown = as_pictures(self._cut_pictures(crops, share), share.device, share.dtype)
        if look is not None:
            shown = moved(look.light.of(share).on(shown), share.of(look.moves))
            if look.mirrored:
                shown = shown.flip(-1)  # the sound stays: the models are mono
        mel = np.stack([crop.cut(self.mels, self.mel_per_picture) for crop in crops])
        kind = np.stack([crop.cut(corpus.contacts_seen) for crop in crops])
        place = np.stack([crop.cut(corpus.contact_place) for crop in crops])
        lasting = np.stack([crop.cut(corpus.activity) for crop in crops])
        return (
            shown,
            share.put(mel).transpose(1, 2),
            Truth(share.put(kind), share.put(place), share.put(lasting > AUDIBLE)),
        )

    def _cut_pictures(self, crops: list[Crop], share: Share) -> Tensor:
        """Pictures uint8 (crops, frames, size, size, 3), wherever they are kept.

        All are on the graphics card if they take at most half of what it has free: there a step
        waits for a few indices, and not for 40 MB of pictures.
        """
        pictures = self.corpus.pictures
        if self._near is None and share.device.type == "cuda" and isinstance(pictures, np.ndarray):
            free, _ = torch.cuda.mem_get_info(share.device)
            if 2 * pictures.nbytes <= free:
                self._near = torch.from_numpy(pictures).to(share.device)
        if self._near is None:
            return torch.from_numpy(np.stack([crop.cut(pictures) for crop in crops]))
        cuts = [self._near[crop.scene, crop.first : crop.first + crop.count] for crop in crops]
        return torch.stack(cuts)

    def _drawn(self, rng: np.random.Generator) -> tuple[list[Merged], Look | None]:
        """Crops of each row, and how their pictures are changed; the released ones are not."""
        corpus, batch = self.corpus, self.config.stages[self.name].batch
        if self.clips is not None:
            clips = self.clips
            return [
                draw_clips(rng, corpus.scenes, corpus.duration, clips) for _ in range(batch)
            ], None
        count = self.config.features.per_window
        crops = [draw_crop(rng, corpus.scenes, corpus.duration, count) for _ in range(batch)]
        mirrored = rng.random() < 0.5
        light = draw_light(rng, batch)
        most = round(MOST_MOVED * corpus.pictures.shape[2])
        moves = rng.integers(-most, most + 1, size=(batch, 2))
        return [(crop,) for crop in crops], Look(mirrored, light, moves)

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
