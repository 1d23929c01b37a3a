import argparse
import builtins
import io
import os
import pickle
import random
import sys
import types
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from foleyline_training.weights_file import (
    CheckpointError,
    CheckpointMismatch,
    CheckpointUnreadable,
    read_tensors,
)

WEIGHT = torch.arange(6.0).reshape(2, 3)


@pytest.fixture
def saved(tmp_path):
    """Saves with torch and returns where."""

    def save(content, name="file.ckpt"):
        torch.save(content, tmp_path / name)
        return tmp_path / name

    return save


def with_pickle(source: Path, target: Path, change, compression=zipfile.ZIP_STORED) -> Path:
    """The archive with its pickle changed, every tensor left as it is."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", compression) as new:
        for entry in old.infolist():
            content = old.read(entry)
            new.writestr(
                entry.filename,
                change(content) if entry.filename.endswith("data.pkl") else content,
            )
    return target


class Calls:
    """Pickles as a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    "wrap",
    [
        lambda weights: weights,
        lambda weights: {"epoch": 3, "state_dict": weights, "optimizer": {"state": {}}},
        lambda weights: {"model": weights},
        lambda weights: {"module": {"state_dict": weights}},
    ],
)
def test_wrappers_come_off(saved, wrap):
    tensors = read_tensors(saved(wrap({"a.weight": WEIGHT, "note": "hello", "n": 3})))
    assert tensors.keys() == {"a.weight"}
    torch.testing.assert_close(tensors["a.weight"], WEIGHT)


def test_the_component_module_goes_wherever_it_stands(saved):
    names = {"module.a.weight", "b.module.weight", "submodule.weight"}
    tensors = read_tensors(saved({"state_dict": dict.fromkeys(names, WEIGHT)}))
    assert tensors.keys() == {"a.weight", "b.weight", "submodule.weight"}


def test_one_name_twice_is_refused(saved):
    with pytest.raises(CheckpointMismatch, match=r"a\.weight twice"):
        read_tensors(saved({"a.weight": WEIGHT, "module.a.weight": WEIGHT}))


def test_parameters_come_as_plain_tensors(saved):
    tensor = read_tensors(saved({"a": torch.nn.Parameter(WEIGHT)}))["a"]
    assert type(tensor) is torch.Tensor
    assert not tensor.requires_grad


def test_weights_saved_on_a_graphics_card_come_to_the_processor(saved, tmp_path):
    path = saved({"a": WEIGHT})

    def from_cuda(content):
        return content.replace(b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0")

    moved = with_pickle(path, tmp_path / "cuda.ckpt", from_cuda)
    assert moved.read_bytes() != path.read_bytes()
    assert read_tensors(moved)["a"].device.type == "cpu"


@pytest.mark.parametrize("function", [os.system, os.remove, sys.exit])
def test_a_file_that_calls_the_system_is_refused(saved, tmp_path, function):
    victim = tmp_path / "victim"
    victim.touch()
    path = saved({"a": WEIGHT, "b": Calls(function, f"rm {victim}")})
    with pytest.raises(CheckpointUnreadable, match="may be an attack"):
        read_tensors(path)
    assert victim.exists()


def test_other_functions_are_not_called(saved, tmp_path):
    marker = tmp_path / "marker"
    code = f"open({str(marker)!r}, 'w')"
    calls = [Calls(eval, code), Calls(exec, code), Calls(builtins.open, str(marker), "w")]
    tensors = read_tensors(saved({"state_dict": {"a": WEIGHT}, "hooks": calls}))
    assert tensors.keys() == {"a"}
    assert not marker.exists()


def test_classes_of_training_scripts_are_neither_imported_nor_needed(saved, tmp_path, monkeypatch):
    """Lightning keys its callbacks by class; NumPy numbers and namespaces come along too."""
    (tmp_path / "trainer_of_theirs.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    module = types.ModuleType("trainer_of_theirs")
    for name in ("Checkpoints", "Logger"):
        setattr(module, name, type(name, (), {"__module__": module.__name__}))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    path = saved(
        {
            "callbacks": {module.Checkpoints: {"best": np.float64(3.5)}, module.Logger: {}},
            "hyper_parameters": argparse.Namespace(lr=1e-4),
            "loop": module.Logger(),
            "state_dict": {"a": WEIGHT},
        }
    )
    monkeypatch.delitem(sys.modules, module.__name__)
    trusted = set(torch.serialization.get_safe_globals())
    assert read_tensors(path).keys() == {"a"}
    assert module.__name__ not in sys.modules
    assert set(torch.serialization.get_safe_globals()) == trusted


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_what_is_not_asked_for_stays_in_the_file(saved):
    path = saved({"state_dict": {"a": WEIGHT}, "optimizer": {"momentum": torch.ones(100 << 18)}})
    assert path.stat().st_size > 100 << 20
    read_tensors(saved({"a": WEIGHT}, "small.ckpt"))  # so that imports do not count

    def resident():
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    before = resident()
    tensors = read_tensors(path)
    assert tensors["a"].sum() == 15
    assert resident() - before < 20 << 20


def test_safetensors(tmp_path):
    save_file({"module.a.weight": WEIGHT}, tmp_path / "file.bin")
    torch.testing.assert_close(read_tensors(tmp_path / "file.bin"), {"a.weight": WEIGHT})


def unreadable(path, what):
    with pytest.raises(CheckpointUnreadable, match=what) as caught:
        read_tensors(path)
    assert caught.value.remedy
    # torch's errors advise to load without the safeguard.
    assert "weights_only=False" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "not a checkpoint"),
        (b"<!DOCTYPE html><html>Too many downloads</html>", "not a checkpoint"),
        (b"\xff" * 7 + b"\x7f" + b"{" * 40, "damaged"),
        ((200).to_bytes(8, "little") + b'{"a":{"dtype":"F32"', "damaged"),
    ],
)
def test_what_is_no_checkpoint(tmp_path, content, what):
    path = tmp_path / "file.ckpt"
    path.write_bytes(content)
    unreadable(path, what)


def test_a_missing_file_and_a_folder(tmp_path):
    unreadable(tmp_path / "missing.ckpt", "cannot be opened: No such file")
    unreadable(tmp_path, "cannot be opened")


@pytest.mark.parametrize("part", [0.2, 0.9, 0.999])
def test_a_download_that_broke_off(saved, part):
    path = saved({"a": torch.ones(5000)})
    whole = path.read_bytes()
    path.write_bytes(whole[: int(part * len(whole))])
    unreadable(path, "cut short")


def test_the_format_before_2020(tmp_path):
    path = tmp_path / "old.ckpt"
    torch.save({"a": WEIGHT}, path, _use_new_zipfile_serialization=False)
    unreadable(path, "before 2020")


def test_packed_archives_are_not_unpacked(saved, tmp_path):
    packed = with_pickle(
        saved({"a": WEIGHT}), tmp_path / "packed.ckpt", lambda p: p, zipfile.ZIP_DEFLATED
    )
    unreadable(packed, "damaged")


def test_a_number_too_large_for_memory(saved, tmp_path):
    stream = io.BytesIO()
    pickle.Pickler(stream, 2).dump({"a": Calls(bytearray, 1 << 60)})
    path = with_pickle(saved({}), tmp_path / "large.ckpt", lambda _: stream.getvalue())
    unreadable(path, "damaged")


def test_weights_that_reach_beyond_the_file(saved, tmp_path):
    path = saved({"a": WEIGHT})

    def longer(content):  # the shape (2, 3) becomes (2, 255)
        assert content.count(b"K\x02K\x03\x86") == 1
        return content.replace(b"K\x02K\x03\x86", b"K\x02K\xff\x86")

    unreadable(with_pickle(path, tmp_path / "longer.ckpt", longer), "damaged")


def test_damage_anywhere_is_an_error_with_a_remedy_or_harmless(saved, tmp_path):
    path = saved({"state_dict": {"module.a": WEIGHT, "b": WEIGHT.half()}, "optimizer": [1, 2.0]})
    draw = random.Random(0)
    refused = 0
    for i in range(150):

        def damage(content):
            spoiled = bytearray(content)
            for _ in range(draw.randint(1, 3)):
                spoiled[draw.randrange(2, len(spoiled))] = draw.randrange(256)
            return bytes(spoiled)

        target = with_pickle(path, tmp_path / f"{i}.ckpt", damage)
        try:
            assert all(isinstance(t, torch.Tensor) for t in read_tensors(target).values())
        except CheckpointError:
            refused += 1
    assert refused > 50
