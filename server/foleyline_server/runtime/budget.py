"""How many windows a device can compute at once, found by trying."""

from __future__ import annotations

import numpy as np

from foleyline_contract.bundle import GRAPHS
from foleyline_contract.specs import ModelSpec
from foleyline_server.runtime.collector import RowLimit, Run, run_in_parts

_UNET_ROWS = 2
"""Of a window: without and with its condition."""


def row_limits(windows: int) -> dict[str, RowLimit]:
    """The rows that each graph takes at once, for so many windows."""
    return {name: RowLimit(windows * (_UNET_ROWS if name == "unet" else 1)) for name in GRAPHS}


def windows_that_fit(unet: Run, model: ModelSpec, wanted: int) -> int:
    """As many windows as are ``wanted``, or fewer if the device cannot hold the UNet with them.

    The UNet takes the most by far. What else the device holds may grow later; then a call that
    fails is halved in the same way (collector.py).

    Raises:
        OutOfMemory: the device cannot hold a single row.
    """
    limit = row_limits(wanted)["unet"]
    rows, features = limit.rows, model.features
    feed = {
        "latent": np.zeros((rows, *model.latent.shape), np.float32),
        "timestep": np.zeros(rows, np.float32),
        "condition": np.zeros((rows, features.per_window, features.condition_dim), np.float32),
    }
    run_in_parts(unet, "unet", limit, feed)
    return max(1, limit.rows // _UNET_ROWS)
