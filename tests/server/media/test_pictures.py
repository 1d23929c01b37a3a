from fractions import Fraction

import numpy as np
import pytest

from foleyline_contract.specs import PictureSpec
from foleyline_server.media.pictures import as_values


@pytest.mark.parametrize("value_max", [1.0, 255.0])
def test_values_are_channels_first_and_in_the_bundles_range(value_max: float) -> None:
    spec = PictureSpec(Fraction(4), Fraction(0), 2, 3, value_max, "squash-bilinear")
    picture = np.arange(18, dtype=np.uint8).reshape(2, 3, 3) * 15
    values = as_values([picture, 255 - picture], spec)
    assert values.shape == (2, 3, 2, 3) and values.dtype == np.float32
    assert values[0, 2, 1, 0] == pytest.approx(picture[1, 0, 2] / 255 * value_max)
    assert values[0] + values[1] == pytest.approx(value_max)
