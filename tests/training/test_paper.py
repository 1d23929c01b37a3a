"""The paper's configuration: its numbers, and its stages at reduced size on prepared videos."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from foleyline_training.checkpoints import load_checkpoint, save_checkpoint
from foleyline_training.config import load_config, read_run_config, write_run_config
from foleyline_training.data.corpus_files import ClipArrays
from foleyline_training.given_weights import adopt_autoencoder, give_first_weights
from foleyline_training.learning_rate import learning_rate
from foleyline_training.loop import train
from foleyline_training.models.diff_foley.cavp import Cavp
from foleyline_training.models.diff_foley.layout import official_names
from foleyline_training.models.diff_foley.spec import MODEL, RELEASED
from foleyline_training.optimiser import make_optimiser
from foleyline_training.stages.cavp import CavpStage
from foleyline_training.stages.classifier import ClassifierStage
from foleyline_training.stages.diffusion import DiffusionStage
from foleyline_training.stages.encoded import window_data
from foleyline_training.stages.networks import autoencoder_of, cavp_of, denoiser_of
from foleyline_training.weights_file import CheckpointMismatch


@pytest.fixture(scope="module")
def paper():
    return load_config("paper")


def test_numbers_are_the_official_ones(paper):
    spec = paper.model_spec(scale_factor=0.18215, margin=MODEL.features.margin)
    assert replace(spec, aligner=MODEL.aligner) == MODEL
    assert paper.networks.sizes == RELEASED
    clips, windows = paper.clips, paper.windows
    assert (clips.pictures, clips.per_video, clips.least_apart_pictures) == (16, 3, 8)
    assert (clips.mel_hop, clips.temporal_weight, paper.mel.hop) == (250, 1.0, 256)
    assert (paper.merge_rate, windows.least_part_s, windows.condition_drop_rate) == (0.5, 2, 0.2)
    assert (windows.true_rate, windows.shifted_rate, windows.latent_scale) == (0.5, 0.25, 0.18215)
    assert (paper.corpus.duration_pictures, paper.window_mel_frames) == (40, 512)
    cavp, diffusion, classifier = (paper.stages[n] for n in ("cavp", "diffusion", "classifier"))
    assert (cavp.batch, cavp.learning_rate, cavp.weight_decay) == (30 * 8, 8e-4, 0.2)
    assert (cavp.schedule, cavp.warm_up_steps, cavp.epochs) == ("cosine", 200, 300)
    assert (cavp.decays, diffusion.decays) == ("matrices", "all")
    assert (diffusion.batch, diffusion.learning_rate, diffusion.weight_decay) == (1760, 1e-4, 0.01)
    assert (diffusion.schedule, diffusion.warm_up_steps) == ("constant", 1000)
    assert classifier.learning_rate == 5e-5
    for stage in (cavp, diffusion, classifier):
        assert (stage.betas, stage.ema, stage.gradient_norm_max) == ((0.9, 0.999), 0.0, 0.0)


def test_epochs_are_the_official_steps(paper):
    cavp = paper.stages["cavp"].over(567_980)
    assert cavp.steps == 300 * 2367
    assert learning_rate(cavp, 199, 0) == pytest.approx(8e-4)
    assert learning_rate(cavp, cavp.steps, 0) == pytest.approx(0, abs=1e-12)
    diffusion = paper.stages["diffusion"]
    assert learning_rate(diffusion, 0, 0) == pytest.approx(1e-10)
    assert learning_rate(diffusion, 5000, 0) == pytest.approx(1e-4)


def test_decay_leaves_out_what_the_official_names_do(sizes, paper):
    network = Cavp(sizes)
    named = {name for name, p in network.named_parameters() if p.dim() > 1}
    assert not [n for n in named if any(word in n for word in ("bn", "ln", "bias", "logit_scale"))]
    matrices, rest = make_optimiser(list(network.parameters()), paper.stages["cavp"]).param_groups
    assert len(matrices["params"]) == len(named)
    assert (matrices["weight_decay"], rest["weight_decay"]) == (0.2, 0.0)


def test_a_run_keeps_it(paper, tmp_path):
    write_run_config(tmp_path, paper)
    assert read_run_config(tmp_path) == paper


class Videos(ClipArrays):
    """Four videos of noise of 10 s, as 'prepare' leaves them: nobody labelled a contact."""

    contacts_known = False

    def __init__(self, folder, config):
        rng, pictures = np.random.default_rng(0), config.corpus.duration_pictures
        self.folder, self.config, self.index, self.materials = folder, config, {}, []
        self.pictures = rng.integers(0, 256, (4, pictures, 32, 32, 3), np.uint8)
        self.sound = rng.integers(-20000, 20000, (4, 160_000), np.int16)
        self.contacts_seen = self.activity = np.zeros((4, pictures, 0), np.uint8)
        self.contact_place = np.zeros((4, pictures), np.float16)


@pytest.fixture(scope="module")
def small(paper):
    """The paper's, but for sizes: 2 s windows of 8 features, 32 px."""
    sizes = replace(
        RELEASED,
        video_channels=2,
        video_blocks=(1, 1, 1, 1),
        spectrogram_channels=2,
        unet_channels=32,
        unet_multipliers=(1, 1),
        unet_blocks=1,
        classifier_channels=32,
        classifier_multipliers=(1, 1),
        autoencoder_channels=32,
        autoencoder_multipliers=(1, 1, 1, 1),
        autoencoder_blocks=1,
    )
    quick = {"batch": 2, "epochs": None, "steps": 3, "precision": "float32", "device": "cpu"}
    return replace(
        paper,
        networks=replace(paper.networks, sizes=sizes),
        picture=replace(paper.picture, height_px=32, width_px=32),
        features=replace(paper.features, per_window=8),
        windows=replace(paper.windows, least_part_s=0.5),
        stages={
            name: replace(stage, **quick, warm_up_steps=1) for name, stage in paper.stages.items()
        },
    )


@pytest.fixture
def videos(small, tmp_path):
    return Videos(tmp_path, small)


@pytest.fixture
def autoencoder_file(small, tmp_path):
    """A file as Stable Diffusion's is: other names, and attention of 1x1 convolutions."""
    network = autoencoder_of(small)
    tensors = {}
    for half in (network.encoder, network.decoder):
        names = official_names(half, small.networks.sizes)
        for ours, value in half.state_dict().items():
            attention = ".attn_1." in names[ours] and value.dim() == 2
            tensors[names[ours]] = value[..., None, None] if attention else value
    path = tmp_path / "sd.ckpt"
    save_checkpoint(path, {"state_dict": {**tensors, "model.unused": torch.zeros(1)}})
    return path, network


@pytest.fixture
def data(small, videos, autoencoder_file, tmp_path):
    adopt_autoencoder(small, autoencoder_file[0], tmp_path)
    save_checkpoint(tmp_path / "cavp.pt", {"weights": cavp_of(small, 0).state_dict()})
    return window_data(small, videos, tmp_path)


def test_stage_1_trains_on_clips_of_videos(small, videos, tmp_path):
    stage = CavpStage(small, videos)
    assert stage.mel_per_picture == 16
    pictures, mel, _ = stage._batch(np.random.default_rng(0))
    assert pictures.shape == (6, 16, 3, 32, 32)
    assert mel.shape == (6, 128, 256)
    loss, figures = stage.loss(np.random.default_rng(0))
    assert loss.item() == pytest.approx(figures["semantic"] + figures["temporal"])
    assert figures["semantic"] == pytest.approx(math.log(6), abs=1.5)
    done = train(stage, small.stages["cavp"], tmp_path, 0)
    assert load_checkpoint(done)["steps"] == 3


@pytest.mark.parametrize("kind", [DiffusionStage, ClassifierStage])
def test_stages_2_and_3_make_a_step(kind, data, small, tmp_path):
    stage = kind(data)
    before = {n: p.detach().clone() for n, p in stage.network.named_parameters()}
    settings = replace(small.stages[stage.name], steps=1, schedule="constant")
    train(stage, replace(settings, learning_rate=100.0), tmp_path, 0)
    assert any(not torch.equal(p, before[n]) for n, p in stage.network.named_parameters())
    assert (tmp_path / f"{stage.name}.pt").is_file()


def test_latents_are_encoded_from_the_window(data, autoencoder_file):
    rng = np.random.default_rng(0)
    windows = data.draw_windows(rng, 6)
    assert {len(window.heard) for window in windows} == {1, 2}
    noise = torch.zeros(data.latent_shape(6))
    mel = torch.from_numpy(data.mel_windows(windows))
    assert mel.shape == (6, 128, 128) and 0 <= mel.min() < mel.max() <= 1
    with torch.no_grad():
        mean, _ = autoencoder_file[1].encoder(mel)
    torch.testing.assert_close(data.latents(windows, noise), 0.18215 * mean)
    assert data.feature_windows(windows).shape == (6, 8, 512)


def test_raw_features_are_dropped(small):
    network = denoiser_of(small)
    features, keep = torch.randn(2, 8, 512), torch.tensor([1.0, 0.0])[:, None, None]
    condition = network.condition(features, keep, None)
    encoder = network.condition_encoder
    torch.testing.assert_close(condition[0], encoder(features)[0])
    torch.testing.assert_close(condition[1], encoder(0 * features)[1])
    assert condition[1].abs().max() > 0


def test_autoencoder_that_lacks_a_tensor(small, autoencoder_file, tmp_path):
    tensors = load_checkpoint(autoencoder_file[0])["state_dict"]
    del tensors["first_stage_model.decoder.conv_in.weight"]
    save_checkpoint(tmp_path / "less.pt", tensors)
    with pytest.raises(CheckpointMismatch, match=r"decoder\.conv_in\.weight is one that it lacks"):
        adopt_autoencoder(small, tmp_path / "less.pt", tmp_path)


def test_first_weights_of_one_tower(small, tmp_path):
    trained, fresh = cavp_of(small, 0), cavp_of(small, 0)
    tensors = {f"backbone.{n}": t for n, t in trained.video_encoder.state_dict().items()}
    save_checkpoint(tmp_path / "slowonly.pth", {"state_dict": tensors, "meta": {"epoch": 256}})
    heard = fresh.spec_encoder.fc1.weight.clone()
    give_first_weights(fresh, "cavp.video", tmp_path / "slowonly.pth", small.networks.sizes)
    assert torch.equal(
        fresh.video_encoder.conv1.conv.weight, trained.video_encoder.conv1.conv.weight
    )
    assert torch.equal(fresh.spec_encoder.fc1.weight, heard)
