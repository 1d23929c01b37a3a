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

BUILT_IN = Path(__file__).parent / "configs"
RUN_CONFIG = "config.json"
"""A run's configuration as used, in the run's folder."""
STAGES = ("cavp", "autoencoder", "diffusion", "classifier")
OPTIONAL_STAGES = ("vocoder",)
"""Trained only if the configuration has them."""
INJECTIONS = ("both", "attention", "added")
VIDEO_ENCODERS = ("cavp", "differences")
PRECISIONS = ("float32", "bfloat16", "float16")
DEVICES = ("auto", "cpu", "cuda")
SCHEDULES = ("timed-cosine", "cosine", "constant")
"""Curves of the learning rate; learning_rate.py says how they go."""


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
    channels: int
    columns_per_feature: int


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """Sizes of the networks; models/*.py say what they mean."""

    cavp_width: int
    autoencoder_width: int
    unet_width: int
    unet_levels: int
    aligner_width: int
    vocoder_width: int = 256
    vocoder_blocks: int = 6
    injection: str = "both"
    """How the condition enters the UNet: attended to, added in time, or both."""
    video_encoder: str = "cavp"
    """``differences`` replaces it by differences of pictures, to be measured against."""

    def __post_init__(self) -> None:
        if self.injection not in INJECTIONS:
            raise ValueError(f"injection is {self.injection!r}, not one of {INJECTIONS}")
        if self.video_encoder not in VIDEO_ENCODERS:
            raise ValueError(f"video_encoder is {self.video_encoder!r}, not {VIDEO_ENCODERS}")


@dataclass(frozen=True, slots=True)
class StageConfig:
    """One stage's training: it runs for ``seconds`` of training time, over restarts.

    Attributes:
        learning_rate: its peak.
        schedule: the curve it follows.
        warm_up_steps: how many steps it takes to reach the peak.
        steps: the stage ends after so many even if time is left; none means time alone counts.
        batch: rows of a step, over all processes and parts.
        accumulate: parts a step is worked through in, one after the other, to need less memory.
        precision: what the networks compute in; weights and losses are float32 always.
        device: ``auto`` takes a graphics card where there is one.
        checkpoint_every_s: at most so much training is lost when it is killed.
    """

    seconds: float
    batch: int
    learning_rate: float
    weight_decay: float
    ema: float
    schedule: str = "timed-cosine"
    warm_up_steps: int = 100
    steps: int | None = None
    accumulate: int = 1
    precision: str = "float32"
    device: str = "auto"
    checkpoint_every_s: float = 60.0

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision is {self.precision!r}, not one of {PRECISIONS}")
        if self.device not in DEVICES:
            raise ValueError(f"device is {self.device!r}, not one of {DEVICES}")
        if self.accumulate < 1 or self.batch % self.accumulate:
            raise ValueError(f"a batch of {self.batch} does not fall into {self.accumulate} parts")
        if self.schedule not in SCHEDULES:
            raise ValueError(f"schedule is {self.schedule!r}, not one of {SCHEDULES}")
        if self.warm_up_steps < 1:
            raise ValueError("warm_up_steps is below one")
        if self.steps is not None and self.steps < 1:
            raise ValueError("steps is below one")
        if self.schedule == "cosine" and (self.steps or 0) <= self.warm_up_steps:
            raise ValueError("a cosine schedule needs more steps than it takes to warm up")


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

    def __post_init__(self) -> None:
        if missing := set(STAGES) - set(self.stages):
            raise ValueError(f"stages missing: {', '.join(sorted(missing))}")
        if Fraction(self.mel.rate_hz, self.mel.hop) % self.picture.fps:
            raise ValueError("the mel rate must be a whole multiple of the picture rate")

    @property
    def mel_per_picture(self) -> int:
        """Mel frames a picture lasts."""
        return int(Fraction(self.mel.rate_hz, self.mel.hop) / self.picture.fps)

    @property
    def duration_s(self) -> Fraction:
        """Length of a rendered scene."""
        return self.corpus.duration_pictures / self.picture.fps

    def model_spec(
        self, *, scale_factor: float, margin: int, palette: tuple[str, ...] = ()
    ) -> ModelSpec:
        """The spec that goes into a bundle."""
        columns = self.features.per_window * self.latent.columns_per_feature
        return ModelSpec(
            picture=self.picture,
            features=FeatureSpec(
                self.features.dim, self.features.per_window, margin, self.features.condition_dim
            ),
            latent=LatentSpec((self.latent.channels, columns), scale_factor),
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
