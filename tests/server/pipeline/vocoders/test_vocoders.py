import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from tiny_bundle import MODEL, build_tiny_bundle, mel_filters

from foleyline_contract.errors import BundleIncomplete, SettingInvalid
from foleyline_contract.messages import Clip, GenerateSettings
from foleyline_server.media.frames import iter_pictures
from foleyline_server.pipeline.generate import generate
from foleyline_server.pipeline.progress import Meter
from foleyline_server.pipeline.provenance import used_settings
from foleyline_server.pipeline.vocoders import VOCODERS, vocoder_named
from foleyline_server.pipeline.vocoders.griffin_lim import GriffinLim
from foleyline_server.runtime.bundles import BundleShelf
from foleyline_server.runtime.providers import CPU
from foleyline_server.runtime.session import RuntimeOptions

ASKED = GenerateSettings(seed=1)


def test_names_lead_to_vocoders() -> None:
    made = vocoder_named("griffin-lim", ())(MODEL.mel, mel_filters(MODEL.mel), {})
    assert isinstance(made, GriffinLim)
    assert made(np.full((MODEL.mel.bands, 3), 0.5, np.float32), 0).any()


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(SettingInvalid, match="'nope'") as caught:
        vocoder_named("nope", ())
    assert all(name in str(caught.value) for name in VOCODERS)


def test_a_vocoder_whose_package_is_missing_is_refused_with_the_remedy(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "librosa", None)
    with pytest.raises(SettingInvalid, match="librosa") as caught:
        used_settings(replace(ASKED, vocoder="librosa"), MODEL.defaults)
    assert 'pip install "foleyline[librosa]"' in caught.value.remedy


def test_asking_for_a_vocoder_imports_nothing(monkeypatch) -> None:
    pytest.importorskip("librosa", reason="needs the extra [librosa]: scripts/test --training")
    monkeypatch.delitem(sys.modules, "librosa")
    vocoder_named("librosa", ())(MODEL.mel, mel_filters(MODEL.mel), {})
    assert "librosa" not in sys.modules


def test_the_bundles_own_is_used_unless_another_is_asked_for() -> None:
    assert used_settings(ASKED, MODEL.defaults).vocoder == "griffin-lim"
    odd = replace(MODEL.defaults, vocoder="wave-thing")
    with pytest.raises(BundleIncomplete, match="'wave-thing'"):
        used_settings(ASKED, odd)
    assert used_settings(replace(ASKED, vocoder="griffin-lim"), odd).vocoder == "griffin-lim"


def test_a_graph_that_the_bundle_lacks_is_missed_at_once(tiny) -> None:
    asked = replace(ASKED, vocoder="neural")
    with pytest.raises(SettingInvalid, match="This bundle has no neural vocoder") as caught:
        used_settings(asked, MODEL.defaults, tiny.found.manifest.graphs)
    assert "griffin-lim" in caught.value.remedy
    wanting = replace(MODEL.defaults, vocoder="neural")
    with pytest.raises(BundleIncomplete, match="lacks its graph"):
        used_settings(ASKED, wanting, tiny.found.manifest.graphs)
    assert used_settings(ASKED, wanting, ["vocoder"]).vocoder == "neural"


def test_a_bundles_own_graph_makes_its_takes(tmp_path: Path, movie: Path, engine_of) -> None:
    build_tiny_bundle(tmp_path, vocoder=True)
    shelf = BundleShelf([tmp_path], RuntimeOptions((CPU,), threads=1), "tiny")
    engine = engine_of(shelf)
    clip, made = Clip(str(movie), Fraction(0), Fraction(1)), []
    for name in ("neural", "griffin-lim"):
        order = engine.order(replace(ASKED, vocoder=name))
        meter = Meter(1, lambda *_: None, lambda: None)
        take = engine.make(engine.see(clip, order, meter), clip, order, 0, meter)
        assert (take.provenance["vocoder"], take.sample_count) == (name, 48_000)
        made.append(take.pcm)
    assert made[0] != made[1]


def test_a_take_is_made_with_the_vocoder_asked_for_and_says_so(tiny, movie: Path) -> None:
    pytest.importorskip("librosa", reason="needs the extra [librosa]: scripts/test --training")
    clip, made = Clip(str(movie), Fraction(0), Fraction(1)), {}
    names = [name for name, kind in VOCODERS.items() if kind.graph is None]
    for name in names:
        used = used_settings(replace(ASKED, vocoder=name), tiny.found.manifest.model.defaults)
        meter = Meter(1, lambda *_: None, lambda: None)
        (take,) = generate(clip, used, tiny, meter, iter_pictures)
        assert take.provenance["vocoder"] == name
        assert take.sample_count == 48_000
        made[name] = take.pcm
    assert len(set(made.values())) == len(names)
