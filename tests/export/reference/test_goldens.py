import json

import numpy as np
import pytest

from foleyline_export.reference.goldens import GoldenError, read_golden


@pytest.fixture
def write(tmp_path):
    """Records ``whole`` under the name ``net``, every ``stride``-th value of it."""

    def record(whole, stride=1, **changed):
        stored = whole if stride == 1 else whole.ravel()[::stride]
        facts = {
            "shape": list(whole.shape),
            "std": float(whole.astype("f8").std()),
            "l2": float(np.linalg.norm(whole.astype("f8"))),
            "stride": stride,
        }
        description = {"note": "n", "arrays": {"out": facts | changed}}
        (tmp_path / "net.json").write_text(json.dumps(description))
        np.savez(tmp_path / "net.npz", out=stored)
        return tmp_path

    return record


@pytest.fixture
def whole():
    return np.random.default_rng(0).standard_normal((3, 5, 7)).astype("f4")


@pytest.mark.parametrize("stride", [1, 3])
def test_difference_of_the_same_and_of_another(write, whole, stride):
    array = read_golden(write(whole, stride), "net").arrays["out"]
    assert array.difference(whole).relative_l2 < 1e-7
    assert array.difference(whole * 1.01).relative_l2 == pytest.approx(0.01, rel=1e-3)


def test_what_a_stride_skips_is_seen_in_the_norm(write, whole):
    array = read_golden(write(whole, 3), "net").arrays["out"]
    other = whole.copy()
    other.ravel()[1] += 5
    found = array.difference(other)
    assert found.max_abs == 0
    assert found.relative_l2 > 1e-2


@pytest.mark.parametrize("stride", [1, 3])
def test_one_channel_alone(write, whole, stride):
    array = read_golden(write(whole, stride), "net").arrays["out"]
    assert array.channel_difference(whole[:, 2], 2).max_abs == 0
    assert array.channel_difference(whole[:, 2] + 1, 2).max_abs == pytest.approx(1)
    assert array.channel_difference(whole[:, 1], 2).max_abs > 0.1
    with pytest.raises(GoldenError, match=r"not \(3, 7\)"):
        array.channel_difference(whole, 2)


def test_another_shape(write, whole):
    array = read_golden(write(whole), "net").arrays["out"]
    with pytest.raises(GoldenError, match=r"\(5, 7\), not \(3, 5, 7\)"):
        array.difference(whole[0])


def test_a_part_is_not_a_value(write, whole):
    with pytest.raises(GoldenError, match="only a part"):
        _ = read_golden(write(whole, 3), "net").arrays["out"].value


@pytest.mark.parametrize("stride", [1, 3])
def test_a_recording_that_contradicts_itself(write, whole, stride):
    with pytest.raises(GoldenError, match="net: out is"):
        read_golden(write(whole, stride, shape=[3, 5, 9]), "net")


def test_a_recording_that_lacks_an_array(write, whole):
    folder = write(whole)
    np.savez(folder / "net.npz", other=whole)
    with pytest.raises(GoldenError, match="net lacks out"):
        read_golden(folder, "net")
