from fractions import Fraction

import pytest

from foleyline_contract.specs import PictureSpec
from foleyline_training.prepare.clips import ClipSpec


@pytest.fixture
def spec():
    """Clips of a second: ten pictures of 16 px, 8 kHz."""
    picture = PictureSpec(Fraction(10), Fraction(1, 20), 16, 16, 1.0, "squash-bilinear")
    return ClipSpec(picture, 10, 8000)
