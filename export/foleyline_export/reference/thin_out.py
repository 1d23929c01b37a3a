"""Thin out the recordings that every export is checked against.

    python -m foleyline_export.reference.thin_out RECORDINGS

The whole recordings are not in the repository. What is left are every n-th value and the
statistics of the whole arrays, so a change anywhere still shows.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

KEPT = Path(__file__).parent / "recordings"
NAMES = (
    "cavp_spec_T256",
    "cavp_video_T16",
    "classifier_reduced",
    "cond_stage",
    "cond_stage_reduced",
    "unet_reduced",
    "vae_T64",
)
VALUES_AT_MOST = 256


def thin_out(source: Path, name: str, target: Path) -> None:
    """Write the thinned recording ``name`` from one folder into another."""
    description: dict[str, Any] = json.loads((source / f"{name}.json").read_text("utf-8"))
    thinned: dict[str, np.ndarray] = {}
    with np.load(source / f"{name}.npz", allow_pickle=False) as stored:
        for key, facts in description["arrays"].items():
            values = stored[key]
            if values.size > VALUES_AT_MOST:
                # Odd, so that the values do not all lie in one column.
                every = -(-values.size // VALUES_AT_MOST) | 1
                facts["stride"] *= every
                values = values.ravel()[::every]
            thinned[key] = values
    text = json.dumps({key: description[key] for key in ("note", "arrays")}, indent=1)
    (target / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    np.savez_compressed(target / f"{name}.npz", allow_pickle=False, **thinned)


if __name__ == "__main__":
    KEPT.mkdir(exist_ok=True)
    for recording in NAMES:
        thin_out(Path(sys.argv[1]), recording, KEPT)
