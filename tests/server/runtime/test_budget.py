import numpy as np
import pytest

from foleyline_contract.errors import OutOfMemory
from foleyline_server.runtime.budget import row_limits, windows_that_fit


def card(rows_max: int):
    """A UNet on a card with memory for so many rows."""

    def unet(latent: np.ndarray, timestep: np.ndarray, condition: np.ndarray):
        assert len(latent) == len(timestep) == len(condition)
        if len(latent) > rows_max:
            raise OutOfMemory("full")
        return {"prediction": latent}

    return unet


@pytest.mark.parametrize(("rows_max", "windows"), [(16, 8), (15, 4), (5, 2), (2, 1), (1, 1)])
def test_as_many_windows_as_fit(tiny, rows_max: int, windows: int) -> None:
    assert windows_that_fit(card(rows_max), tiny.found.manifest.model, 8) == windows


def test_a_card_without_room_for_one_row(tiny) -> None:
    with pytest.raises(OutOfMemory):
        windows_that_fit(card(0), tiny.found.manifest.model, 8)


def test_the_unet_has_two_rows_for_a_window() -> None:
    assert {name: limit.rows for name, limit in row_limits(3).items()} == {
        "video_encoder": 3,
        "condition_encoder": 3,
        "unet": 6,
        "aligner": 3,
        "latent_decoder": 3,
    }
