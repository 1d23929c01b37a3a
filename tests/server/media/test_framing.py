from fractions import Fraction

import pytest

from foleyline_contract.messages import Clip
from foleyline_contract.specs import PictureSpec
from foleyline_server.media.framing import (
    LENGTH,
    AskLook,
    AskProbe,
    Moments,
    Question,
    read_question,
    write_question,
)

CLIP = Clip("/a/böse.mp4", Fraction(1, 3), Fraction(1001, 24000), Fraction(7, 5))
SPEC = PictureSpec(Fraction(125, 8), Fraction(4, 125), 48, 64, 1.0, "squash-bilinear")


@pytest.mark.parametrize(
    "question",
    [
        AskProbe("/a/b.mp4"),
        AskLook(CLIP, SPEC),
        Moments((Fraction(0), Fraction(1001, 30000))),
        Moments(()),
    ],
)
def test_a_question_comes_back(question: Question) -> None:
    data = write_question(question)
    assert LENGTH.unpack(data[: LENGTH.size]) == (len(data) - LENGTH.size,)
    assert read_question(data[LENGTH.size :]) == question
