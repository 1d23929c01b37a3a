import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from foleyline_training.checkpoints import load_checkpoint, save_checkpoint


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
