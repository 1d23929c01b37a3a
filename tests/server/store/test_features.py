import numpy as np
import pytest

from foleyline_server.store.features import read_arrays


def arrays():
    return {
        "features": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
        "starts": np.array([0, 7], np.int64),
    }


def test_features_come_back_with_shape_and_type_after_a_restart(open_store, key):
    open_store().put_features(key(1), arrays())
    found = open_store().features(key(1))
    assert found.keys() == arrays().keys()
    for name, array in arrays().items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)
    assert open_store().features(key(2)) is None


@pytest.mark.parametrize("damage", [b"", b"PK\3\4", None])
def test_damaged_features_are_a_miss_and_can_be_put_again(store, folder, key, damage):
    store.put_features(key(1), arrays())
    (path,) = (folder / "features").rglob("*.npz")
    if damage is None:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        damage = bytes(content)
    path.write_bytes(damage)
    assert store.features(key(1)) is None
    store.put_features(key(1), arrays())
    assert store.features(key(1)) is not None


def test_nothing_is_pickled_or_unpickled(store, tmp_path, key):
    with pytest.raises(ValueError, match="arrays of numbers"):
        store.put_features(key(1), {"objects": np.array([{}], object)})
    np.savez(tmp_path / "pickled.npz", objects=np.array([{}], object))
    assert read_arrays((tmp_path / "pickled.npz").read_bytes()) is None
    assert read_arrays(b"no archive") is None


def test_features_that_find_no_room_are_left_out(open_store, key, caplog):
    store = open_store(limit_bytes=10)
    store.put_features(key(1), arrays())
    assert store.features(key(1)) is None
    assert "features_not_kept" in caplog.text


def test_speeds_are_remembered(open_store):
    open_store().note_speed("b" * 64, "cpu", 2.5)
    store = open_store()
    store.note_speed("b" * 64, "cuda", 0.1)
    store.note_speed("b" * 64, "cpu", 3.5)
    assert store.speed("b" * 64, "cpu") == 3.5
    assert store.speed("b" * 64, "cuda") == 0.1
    assert store.speed("c" * 64, "cpu") is None
