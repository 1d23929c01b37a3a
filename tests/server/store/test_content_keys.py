import hashlib
import os
import random
from dataclasses import replace
from fractions import Fraction

import pytest

from foleyline_contract.errors import FileMissing, FileUnreadable
from foleyline_contract.messages import SEED_MAX, Clip, GenerateSettings
from foleyline_contract.specs import SamplingDefaults
from foleyline_server.pipeline.provenance import used_settings
from foleyline_server.store import content_keys
from foleyline_server.store.content_keys import (
    features_key,
    source_fingerprint,
    take_key,
    upload_fingerprint,
)
from foleyline_server.store.files import is_key

LARGE_BYTES = 9 << 20


@pytest.fixture
def large(tmp_path):
    path = tmp_path / "large.mov"
    path.write_bytes(random.Random(0).randbytes(LARGE_BYTES))
    return path


def test_a_small_file_is_known_by_its_content_as_an_upload_is(tmp_path):
    for name in ("a.mp4", "b.mov"):
        (tmp_path / name).write_bytes(b"picture")
    fingerprint = source_fingerprint(tmp_path / "a.mp4")
    assert fingerprint == upload_fingerprint(hashlib.sha256(b"picture").hexdigest())
    assert source_fingerprint(tmp_path / "b.mov") == fingerprint
    (tmp_path / "b.mov").write_bytes(b"Picture")
    assert source_fingerprint(tmp_path / "b.mov") != fingerprint


def test_a_large_file_is_known_under_another_name(large):
    before = source_fingerprint(large)
    assert source_fingerprint(large.rename(large.with_name("renamed.mov"))) == before


@pytest.mark.parametrize("change", ["first", "last", "longer", "later"])
def test_a_large_file_that_changed_is_another(large, change):
    before, status = source_fingerprint(large), large.stat()
    content = bytearray(large.read_bytes())
    if change == "longer":
        content += b"x"
    elif change != "later":
        content[0 if change == "first" else -1] ^= 1
    large.write_bytes(content)
    later_ns = status.st_mtime_ns + (change == "later")
    os.utime(large, ns=(status.st_atime_ns, later_ns))
    assert source_fingerprint(large) != before


def test_little_of_a_large_file_is_read(large):
    sparse = large.with_name("sparse.mov")
    with sparse.open("wb") as stream:
        stream.truncate(50 << 30)
    assert source_fingerprint(sparse).startswith(f"sampled:{50 << 30}:")


def test_what_is_no_file_is_refused_without_waiting_for_it(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name in (".", "pipe", "absent", "absent/below"):
        with pytest.raises(FileMissing):
            source_fingerprint(tmp_path / name)
    for name in ("loop", "n" * 300, "nul\0"):
        with pytest.raises(FileUnreadable):
            source_fingerprint(tmp_path / name)


CLIP = Clip("/a.mp4", Fraction(0), Fraction(8))


def test_features_depend_on_the_clip_and_what_computes_them():
    base = features_key("f", CLIP, "b", "cpu")
    assert is_key(base)
    assert features_key("f", replace(CLIP, path="/elsewhere/b.mp4"), "b", "cpu") == base
    others = {
        features_key("g", CLIP, "b", "cpu"),
        features_key("f", replace(CLIP, start_s=Fraction(1, 25)), "b", "cpu"),
        features_key("f", replace(CLIP, duration_s=Fraction(7)), "b", "cpu"),
        features_key("f", replace(CLIP, speed=Fraction(2)), "b", "cpu"),
        features_key("f", CLIP, "c", "cpu"),
        features_key("f", CLIP, "b", "cuda"),
    }
    assert len(others | {base}) == 7


@pytest.fixture
def settings():
    defaults = SamplingDefaults("dpm-solver++2m", 25, 4.5, 50.0, "griffin-lim")
    return lambda **changes: used_settings(GenerateSettings(**{"seed": 5, **changes}), defaults)


def test_a_take_is_the_same_however_it_was_asked_for(settings):
    third = take_key("f", settings(takes=4), 2, "cpu")
    assert is_key(third)
    assert take_key("f", settings(seed=7), 0, "cpu") == third
    assert take_key("f", settings(seed=6, takes=8), 1, "cpu") == third
    around = take_key("f", settings(seed=SEED_MAX, takes=2), 1, "cpu")
    assert around == take_key("f", settings(seed=0), 0, "cpu")


def test_a_take_depends_on_each_of_its_settings(settings, monkeypatch):
    keys = {
        take_key("f", settings(), 0, "cpu"),
        take_key("g", settings(), 0, "cpu"),
        take_key("f", settings(), 0, "cuda"),
        take_key("f", settings(), 1, "cpu"),
        take_key("f", settings(steps=26), 0, "cpu"),
        take_key("f", settings(cfg_scale=4.6), 0, "cpu"),
        take_key("f", settings(align_scale=49.0), 0, "cpu"),
        take_key("f", settings(sampler="ddim"), 0, "cpu"),
        take_key("f", settings(loudness_lufs=-23.0), 0, "cpu"),
        take_key("f", settings(seed_family=4), 0, "cpu"),
        take_key("f", settings(seed_family=4, variation=0.25), 0, "cpu"),
        take_key("f", settings(palette="wood"), 0, "cpu"),
        take_key("f", settings(palette="metal"), 0, "cpu"),
    }
    monkeypatch.setattr(content_keys, "PACKAGE_VERSION", "99")
    keys |= {take_key("f", settings(), 0, "cpu"), features_key("f", CLIP, "b", "cpu")}
    assert len(keys) == 15
