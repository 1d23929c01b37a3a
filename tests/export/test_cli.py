import importlib.util
import sys

import pytest

import foleyline_export
from foleyline_export.cli import main

needs_torch = pytest.mark.skipif(not importlib.util.find_spec("torch"), reason="needs torch")
FILES = ("--cavp", "--ldm", "--classifier")


def test_plain_install_is_told_what_to_install(monkeypatch, tmp_path, capsys):
    imported = [name for name in sys.modules if name.startswith("foleyline_export.")]
    for name in imported:
        if name != "foleyline_export.cli":
            monkeypatch.delitem(sys.modules, name)
            monkeypatch.delattr(foleyline_export, name.split(".")[1], raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert main([str(tmp_path), "-o", str(tmp_path / "bundle")]) == 2
    assert "pip install 'foleyline[export]'" in capsys.readouterr().err


@needs_torch
def test_unfinished_run_is_refused(tmp_path, capsys):
    for name in ("config.json", "cavp.pt"):
        (tmp_path / name).touch()
    assert main([str(tmp_path), "-o", str(tmp_path / "bundle")]) == 2
    told = capsys.readouterr().err
    assert "lacks autoencoder.pt, diffusion.pt, classifier.pt, sources.json." in told
    assert "foley-train all" in told
    assert not (tmp_path / "bundle").exists()


@needs_torch
def test_missing_files_are_asked_for_by_option(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["diff-foley", "--ldm", "x.ckpt", "-o", str(tmp_path / "bundle")])
    assert "needs --cavp, --classifier, or --fetch" in capsys.readouterr().err


@needs_torch
def test_file_that_is_no_checkpoint_ends_in_a_sentence(tmp_path, capsys):
    wrong = tmp_path / "cavp.ckpt"
    wrong.write_text("<html>Not found</html>")
    named = [part for option in FILES for part in (option, str(wrong))]
    assert main(["diff-foley", *named, "-o", str(tmp_path / "bundle")]) == 2
    told = capsys.readouterr().err
    assert "cavp.ckpt is not a checkpoint" in told
    assert "No bundle was written" in told
    assert list(tmp_path.iterdir()) == [wrong]


@needs_torch
@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (KeyboardInterrupt(), 130, "goes on where it stopped"),
        (OSError(28, "No space left on device", "unet.onnx.data"), 2, "unet.onnx.data: No space"),
    ],
)
def test_what_stops_an_export_is_told_with_what_to_do(
    tmp_path, capsys, monkeypatch, error, status, text
):
    from foleyline_export import official

    def stop(*_arguments):
        raise error

    monkeypatch.setattr(official, "export_official", stop)
    named = [part for option in FILES for part in (option, "x.ckpt")]
    assert main(["diff-foley", *named, "-o", str(tmp_path / "bundle")]) == status
    told = capsys.readouterr().err
    assert text in told
    assert "same command" in told
