"""What is measured of one set of sounds: synchrony, material, alignment, distribution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan

import numpy as np
import torch
from numpy.typing import NDArray

from evaluation.judges import Judges
from evaluation.scenes import Floats, Moment, Scenes
from foleyline_training.metrics.distribution import frechet_distance, inception_score, mean_kl
from foleyline_training.metrics.material import chance_right, named_right
from foleyline_training.metrics.onset import OnsetDetector
from foleyline_training.metrics.synchrony import Heard, over_seeds, synchrony
from foleyline_training.metrics.taggers import Tagged
from foleyline_training.metrics.timbre import excerpts, isolated

ROOM_S = 0.2
"""Contacts nearer to the end have too little sound to be named by."""
Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Reference:
    """What the real sound of the scenes gives, to compare with."""

    moments: Sequence[Moment]
    windows: Mapping[str, Tagged]


class Measures:
    """Measures sounds of the same scenes, again and again.

    Args:
        distribution: also measure IS, FID and KL, which takes longest.
    """

    def __init__(self, judges: Judges, scenes: Scenes, distribution: bool) -> None:
        self.judges, self.scenes, self.distribution = judges, scenes, distribution
        self.window_s = float(judges.config.features.per_window / judges.config.picture.fps)
        real = [scenes.real(row) for row in scenes.rows]
        rate = judges.config.mel.rate_hz
        tagged = {name: self._tag_windows(name, real, rate) for name in judges.taggers}
        self.reference = Reference(scenes.moments(), tagged if distribution else {})
        self.real = self.of(real, rate)

    def of(self, sounds: Sequence[Floats], rate_hz: int) -> Figures:
        """Figures of one sound a scene."""
        mels = self.judges.mels(sounds, rate_hz, float(self.scenes.duration_s))
        return {
            **self._synchrony(sounds, rate_hz),
            "probe": self._probe(mels),
            **self._alignment(mels),
            **self._material(sounds, rate_hz),
            **(self._distribution(sounds, rate_hz) if self.distribution else {}),
        }

    def _synchrony(self, sounds: Sequence[Floats], rate_hz: int) -> Figures:
        detector = OnsetDetector()
        contacts = [self.scenes.contacts_s(row) for row in self.scenes.rows]
        heard = [detector.detect(sound, rate_hz) for sound in sounds]
        pairs = [Heard(*clip) for clip in zip(heard, contacts, strict=True)]
        return synchrony(pairs).as_json()

    def _probe(self, mels: Floats) -> float:
        """Mean over materials of the contacts that the material probe names right."""
        corpus, config = self.scenes.corpus, self.judges.config
        pick = isolated(corpus, self.scenes.rows)
        pick = pick[corpus.contact_time_s[pick] < float(self.scenes.duration_s) - ROOM_S]
        if not len(pick):
            return float("nan")
        cut = excerpts(
            mels.transpose(0, 2, 1),
            corpus.contact_scene[pick],
            corpus.contact_time_s[pick],
            config.mel.rate_hz / config.mel.hop,
        )
        with torch.inference_mode():
            named = self.judges.probe(cut).argmax(1).numpy()
        return named_right(named, self._numbers(corpus.contact_material[pick]))

    def _numbers(self, materials: NDArray[np.int64]) -> NDArray[np.int64]:
        """A split's numbers of materials as those of the training corpus."""
        own, known = self.scenes.corpus.materials, self.judges.training.materials
        table = np.array([known.index(name) if name in known else -1 for name in own])
        return table[materials]

    def _alignment(self, mels: Floats) -> Figures:
        own = self.judges.p_aligned(self.scenes, mels)
        other = self.judges.p_aligned(self.scenes, mels, shift=1)
        return {
            "alignment": float((own >= 0.5).mean()),
            "alignment_chance": float((other >= 0.5).mean()),
        }

    def _material(self, sounds: Sequence[Floats], rate_hz: int) -> Figures:
        """Share of moments whose tag is nearest to its own material's; chance beside it."""
        moments = self.reference.moments
        cut = [moment.of(sounds[moment.row], rate_hz) for moment in moments]
        known = self.judges.training.materials
        true = np.array([known.index(m.material) if m.material in known else -1 for m in moments])
        found: Figures = {}
        for name, tagger in self.judges.taggers.items() if cut else ():
            nearest = self.judges.centroids[name].nearest(tagger.tag(cut, rate_hz).embeddings)
            found[f"material_{name}"] = named_right(nearest, true)
            found[f"material_{name}_chance"] = chance_right(nearest, true)
        return found

    def _distribution(self, sounds: Sequence[Floats], rate_hz: int) -> Figures:
        found: Figures = {}
        for name, real in self.reference.windows.items():
            made = self._tag_windows(name, sounds, rate_hz)
            found[f"is_{name}"] = inception_score(made.classes, splits=1)[0]
            found[f"fid_{name}"] = frechet_distance(real.embeddings, made.embeddings)
            found[f"kl_{name}"] = mean_kl(real.classes, made.classes)
        return found

    def _tag_windows(self, tagger: str, sounds: Sequence[Floats], rate_hz: int) -> Tagged:
        """Tags of every window's length of every sound."""
        samples = round(self.window_s * rate_hz)
        count = int(float(self.scenes.duration_s) / self.window_s)
        parts = [s[k * samples : (k + 1) * samples] for s in sounds for k in range(count)]
        return self.judges.taggers[tagger].tag(parts, rate_hz)


def summary(seeds: Sequence[Figures]) -> dict[str, dict[str, float]]:
    """Mean and standard error over seeds, by figure; figures that a seed lacks are left out."""
    found: dict[str, dict[str, float]] = {}
    for name in seeds[0]:
        values = [figures[name] for figures in seeds]
        if any(map(isnan, values)):
            continue
        mean, error = over_seeds(values)
        found[name] = {"mean": round(mean, 4)} | (
            {} if isnan(error) else {"error": round(error, 4)}
        )
    return found


def table(rows: Mapping[str, Mapping[str, Mapping[str, float]]], columns: Sequence[str]) -> str:
    """A Markdown table of summaries: one row a name, one column a figure."""
    lines = ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for name, figures in rows.items():
        cells = [_cell(figures.get(column)) for column in columns]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(figure: Mapping[str, float] | None) -> str:
    if figure is None:
        return "–"
    text = f"{figure['mean']:.3g}" if abs(figure["mean"]) >= 1 else f"{figure['mean']:.3f}"
    return f"{text} ± {figure['error']:.2g}" if "error" in figure else text
