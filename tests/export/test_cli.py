import importlib.util
import sys

import pytest

import foleyline_export
from foleyline_export.cli import main


def test_plain_install_is_told_what_to_install(monkeypatch, tmp_path, capsys):
    for name in ("finished_run", "write_bundle"):
        monkeypatch.delitem(sys.modules, f"foleyline_export.{name}", raising=False)
        monkeypatch.delattr(foleyline_export, name, raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert main([str(tmp_path), "-o", str(tmp_path / "bundle")]) == 2
    assert "pip install 'foleyline[export]'" in capsys.readouterr().err


@pytest.mark.skipif(not importlib.util.find_spec("torch"), reason="needs torch")
def test_unfinished_run_is_refused(tmp_path, capsys):
    for name in ("config.json", "cavp.pt"):
        (tmp_path / name).touch()
    assert main([str(tmp_path), "-o", str(tmp_path / "bundle")]) == 2
    told = capsys.readouterr().err
    assert "lacks corpus/index.json, autoencoder.pt, diffusion.pt, classifier.pt." in told
    assert "foley-train all" in told
    assert not (tmp_path / "bundle").exists()
