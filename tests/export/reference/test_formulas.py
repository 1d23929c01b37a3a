"""Our formulas against recordings of the official code: whole arrays, where they are at hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from foleyline_contract.specs import MelSpec
from foleyline_export.reference.checks import REDUCED, TOLERANCE
from foleyline_export.reference.goldens import read_golden
from foleyline_export.reference.notes import Draw, draws
from foleyline_export.reference.rule import normal, rule_networks
from foleyline_export.reference.torch_subject import torch_subject
from foleyline_export.verify import measure
from foleyline_server.pipeline.schedule import Schedule as SamplingSchedule
from foleyline_training.config import load_config
from foleyline_training.data.column_windows import ColumnWindows
from foleyline_training.data.crops import cut
from foleyline_training.data.mel import LogMel, mel_filters
from foleyline_training.learning_rate import constant, cosine
from foleyline_training.metrics.evaluation_mel import evaluation_mel
from foleyline_training.models.diff_foley.schedule import schedule_buffers
from foleyline_training.models.diff_foley.spec import MODEL
from foleyline_training.objectives.contrastive import semantic_contrast, temporal_contrast
from foleyline_training.objectives.diffusion import Schedule as TrainingSchedule
from foleyline_training.stage_config import StageConfig

GOLDEN = Path(__file__).parents[4] / "shared" / "reference" / "golden"
FORMULA_TOLERANCE = 1e-5
SAMPLES = 160_000

at_hand = pytest.mark.skipif(not GOLDEN.exists(), reason="the recordings are not at hand")


def check(name, found, limit=FORMULA_TOLERANCE, inputs=frozenset()):
    """Everything that the recording ``name`` holds but ``inputs`` is found, and as it should be."""
    arrays = read_golden(GOLDEN, name).arrays
    assert found.keys() == arrays.keys() - inputs
    differences = {key: arrays[key].difference(np.asarray(got)) for key, got in found.items()}
    far = {key: d for key, d in differences.items() if not d.relative_l2 <= limit}
    assert not far


def lower_bound_weights():
    """What upstream weighs its logged ``loss_vlb`` with; our training does not log it."""
    buffers = {key: b.astype("f8") for key, b in schedule_buffers(MODEL.schedule).items()}
    variance = buffers["posterior_variance"]
    variance[0] = variance[1]  # It is zero; the first weight is replaced by the second anyway.
    kept = 1 - buffers["betas"]
    weights = buffers["betas"] ** 2 / (2 * variance * kept * (1 - buffers["alphas_cumprod"]))
    weights[0] = weights[1]
    return weights


def diffusion_loss(features):
    """Training's objective over the reduced UNet with the rule's weights."""
    run, shape = torch_subject(rule_networks(REDUCED)).run, (2, 4, 16, 64)
    clean, noise = (torch.from_numpy(normal(f"input:{n}", shape)) for n in ("x0", "noise"))
    timestep, schedule = torch.tensor([3, 700]), TrainingSchedule(MODEL.schedule)
    noisy = schedule.add_noise(clean, noise, timestep)
    condition = run("condition_encoder", {"features": features})["condition"].repeat(2, axis=0)
    inputs = {"latent": noisy.numpy(), "timestep": timestep.float().numpy()}
    eps = run("unet", inputs | {"condition": condition})["prediction"]
    target = schedule.target(clean, noise, timestep)
    errors = (torch.from_numpy(eps) - target).square().mean((1, 2, 3)).numpy()
    return {
        "x_noisy": noisy.numpy(),
        "eps": eps,
        "loss": errors.mean(),
        "loss_simple": errors.mean(),
        "loss_vlb": (lower_bound_weights()[timestep.numpy()] * errors).mean(),
    }


def test_official_loss_without_the_recordings():
    found = diffusion_loss(Draw("input:cavp_feat", (1, 32, 512), "unit").values())
    assert found["loss"] == pytest.approx(1.2537970542907715, rel=FORMULA_TOLERANCE)
    assert found["loss_vlb"] == pytest.approx(0.10614333301782608, rel=FORMULA_TOLERANCE)


@at_hand
@pytest.mark.slow
def test_diffusion_loss():
    features = draws(read_golden(GOLDEN, "cond_stage_reduced").note)["feat"].values()
    check("ldm_loss_reduced", diffusion_loss(features), TOLERANCE)


@at_hand
@pytest.mark.slow
def test_learning_rates():
    arrays = read_golden(GOLDEN, "lr").arrays
    steps = {name: arrays[f"{name}_steps"].value for name in ("cavp", "ldm")}
    stage = StageConfig(1, 8e-4, 0.0, 0.0, schedule="cosine", warm_up_steps=200, steps=1000)
    factor = replace(stage, learning_rate=1.0, schedule="constant", warm_up_steps=1000)
    found = {
        "cavp_lr_f64": np.array([cosine(stage, int(step)) for step in steps["cavp"]]),
        "ldm_factor_f64": np.array([constant(factor, int(step)) for step in steps["ldm"]]),
    }
    check("lr", found, inputs={"cavp_steps", "ldm_steps"})


def reflected_mel(spec: MelSpec):
    """The recorded signal's log-mel with librosa 0.8's reflection at the ends, (bands, frames)."""
    edge = -(-spec.n_fft // 2 // spec.hop)  # frames, so that ours stay where they were
    sound = torch.from_numpy(signal()[: SAMPLES - 1])[None]
    padded = F.pad(sound, (edge * spec.hop, edge * spec.hop), mode="reflect")
    return LogMel(spec)(padded)[0, :, edge : edge + SAMPLES // spec.hop].numpy()


def signal():
    time_s = np.arange(SAMPLES) / MODEL.mel.rate_hz
    noise = 0.02 * normal("input:wav", (SAMPLES,))
    sweep = np.sin(2 * np.pi * (200 * time_s + 150 * time_s**2)) * np.exp(-6 * (time_s % 1.25))
    return (noise + 0.3 * sweep + 0.05 * np.sin(2 * np.pi * 3000 * time_s)).astype(np.float32)


@at_hand
@pytest.mark.slow
def test_mel():
    spec, last_dropped = MODEL.mel, signal()
    last_dropped[-1] = 0  # Upstream leaves the last sample out.
    reflected = reflected_mel(spec)
    raw = 10 ** ((reflected.astype("f8") * spec.db_range + spec.db_shift) / spec.db_per_decade)
    found = {
        "signal": signal(),
        "mel_reflect": reflected,
        "mel_constant": LogMel(spec)(torch.from_numpy(last_dropped)[None])[0].numpy(),
        "raw_mel_reflect": raw,
        "mel_reflect_hop250": reflected_mel(replace(spec, hop=250)),
    }
    check("mel", found)


@at_hand
@pytest.mark.slow
def test_mel_filter_banks():
    """The second is the one by which the released demo inverts, at the wrong rate."""
    found = {
        "fb_16k_128": mel_filters(MODEL.mel),
        "fb_22k_128": mel_filters(replace(MODEL.mel, rate_hz=22_050)),
    }
    check("mel_filterbank", found)


@at_hand
@pytest.mark.slow
def test_evaluation_mel():
    arrays = read_golden(GOLDEN, "eval_transform_spec").arrays
    mel = read_golden(GOLDEN, "mel").arrays["mel_reflect"].value[:, :512]
    found = evaluation_mel(mel, MODEL.mel)
    assert arrays["spec80_soxr_hq"].difference(found).relative_l2 <= FORMULA_TOLERANCE
    # The other resampler is not ours; the docstring says how far off it is.
    assert arrays["spec80_kaiser_best"].difference(found).relative_l2 == pytest.approx(0.031, 0.01)


@at_hand
@pytest.mark.slow
def test_schedule_buffers():
    found = schedule_buffers(MODEL.schedule) | {"lvlb_weights": lower_bound_weights()}
    check("schedule_buffers", found)


@at_hand
@pytest.mark.slow
def test_noise_schedule():
    arrays = {key: a.value for key, a in read_golden(GOLDEN, "noise_schedule").arrays.items()}
    schedule, steps = SamplingSchedule(MODEL.schedule), MODEL.schedule.steps
    levels = [schedule.at_time(time) for time in np.linspace(1, 1 / steps, 26)]
    query_alpha = np.exp([log_alpha(schedule, float(time)) for time in arrays["query_t"]])
    found = {
        "timesteps": np.array([(level.timestep + 1) / steps for level in levels]),
        "t_input": np.array([level.timestep for level in levels]),
        "log_alpha": np.log([level.alpha for level in levels]),
        "alpha": np.array([level.alpha for level in levels]),
        "sigma": np.array([level.sigma for level in levels]),
        "lam": np.array([level.lam for level in levels]),
        "alphas_cumprod": schedule.alphas_cumprod,
        "betas": schedule_buffers(MODEL.schedule)["betas"],
        "query_alpha": query_alpha,
        "query_lambda": np.log(query_alpha) - 0.5 * np.log1p(-(query_alpha**2)),
    }
    check("noise_schedule", found, inputs={"query_t", "inverse_lambda"})
    # We have no inverse, so the lambda of what theirs gives is held against what it was given.
    again = np.array([schedule.at_time(float(time)).lam for time in arrays["inverse_lambda"]])
    assert measure(arrays["lam"], again).relative_l2 <= FORMULA_TOLERANCE
    trained = TrainingSchedule(MODEL.schedule).alphas_cumprod.numpy()
    assert measure(arrays["alphas_cumprod"], trained).relative_l2 <= FORMULA_TOLERANCE


def log_alpha(schedule, time):
    """Also outside [1 / N, 1], where our samplers never ask: the outermost piece goes on."""
    first = 1 / schedule.steps
    inside = min(max(time, first), 1.0)
    end = np.log(schedule.at_time(inside).alpha)
    if inside == time:
        return end
    inner = inside + first if time < inside else inside - first
    slope = (np.log(schedule.at_time(inner).alpha) - end) / (inner - inside)
    return end + slope * (time - inside)


RECORDED_COLUMNS, RECORDED_FEATURES = 625, 40


def replayed(recorded):
    """Draws what upstream drew, within the bounds that upstream drew it in."""
    rows = iter(recorded.tolist())

    def draw(low, high):
        *bounds, value = next(rows)
        assert bounds == [low, high]
        return value

    return draw


@at_hand
@pytest.mark.slow
def test_split_and_merge():
    arrays = read_golden(GOLDEN, "split_merge").arrays
    mels = np.stack([np.arange(RECORDED_COLUMNS), 1000 + np.arange(RECORDED_COLUMNS)])
    features = np.stack([np.arange(RECORDED_FEATURES), 100 + np.arange(RECORDED_FEATURES)])
    drawn, found = {key for key in arrays if key.endswith("_randint")}, {}
    windows = ColumnWindows(load_config("paper"), 2, RECORDED_FEATURES)
    for key in drawn:
        window = key.removesuffix("_randint")
        draw = replayed(arrays[key].value)
        single = key.startswith("single")
        drawn_window = windows.single(0, draw) if single else windows.merged((0, 1), draw)
        found[f"{window}_spec"] = cut(drawn_window.heard, mels)
        found[f"{window}_feat"] = cut(drawn_window.seen, features)
    assert len(drawn) == 16
    check("split_merge", found, limit=0, inputs=drawn)


@at_hand
@pytest.mark.slow
@pytest.mark.parametrize("scale", ["14.286", "100.000"])
@pytest.mark.parametrize("clips", [2, 3])
def test_contrastive_loss(scale, clips):
    """Losses of 1e-7, as at scale 100, are rounding: there, operations have to be in order too."""
    arrays = read_golden(GOLDEN, "cavp_loss").arrays
    video = normal("input:loss_video", (12, 512))
    audio = np.float32(0.3) * video + normal("input:loss_spec", (12, 512))
    rows = []
    for row in (video, audio):
        unit = torch.from_numpy(row / np.linalg.norm(row, axis=1, keepdims=True))
        rows.append(unit.reshape(12 // clips, clips, -1).requires_grad_(True))
    factor = torch.tensor({"14.286": 1 / 0.07, "100.000": 100.0}[scale])
    semantic, temporal = (f(*rows, factor) for f in (semantic_contrast, temporal_contrast))
    total = semantic + temporal
    total.backward()
    found = {
        "total_loss": total.detach(),
        "extra_contrast_loss": semantic.detach(),
        "intra_contrast_loss": temporal.detach(),
        "gradv": rows[0].grad.flatten(0, 1),
        "grads": rows[1].grad.flatten(0, 1),
    }
    for key, got in found.items():
        difference = arrays[f"{key}_scale{scale}_clips{clips}"].difference(got.numpy())
        assert difference.relative_l2 <= FORMULA_TOLERANCE, (key, difference)
    assert len(arrays) == 4 * len(found)
