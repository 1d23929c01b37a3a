"""Manifests are read strictly; files are trusted by their hash alone."""

import json
from dataclasses import replace
from fractions import Fraction

import pytest

from foleyline_contract.bundle import (
    GRAPHS,
    MANIFEST_NAME,
    MEL_FILTERS,
    Manifest,
    file_sha256,
    format_for,
    manifest_sha256,
    read_manifest,
    verify_files,
    write_manifest,
)
from foleyline_contract.errors import BundleDamaged, BundleIncomplete
from foleyline_contract.specs import (
    AlignerSpec,
    FeatureSpec,
    LatentSpec,
    MelSpec,
    ModelSpec,
    PictureSpec,
    SamplingDefaults,
    ScheduleSpec,
)

MODEL = ModelSpec(
    picture=PictureSpec(Fraction(4), Fraction(1, 8), 224, 224, 1.0, "squash-bilinear"),
    features=FeatureSpec(dim=512, per_window=32, margin=4, condition_dim=512),
    latent=LatentSpec(shape=(4, 16, 64), scale_factor=0.18215),
    mel=MelSpec(16_000, 1024, 256, 128, 125.0, 7600.0, 1e-5, 20.0, -80.0, 100.0),
    schedule=ScheduleSpec("scaled-linear", 1000, 0.00085, 0.012, "epsilon"),
    aligner=AlignerSpec("encoded"),
    defaults=SamplingDefaults("dpm-solver++2m", 25, 4.5, 50.0, "griffin-lim"),
)


@pytest.fixture
def bundle(tmp_path):
    names = [f"{graph}.onnx" for graph in GRAPHS] + [MEL_FILTERS, "ATTRIBUTIONS.csv"]
    for name in names:
        (tmp_path / name).write_bytes(name.encode())
    files = {name: file_sha256(tmp_path / name) for name in names}
    manifest = Manifest(
        2, "m", "diff-foley", "1", "d", "CC0-1.0", "ATTRIBUTIONS.csv", "fp32", MODEL, files
    )
    write_manifest(tmp_path, manifest)
    return tmp_path, manifest


def test_a_palette_needs_the_format_that_has_one(bundle):
    folder, manifest = bundle
    model = replace(MODEL, palette=("wood", "footstep_loose"))
    assert (format_for(MODEL), format_for(model)) == (2, 3)
    with pytest.raises(ValueError, match="format_version is 2, below 3"):
        replace(manifest, model=model)
    newer = replace(manifest, model=model, format_version=3)
    write_manifest(folder, newer)
    assert read_manifest(folder) == newer


def test_a_manifest_from_before_palettes_has_none(bundle):
    folder, _ = bundle
    value = json.loads((folder / MANIFEST_NAME).read_text())
    del value["model"]["palette"]
    (folder / MANIFEST_NAME).write_text(json.dumps(value))
    assert read_manifest(folder).model.palette == ()


@pytest.mark.parametrize(
    "names",
    [
        ("auto",),
        ("",),
        ("Wood",),
        ("wood hit",),
        ("wood__hit",),
        ("_wood",),
        ("wood\n",),
        ("h\u00f6lz",),
        ("x" * 41,),
        ("wood", "wood"),
        tuple(f"sound_{number}" for number in range(257)),
    ],
)
def test_palettes_that_nobody_could_choose_from_are_refused(names):
    with pytest.raises(ValueError, match="palette"):
        replace(MODEL, palette=names)


def test_round_trip(bundle):
    folder, manifest = bundle
    assert read_manifest(folder) == manifest
    verify_files(folder, manifest)
    assert len(manifest_sha256(folder)) == 64
    assert MODEL.window_s == 8
    assert MODEL.window_mel_frames == 500


def test_changed_or_missing_file(bundle):
    folder, manifest = bundle
    (folder / "unet.onnx").write_bytes(b"other")
    with pytest.raises(BundleDamaged, match="unet"):
        verify_files(folder, manifest)
    (folder / "unet.onnx").unlink()
    with pytest.raises(BundleDamaged, match="unet"):
        verify_files(folder, manifest)


@pytest.mark.parametrize("text", ["", "{", "\x00", "[" * 100_000])
def test_unreadable_manifest(tmp_path, text):
    (tmp_path / MANIFEST_NAME).write_text(text)
    with pytest.raises(BundleDamaged):
        read_manifest(tmp_path)
    with pytest.raises(BundleDamaged):
        read_manifest(tmp_path / "none")


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("model", "mel", "hop"), 0),
        (("model", "mel", "hop"), "256"),
        (("model", "mel", "floor"), float("inf")),
        (("model", "mel", "fmax_hz"), 9000.0),
        (("model", "picture", "fps"), "0/1"),
        (("model", "picture", "fps"), 4),
        (("model", "latent", "shape"), []),
        (("model", "latent", "shape"), [4, -1, 64]),
        (("model", "latent", "scale_factor"), 0.0),
        (("model", "defaults"), None),
        (("model", "aligner", "condition"), "both"),
        (("format_version",), 1),
        (("precision",), "int8"),
        (("family",), "other"),
        (("files",), {}),
    ],
)
def test_wrong_values_are_named(bundle, place, value):
    folder, _ = bundle
    manifest = json.loads((folder / MANIFEST_NAME).read_text())
    inner = manifest
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    (folder / MANIFEST_NAME).write_text(json.dumps(manifest))
    with pytest.raises(BundleIncomplete, match=place[0]):
        read_manifest(folder)


@pytest.mark.parametrize("name", ["../x", "a/b", "a\\b", "C:x", "..", ".", "", "a\0b", "/x"])
def test_file_names_stay_in_the_folder(bundle, name):
    _, manifest = bundle
    with pytest.raises(ValueError, match="plain"):
        replace(manifest, files={**manifest.files, name: "0" * 64})
