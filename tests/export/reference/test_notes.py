import numpy as np
import pytest

from foleyline_export.reference.goldens import GoldenError
from foleyline_export.reference.notes import Draw, draws, numbers, shape, told
from foleyline_export.reference.rule import normal

NOTE = (
    "encode: spec=(0.5+0.2*normal('input:spec64',(1,128,64))).clip(0,1) repeated; "
    "eps=normal('input:eps', (1, 4)). feat=l2norm(normal('input:f',(2,3))), "
    "full=l2normalize(normal('input:g',(5,)),axis=-1); c=emb; eps_tfrac: float t=958.96."
)


def test_inputs_by_their_variable():
    assert draws(NOTE) == {
        "spec": Draw("input:spec64", (1, 128, 64), "grey"),
        "eps": Draw("input:eps", (1, 4), "plain"),
        "feat": Draw("input:f", (2, 3), "unit"),
        "full": Draw("input:g", (5,), "unit"),
    }


def test_values():
    grey = Draw("input:a", (200,), "grey").values()
    np.testing.assert_allclose(grey, np.clip(0.5 + 0.2 * normal("input:a", (200,)), 0, 1), 1e-6)
    assert grey.max() == 1
    rows = Draw("input:a", (3, 4), "unit").values()
    np.testing.assert_allclose((rows**2).sum(-1), 1, 1e-6)
    assert grey.dtype == rows.dtype == np.float32


def test_what_is_told():
    assert float(told(NOTE, r"eps_tfrac:.*?t=(\d+\.?\d*)")[1]) == 958.96
    with pytest.raises(GoldenError, match="does not say gamma"):
        told(NOTE, "gamma=")


def test_lists_of_numbers():
    assert numbers("500.,37.25") == (500.0, 37.25)
    assert shape("1, 40,512,") == (1, 40, 512)


def test_nothing_is_evaluated():
    assert draws("z=normal('input:z',(__import__('os').getpid(),))") == {}
