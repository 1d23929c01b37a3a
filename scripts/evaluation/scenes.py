"""Scenes to evaluate on: their pictures, as arrays and as films, and what is heard in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from foleyline_contract.specs import TAKE_RATE_HZ
from foleyline_training.config import Config
from foleyline_training.corpus.clip_file import write_clip
from foleyline_training.corpus.scene import make_scene
from foleyline_training.corpus.split import Split
from foleyline_training.data.corpus_files import INT16_PEAK, CorpusFiles
from foleyline_training.data.crops import Crop
from foleyline_training.metrics.material import EXCERPT_S, LEAD_S, lone
from foleyline_training.stages.palette import WindowPalette

Floats = NDArray[np.float32]
FILMS = "files"
"""Folder of a split's films, ``0000.mp4`` and so on."""
FILM_WIDTH, FILM_HEIGHT = 320, 180
LASTING_ACTIVITY = 100
"""Of 255: a sound that lasts is judged where it is at least so loud."""
LASTING_LEAST_S, LASTING_MOST_S = 0.4, 1.0


class SplitMissing(Exception):
    """A folder is no split that can be evaluated on; the text says what it lacks."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A stretch of a scene's sound that is of one material."""

    row: int
    start_s: float
    end_s: float
    material: str

    def of(self, sound: Floats, rate_hz: int) -> Floats:
        """That stretch of the scene's sound; at least one sample."""
        start = max(0, round(self.start_s * rate_hz))
        return sound[start : max(start + 1, round(self.end_s * rate_hz))]


class Scenes:
    """The first ``count`` scenes of a split.

    Args:
        folder: a corpus, as ``foley-train`` renders one.
    """

    def __init__(self, folder: Path, config: Config, count: int) -> None:
        for name in ("index.json", "pictures.npy", "sound.npy", "contacts.npz"):
            if not (folder / name).is_file():
                raise SplitMissing(f"{folder} is no corpus: it lacks {name}.")
        self.corpus = CorpusFiles(folder, config)
        self.config, self.folder = config, folder
        self.count = min(count, self.corpus.scenes)
        self.duration_s: Fraction = self.corpus.duration / config.picture.fps

    @property
    def rows(self) -> range:
        return range(self.count)

    def contacts_s(self, row: int) -> NDArray[np.float64]:
        """Times of a scene's contacts, ascending."""
        return np.sort(self.corpus.contact_time_s[self.corpus.contact_scene == row])

    def real(self, row: int) -> Floats:
        """A scene's own sound, at the mel's rate."""
        return self.corpus.sound[row].astype(np.float32) / INT16_PEAK

    def asked(self, row: int) -> str | None:
        """The category that an artist would ask for: the one most heard."""
        palette = WindowPalette(self.corpus, tuple(self.corpus.materials))
        heard = palette.heard((Crop(row, 0, self.corpus.duration),))
        return self.corpus.materials[int(heard.argmax())] if heard.any() else None

    def film(self, row: int) -> Path:
        """A scene as a film at its own frame rate, rendered where it is not there yet."""
        path = self.folder / FILMS / f"{row:04d}.mp4"
        if not path.is_file():
            spec = self.corpus.index["spec"]
            scene = make_scene(
                self.corpus.index["start_seed"] + row,
                duration_s=float(self.duration_s),
                split=Split(spec["split"]),
            )
            path.parent.mkdir(exist_ok=True)
            draft = path.with_name(f".{path.name}.part.mp4")
            write_clip(
                scene,
                draft,
                width=FILM_WIDTH,
                height=FILM_HEIGHT,
                fps=scene.source_fps,
                sound=None,
                rate_hz=TAKE_RATE_HZ,
            )
            draft.replace(path)
        return path

    def moments(self) -> list[Moment]:
        """Where a material can be judged by itself: lone contacts, and sounds that last."""
        return [moment for row in self.rows for moment in self.moments_of(row)]

    def moments_of(self, row: int) -> list[Moment]:
        """Those of one scene."""
        contacts = _contact_moments(self.corpus, row, float(self.duration_s))
        return contacts + _lasting_moments(self.corpus, row)


def _contact_moments(corpus: CorpusFiles, row: int, duration_s: float) -> list[Moment]:
    here = np.flatnonzero(corpus.contact_scene == row)
    here = here[np.argsort(corpus.contact_time_s[here])]
    times = corpus.contact_time_s[here]
    ends = np.minimum(times + EXCERPT_S, np.append(times[1:] - LEAD_S, duration_s))
    names = [corpus.materials[number] for number in corpus.contact_material[here]]
    starts = (times - LEAD_S).tolist()
    return [
        Moment(row, starts[k], float(ends[k]), names[k]) for k in lone(times, duration_s).tolist()
    ]


def _lasting_moments(corpus: CorpusFiles, row: int) -> list[Moment]:
    """The middles of stretches in which one material lasts and nothing else is heard."""
    loud = corpus.activity[row] >= LASTING_ACTIVITY  # (duration, materials)
    alone = (loud.sum(1) == 1) & ~corpus.contacts_seen[row].any(1)
    material = np.where(alone, loud.argmax(1), -1)
    borders = np.flatnonzero(np.diff(material)) + 1
    picture_s = float(1 / corpus.config.picture.fps)
    found: list[Moment] = []
    for stretch in np.split(np.arange(len(material)), borders):
        kind, length_s = material[stretch[0]], len(stretch) * picture_s
        if kind < 0 or length_s < LASTING_LEAST_S:
            continue
        middle_s = (stretch[0] + len(stretch) / 2) * picture_s
        half_s = min(length_s, LASTING_MOST_S) / 2
        found.append(Moment(row, middle_s - half_s, middle_s + half_s, corpus.materials[kind]))
    return found


def split_folder(run: Path, name: str) -> Path:
    """A split of a run by its name, or any folder of the same kind by its path."""
    inside = run / name
    return inside if inside.is_dir() or not Path(name).is_dir() else Path(name)


def counts_by_material(moments: Sequence[Moment]) -> dict[str, int]:
    """How many moments each material has."""
    names = sorted({moment.material for moment in moments})
    return {name: sum(moment.material == name for moment in moments) for name in names}
