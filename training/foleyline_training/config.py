"""Training configuration: frozen dataclasses read from TOML, and the specs that follow."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from fractions import Fraction
from pathlib import Path
from typing import Any

from foleyline_contract.fields import from_json, to_json
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
from foleyline_training.models.diff_foley.spec import MODEL, RELEASED, Sizes
from foleyline_training.released_config import ClipConfig, WindowConfig
from foleyline_training.stage_config import StageConfig

BUILT_IN = Path(__file__).parent / "configs"
RUN_CONFIG = "config.json"
"""A run's configuration as used, in the run's folder."""
STAGES = ("cavp", "autoencoder", "diffusion", "classifier")
OPTIONAL_STAGES = ("vocoder",)
"""Trained only if the configuration has them."""
INJECTIONS = ("both", "attention", "added")
VIDEO_ENCODERS = ("cavp", "differences")
KINDS = ("mini", "released")
"""Families of networks: our own small ones, and those of the released Diff-Foley."""
LATENT_MEL_FRAMES = 8
"""Mel frames, and mel bands, that one value of the released autoencoder's latent stands for."""


@dataclass(frozen=True, slots=True)
class CorpusConfig:
    """How much is rendered."""

    scenes: int
    held_out_scenes: int
    unseen_scenes: int
    duration_pictures: int


@dataclass(frozen=True, slots=True)
class FeatureConfig:
    dim: int
    per_window: int
    condition_dim: int


@dataclass(frozen=True, slots=True)
class LatentConfig:
    """A latent's size; the released ones are pictures with ``rows``, the mini's have none."""

    channels: int
    columns_per_feature: int
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """Sizes of the networks; models/*.py say what they mean.

    Attributes:
        kind: ``mini`` takes the widths, ``released`` takes ``sizes``.
    """

    kind: str = "mini"
    cavp_width: int = 0
    autoencoder_width: int = 0
    unet_width: int = 0
    unet_levels: int = 0
    aligner_width: int = 0
    vocoder_width: int = 256
    vocoder_blocks: int = 6
    injection: str = "both"
    """How the condition enters the mini's UNet: attended to, added in time, or both."""
    video_encoder: str = "cavp"
    """``differences`` replaces the mini's by differences of pictures, to be measured against."""
    sizes: Sizes = RELEASED

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind is {self.kind!r}, not one of {KINDS}")
        widths = (self.cavp_width, self.autoencoder_width, self.unet_width, self.aligner_width)
        if self.is_mini and min(*widths, self.unet_levels) < 1:
            raise ValueError("a size of the mini networks is missing")
        if self.injection not in INJECTIONS:
            raise ValueError(f"injection is {self.injection!r}, not one of {INJECTIONS}")
        if self.video_encoder not in VIDEO_ENCODERS:
            raise ValueError(f"video_encoder is {self.video_encoder!r}, not {VIDEO_ENCODERS}")

    @property
    def is_mini(self) -> bool:
        return self.kind == "mini"


STAGE_SETTINGS = tuple(item.name for item in fields(StageConfig))


@dataclass(frozen=True, slots=True)
class FinetuneConfig:
    """How a finished run's weights go on with other clips.

    Attributes:
        learning_rate: share of each stage's own peak.
        warm_up_steps: how many steps each stage takes to reach it.
        seconds: training time of each stage.
        steps: stages that end after so many even if time is left.
    """

    learning_rate: float = 0.2
    warm_up_steps: int = 50
    seconds: Mapping[str, float] = field(
        default_factory=lambda: {
            "cavp": 300.0,
            "autoencoder": 300.0,
            "diffusion": 600.0,
            "classifier": 150.0,
        }
    )
    steps: Mapping[str, int] = field(default_factory=dict[str, int])

    def __post_init__(self) -> None:
        if not 0 < self.learning_rate <= 1:
            raise ValueError(f"learning_rate is {self.learning_rate}, not a share of the stages'")
        if missing := set(STAGES) - set(self.seconds):
            raise ValueError(f"seconds missing: {', '.join(sorted(missing))}")


@dataclass(frozen=True, slots=True)
class Config:
    """A whole training run."""

    name: str
    description: str
    licence: str
    """SPDX name for the weights; the sounds they come from have their own, in the credits."""
    seed: int
    timbre_gate: float
    """Share of the material probe's accuracy on real sound that reconstructions must reach."""
    corpus: CorpusConfig
    picture: PictureSpec
    features: FeatureConfig
    latent: LatentConfig
    mel: MelSpec
    schedule: ScheduleSpec
    defaults: SamplingDefaults
    networks: NetworkConfig
    stages: Mapping[str, StageConfig]
    merge_rate: float = 0.5
    """Share of the diffusion stage's windows that Temporal Split & Merge makes of two scenes."""
    finetune: FinetuneConfig = field(default_factory=FinetuneConfig)
    clips: ClipConfig | None = None
    """How stage 1 of released networks draws; the mini cuts windows into clips."""
    windows: WindowConfig | None = None
    """How stages 2b and 3 of released networks draw; the mini's windows are cut at pictures."""

    def __post_init__(self) -> None:
        # The released networks' autoencoder is Stable Diffusion's, which is not trained here.
        needed = set(STAGES) - (set() if self.networks.is_mini else {"autoencoder"})
        if missing := needed - set(self.stages):
            raise ValueError(f"stages missing: {', '.join(sorted(missing))}")
        if self.networks.is_mini:
            self._check_grid(self.mel.hop)
        else:
            self._check_released()

    def _check_grid(self, hop: int) -> None:
        if Fraction(self.mel.rate_hz, hop) % self.picture.fps:
            raise ValueError("the mel rate must be a whole multiple of the picture rate")

    def _check_released(self) -> None:
        """The released networks fix some numbers, and need others said."""
        if self.clips is None or self.windows is None:
            raise ValueError("released networks need the tables [clips] and [windows]")
        self._check_grid(self.clips.mel_hop)
        fixed = {
            "features.dim": (self.features.dim, MODEL.features.dim),
            "features.condition_dim": (self.features.condition_dim, MODEL.features.condition_dim),
            "latent.channels": (self.latent.channels, MODEL.latent.shape[0]),
            "latent.rows": (self.latent.rows, MODEL.mel.bands // LATENT_MEL_FRAMES),
            "mel.bands": (self.mel.bands, MODEL.mel.bands),
        }
        for name, (found, wanted) in fixed.items():
            if found != wanted:
                raise ValueError(f"{name} is {found}; the released networks have {wanted}")
        if self.corpus.duration_pictures < self.clips.least_duration:
            raise ValueError(
                f"scenes of {self.corpus.duration_pictures} pictures have no room for the clips"
            )

    @property
    def mel_per_picture(self) -> int:
        """Mel frames a picture lasts."""
        return int(Fraction(self.mel.rate_hz, self.mel.hop) / self.picture.fps)

    @property
    def latent_shape(self) -> tuple[int, ...]:
        """Of one window: (channels, columns), or (channels, rows, columns)."""
        rows = () if self.latent.rows is None else (self.latent.rows,)
        columns = self.features.per_window * self.latent.columns_per_feature
        return (self.latent.channels, *rows, columns)

    @property
    def window_mel_frames(self) -> int:
        """Mel columns of a window that released networks are trained on."""
        return self.latent_shape[-1] * LATENT_MEL_FRAMES

    @property
    def duration_s(self) -> Fraction:
        """Length of a rendered scene."""
        return self.corpus.duration_pictures / self.picture.fps

    def model_spec(
        self, *, scale_factor: float, margin: int, palette: tuple[str, ...] = ()
    ) -> ModelSpec:
        """The spec that goes into a bundle."""
        return ModelSpec(
            picture=self.picture,
            features=FeatureSpec(
                self.features.dim, self.features.per_window, margin, self.features.condition_dim
            ),
            latent=LatentSpec(self.latent_shape, scale_factor),
            mel=self.mel,
            schedule=self.schedule,
            aligner=AlignerSpec("encoded"),
            defaults=self.defaults,
            palette=palette,
        )


def load_config(name_or_path: str, overrides: Mapping[str, Any] | None = None) -> Config:
    """A built-in configuration by name, or one from a TOML file or a run's ``config.json``.

    Args:
        overrides: dotted names to values, for quick runs: ``{"stages.cavp.seconds": 5}``.
    """
    path = BUILT_IN / f"{name_or_path}.toml"
    if not path.is_file():
        path = Path(name_or_path)
    return from_json(Config, _overridden(_read_values(path), overrides or {}))


def _read_values(path: Path) -> dict[str, Any]:
    """A TOML file's values, or those of a run's configuration."""
    text = path.read_text(encoding="utf-8")
    return json.loads(text) if path.name == RUN_CONFIG else tomllib.loads(text)


def _overridden(values: dict[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    for dotted, value in overrides.items():
        *parents, last = dotted.split(".")
        table = values
        for parent in parents:
            table = table.get(parent) if isinstance(table, dict) else None
        # A file need not spell out a stage's settings that have a default.
        known = STAGE_SETTINGS if parents[:1] == ["stages"] else ()
        if not isinstance(table, dict) or not (last in table or last in known):
            raise KeyError(f"no setting {dotted!r}")
        table[last] = value
    return values


def with_settings(config: Config, overrides: Mapping[str, Any]) -> Config:
    """``config`` with settings changed, by dotted names as in ``load_config``.

    Raises:
        KeyError, FieldError: there is no such setting, or not with such a value.
    """
    return from_json(Config, _overridden(to_json(config), overrides))


def write_run_config(run: Path, config: Config) -> None:
    """Keep the configuration with the run, for resuming, export and evaluation."""
    run.mkdir(parents=True, exist_ok=True)
    text = json.dumps(to_json(config), indent=2) + "\n"
    (run / RUN_CONFIG).write_text(text, encoding="utf-8")


def read_run_config(run: Path) -> Config:
    """The configuration a run was made with."""
    return from_json(Config, json.loads((run / RUN_CONFIG).read_text(encoding="utf-8")))
