from dataclasses import replace

import numpy as np
import pytest

from foleyline_export.verify import (
    NameMismatch,
    ShapeMismatch,
    ValueMismatch,
    measure,
    verify,
)


def test_right_graph_is_measured(linear, write_linear):
    spec = linear()
    report = verify(spec, write_linear(spec.network), 1e-4)
    assert report.keys() == {"y"}
    assert report["y"]["relative_l2"] < 1e-6
    assert report["y"]["cosine"] == pytest.approx(1)


@pytest.mark.parametrize(("wrong", "what"), [({"x": "z"}, "inputs"), ({"y": "z"}, "outputs")])
def test_other_names(linear, write_linear, wrong, what):
    spec = linear()
    with pytest.raises(NameMismatch, match=rf"linear: {what} are \['z'\]"):
        verify(spec, write_linear(spec.network, **wrong), 1e-4)


def test_missing_output(linear, write_linear):
    spec = linear()
    path = write_linear(spec.network)
    with pytest.raises(NameMismatch, match="gradient"):
        verify(replace(spec, outputs=("y", "gradient")), path, 1e-4)


def test_frozen_batch(linear, write_linear):
    spec = linear()
    with pytest.raises(ShapeMismatch, match="batch axis fixed at 2"):
        verify(spec, write_linear(spec.network, batch=2), 1e-4)


def test_other_shape(linear, write_linear):
    spec = linear()
    with pytest.raises(ShapeMismatch, match="y is"):
        verify(spec, write_linear(spec.network, transposed=True), 1e-4)


def test_other_values_and_how_far_off(linear, write_linear):
    spec = linear()
    with pytest.raises(ValueMismatch, match=r"y differs by \d\.\d\de-0\d"):
        verify(spec, write_linear(spec.network, factor=1.01), 1e-4)
    verify(spec, write_linear(spec.network, factor=1.01), 0.1)


def test_nan_is_no_match(linear, write_linear):
    spec = linear()
    with pytest.raises(ValueMismatch, match="nan"):
        verify(spec, write_linear(spec.network, factor=float("nan")), 1e-4)


def test_measure():
    one, two = np.array([[3, 4]], np.float32), np.array([[3, 4.5]], np.float32)
    difference = measure(one, two)
    assert difference.max_abs == 0.5
    assert difference.relative_l2 == pytest.approx(0.1)
    assert difference.cosine == pytest.approx((9 + 18) / (5 * np.hypot(3, 4.5)))
