import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from made_clips import CLIPS, made_clips, prepared

from foleyline_training.data.corpus_files import CorpusFiles
from foleyline_training.data.crops import Crop
from foleyline_training.data.mel import LogMel
from foleyline_training.data.prepared_files import DataUnusable, PreparedFiles, open_data
from foleyline_training.prepare.clips import ClipSpec, RawClip
from foleyline_training.stages.autoencoder import AutoencoderStage
from foleyline_training.stages.cavp import CavpStage
from foleyline_training.stages.classifier import ClassifierStage
from foleyline_training.stages.conditioned import ConditionedData
from foleyline_training.stages.diffusion import DiffusionStage


@pytest.fixture
def clips(tiny):
    return made_clips(ClipSpec.of(tiny))


@pytest.fixture
def folder(tiny, clips, tmp_path, monkeypatch):
    return prepared(tmp_path, ClipSpec.of(tiny), clips, monkeypatch)


def test_shards_are_read_as_one_array(folder, tiny, clips):
    data = open_data(folder, tiny)
    pictures = np.stack([np.stack(clip.pictures) for clip in clips])
    sound = np.stack([clip.sound for clip in clips])
    assert (data.scenes, data.duration) == (CLIPS, 48)
    assert data.pictures.shape == pictures.shape
    assert np.array_equal(data.pictures[1:6], pictures[1:6])
    assert np.array_equal(data.sound[2:7], sound[2:7])
    assert np.array_equal(data.sound[-1], sound[-1])
    for scene in range(CLIPS):
        assert np.array_equal(Crop(scene, 5, 16).cut(data.pictures), pictures[scene, 5:21])
    assert data.pictures[7:9].shape == (0, *pictures.shape[1:])
    with pytest.raises(IndexError):
        data.pictures[CLIPS]


def test_jpegs_are_read_as_pictures(tiny, tmp_path, monkeypatch):
    large = replace(tiny, picture=replace(tiny.picture, height_px=120, width_px=112))
    spec = ClipSpec.of(large)
    across, down = np.meshgrid(np.arange(112), np.arange(120))
    picture = np.stack([2 * across, 2 * down, 0 * across], axis=-1).astype(np.uint8)
    pictures = [picture] * 40 + [255 - picture] * 8
    clips = [RawClip(0 * spec.duration_s, pictures, np.zeros(spec.samples, np.int16))] * 2
    data = open_data(prepared(tmp_path, spec, clips, monkeypatch, shard_clips=1), large)
    found = data.pictures[1, 36:44]
    assert found.shape == (8, 120, 112, 3) and found.dtype == np.uint8
    wanted = np.stack(pictures[36:44]).astype(int)
    assert np.abs(found.astype(int) - wanted).mean() < 2


def test_mels_are_those_of_the_sound(folder, tiny, clips):
    mels = open_data(folder, tiny).mels()
    assert mels.shape == (CLIPS, 48 * 8, 16)
    sound = torch.from_numpy(clips[4].sound[None].astype(np.float32) / 32767)
    wanted = LogMel(tiny.mel)(sound)[0].T
    torch.testing.assert_close(torch.tensor(mels[4]).float(), wanted, atol=1e-3, rtol=0)


def test_other_mels_of_the_same_clips_are_kept_apart(folder, tiny):
    other = replace(tiny, mel=replace(tiny.mel, bands=8))
    assert open_data(folder, tiny).mels().shape[-1] == 16
    assert open_data(folder, other).mels().shape[-1] == 8


def test_all_stages_train_without_labels(folder, tiny, tmp_path, busy):
    """Every weight gets a gradient, if of zero, as processes that train together need it."""
    from foleyline_training.checkpoints import save_checkpoint

    for materials in ((), ("wood", "glass")):
        data = open_data(folder, tiny, materials)
        cavp, autoencoder = CavpStage(tiny, data), AutoencoderStage(tiny, data)
        for stage in (cavp, autoencoder):
            weights = busy(stage.network).state_dict()
            save_checkpoint(tmp_path / f"{stage.name}.pt", {"weights": weights})
        conditioned = ConditionedData(tiny, data, tmp_path)
        for stage in (cavp, autoencoder, DiffusionStage(conditioned), ClassifierStage(conditioned)):
            loss, figures = stage.loss(np.random.default_rng(0))
            loss.backward()
            assert all(weight.grad is not None for weight in stage.network.parameters())
            assert np.isfinite(list(figures.values())).all()
            if stage is cavp:
                assert figures["contact_video"] == figures["contact_audio"] == 0


def test_a_rendered_corpus_is_opened_as_one(corpus, tiny):
    assert isinstance(open_data(corpus.folder, tiny), CorpusFiles)


def test_credits_name_the_folder_and_its_licence(folder, tiny):
    (row,) = open_data(folder, tiny).credits
    assert (row["file"], row["licence"]) == ("videos", "LicenseRef-unknown")


def test_labels_are_those_of_the_list(folder, tiny):
    data = open_data(folder, tiny)
    assert isinstance(data, PreparedFiles)
    assert data.labels == [()] * CLIPS


def test_data_of_another_kind_is_refused(folder, tiny):
    for other in (
        replace(tiny, picture=replace(tiny.picture, height_px=32)),
        replace(tiny, mel=replace(tiny.mel, rate_hz=16000, hop=128)),
    ):
        with pytest.raises(DataUnusable, match="another kind"):
            open_data(folder, other)


def test_incomplete_folders_are_refused(folder, tiny, tmp_path):
    shard = json.loads((folder / "index.json").read_text())["shards"][1]["path"]
    sound = folder / shard / "sound.npy"
    sound.write_bytes(sound.read_bytes()[:-1])
    with pytest.raises(DataUnusable, match=r"sound\.npy is missing or cut short"):
        open_data(folder, tiny)
    shutil.rmtree(folder / shard)
    with pytest.raises(DataUnusable, match="is missing"):
        open_data(folder, tiny)
    (folder / "index.json").write_text("{")
    with pytest.raises(DataUnusable, match="cannot be read"):
        open_data(folder, tiny)
    with pytest.raises(DataUnusable, match="finish 'foley-train prepare' first"):
        open_data(tmp_path, tiny)


def test_an_index_cannot_lead_outside(folder, tiny):
    index = json.loads((folder / "index.json").read_text())
    index["shards"][0]["path"] = "../videos"
    (folder / "index.json").write_text(json.dumps(index))
    with pytest.raises(DataUnusable, match="outside"):
        open_data(folder, tiny)
