import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from foleyline_contract.errors import FileUnreadable
from foleyline_training.checkpoints import (
    last_of,
    load_checkpoint,
    load_newest,
    remove_checkpoint,
    save_checkpoint,
)


class Trap:
    """Unpickling it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_values_return(tmp_path):
    state = {"weights": {"a": torch.arange(3.0)}, "step": 7, "name": "cavp", "list": [1, 2.5]}
    save_checkpoint(tmp_path / "new" / "one.pt", state)
    loaded = load_checkpoint(tmp_path / "new" / "one.pt")
    assert torch.equal(loaded.pop("weights")["a"], state.pop("weights")["a"])
    assert loaded == state


def test_code_in_a_checkpoint_is_refused_and_not_run(tmp_path):
    path, sprung = tmp_path / "trap.pt", tmp_path / "sprung"
    torch.save({"weights": Trap(sprung)}, path)
    with pytest.raises(pickle.UnpicklingError):
        load_checkpoint(path)
    assert not sprung.exists()
    torch.load(path, weights_only=False)  # The trap is a real one.
    assert sprung.exists()


def test_failed_save_keeps_the_old(tmp_path):
    path = tmp_path / "one.pt"
    save_checkpoint(path, {"step": 1})
    with pytest.raises(AttributeError):
        save_checkpoint(path, {"step": lambda: 2})  # cannot be pickled
    assert load_checkpoint(path) == {"step": 1}


def test_no_draft_stays(tmp_path):
    save_checkpoint(tmp_path / "cavp.resume.pt", {})
    assert [path.name for path in tmp_path.iterdir()] == ["cavp.resume.pt"]


def test_others_numpy_scalars_are_read_only_when_asked_for(tmp_path):
    path = tmp_path / "others.pt"
    torch.save(({"w": torch.ones(2)}, {"classes": (np.int64(3), 78)}), path)
    with pytest.raises(pickle.UnpicklingError):
        load_checkpoint(path)
    weights, classes = load_checkpoint(path, with_numpy_scalars=True)
    assert classes == {"classes": (3, 78)}
    assert weights["w"].tolist() == [1, 1]


def test_nothing_is_run_even_where_numpy_scalars_are_read(tmp_path):
    path, sprung = tmp_path / "trap.pt", tmp_path / "sprung"
    torch.save({"weights": Trap(sprung)}, path)
    with pytest.raises(pickle.UnpicklingError):
        load_checkpoint(path, with_numpy_scalars=True)
    assert not sprung.exists()


def test_the_last_two_are_kept(tmp_path):
    path = tmp_path / "cavp.resume.pt"
    assert load_newest(path) is None
    for step in range(4):
        save_checkpoint(path, {"step": step}, keep_last=True)
        assert load_newest(path) == {"step": step}
    assert load_checkpoint(last_of(path)) == {"step": 2}
    remove_checkpoint(path)
    assert list(tmp_path.iterdir()) == []


class Killed(BaseException):
    """Stands for the end of the process: nothing handles it."""


def test_kill_at_any_moment_of_saving_leaves_one_to_go_on_from(tmp_path, monkeypatch):
    """Before and after everything that saving does to the disk."""
    path = tmp_path / "cavp.resume.pt"
    moments = []

    def dying(act):
        def wrapped(*arguments):
            for _ in range(2):
                moments.append(act.__name__)
                if len(moments) == die_at:
                    raise Killed
                if len(moments) % 2:
                    done = act(*arguments)
            return done

        return wrapped

    monkeypatch.setattr("os.fsync", dying(os.fsync))
    monkeypatch.setattr(Path, "replace", dying(Path.replace))
    for step in range(20):
        die_at = step
        moments.clear()
        old = load_newest(path)
        try:
            save_checkpoint(path, {"step": step}, keep_last=True)
        except Killed:
            assert load_newest(path) in (old, {"step": step})
        else:
            assert load_newest(path) == {"step": step}
    assert set(moments) == {"fsync", "replace"}
    assert len(moments) < 19  # so the last was saved unharmed


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.9, 0.99])
def test_damaged_file_gives_way_to_the_one_before(tmp_path, share):
    path = tmp_path / "cavp.resume.pt"
    for step in range(2):
        save_checkpoint(path, {"step": step, "weights": torch.ones(100)}, keep_last=True)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    newest = load_newest(path)
    assert newest is not None
    assert newest["step"] == 0
    last_of(path).write_bytes(b"not a checkpoint")
    with pytest.raises(FileUnreadable, match="and so is the one before it"):
        load_newest(path)
