"""What the released training does otherwise than the mini's, as a configuration says it.

Numbers only; what is done with them stands in data/clips.py, data/column_windows.py and
stages/encoded.py.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClipConfig:
    """Stage 1 contrasts clips of a video that overlap but start apart.

    Attributes:
        pictures: in a clip.
        per_video: clips drawn of one video, N_T.
        least_apart_pictures: between the starts of neighbouring clips.
        mel_hop: of the mels that stage 1 hears; those of the other stages have ``mel.hop``.
        temporal_weight: lambda, what L_T counts beside L_S.
    """

    pictures: int
    per_video: int
    least_apart_pictures: int
    mel_hop: int
    temporal_weight: float

    def __post_init__(self) -> None:
        for name in ("pictures", "per_video", "least_apart_pictures", "mel_hop"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is below one")

    @property
    def least_duration(self) -> int:
        """Pictures that a video needs so that its clips have room."""
        return self.pictures + (self.per_video - 1) * self.least_apart_pictures


@dataclass(frozen=True, slots=True)
class WindowConfig:
    """Stages 2b and 3 draw windows of mel columns and encode their latents as they go.

    Attributes:
        least_part_s: the shorter part of a joined window is no shorter.
        condition_drop_rate: share of windows whose features are zeros.
        true_rate, shifted_rate: shares of the classifier's pairs; the rest are of two videos.
        latent_scale: multiplies sampled latents.
    """

    least_part_s: float
    condition_drop_rate: float
    true_rate: float
    shifted_rate: float
    latent_scale: float

    def __post_init__(self) -> None:
        for name in ("condition_drop_rate", "true_rate", "shifted_rate"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is not between 0 and 1")
        if self.true_rate + self.shifted_rate > 1:
            raise ValueError("true_rate and shifted_rate are more than 1 together")
        if self.least_part_s <= 0 or self.latent_scale <= 0:
            raise ValueError("least_part_s and latent_scale are above zero")
