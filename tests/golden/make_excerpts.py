"""Cut small excerpts out of the golden tensors of the official Diff-Foley code.

The full goldens (a folder of .npz, made by running the official code in single precision on
a CPU) are not in the repository; the excerpts beside this script are, and tests read those.
Run as `python tests/golden/make_excerpts.py FOLDER`.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
MEL_FRAMES = 4
"""Enough to see frames that touch the padding (the first two) and frames that do not."""

STRIDE = 17
"""Odd, so that the excerpts of the samplers' ends touch every column."""
EVALUATION_STRIDE = 97


def normal(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """The rule by which the goldens' inputs were made: noise seeded by a name."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
    return np.random.Generator(np.random.PCG64(seed)).standard_normal(shape, dtype=np.float32)


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def mel_filters(source: Path) -> dict[str, np.ndarray]:
    return {"filters": np.load(source / "mel_filterbank.npz")["fb_16k_128"]}


def log_mel(source: Path) -> dict[str, np.ndarray]:
    """The first frames of a signal, under the official padding and under librosa's new one."""
    golden = np.load(source / "mel.npz")
    samples = (MEL_FRAMES - 1) * 256 + 512  # the last frame's window ends here
    return {
        "signal": golden["signal"][:samples],
        "padded_with_zeros": golden["mel_constant"][:, :MEL_FRAMES],
        "padded_by_reflection": golden["mel_reflect"][:, :MEL_FRAMES],
    }


def cavp_loss(source: Path) -> dict[str, np.ndarray]:
    """Losses and gradients on 12 pairs of vectors, at scale 14.286 (e ** ln(1 / 0.07)).

    The loss knows the 24 vectors by their inner products only, so they and the gradients are
    kept in the 24-dimensional basis of their own span instead of in 512 dimensions.
    """
    golden = np.load(source / "cavp_loss.npz")
    video = normal("input:loss_video", (12, 512)).astype(np.float64)
    audio = 0.3 * video + normal("input:loss_spec", (12, 512))
    video, audio = unit(video), unit(audio)
    basis = np.linalg.qr(np.concatenate([video, audio]).T)[0]
    excerpt = {"video": video @ basis, "audio": audio @ basis}
    for clips in (2, 3):
        key = f"scale14.286_clips{clips}"
        for ours, official in (
            ("semantic", "extra_contrast_loss"),
            ("temporal", "intra_contrast_loss"),
            ("total", "total_loss"),
        ):
            excerpt[f"{ours}_{clips}"] = golden[f"{official}_{key}"]
        excerpt[f"video_gradient_{clips}"] = golden[f"gradv_{key}"] @ basis
        excerpt[f"audio_gradient_{clips}"] = golden[f"grads_{key}"] @ basis
    return excerpt


def schedule(source: Path) -> dict[str, np.ndarray]:
    return {"alphas_cumprod": np.load(source / "noise_schedule.npz")["alphas_cumprod"]}


def split_merge(source: Path) -> dict[str, np.ndarray]:
    """Lowest and highest mel column (of 512) at which two clips may be joined, and draws."""
    golden = np.load(source / "split_merge.npz")
    draws = [golden[f"concat{i}_randint"][0] for i in range(5)]
    return {"low_high_drawn": np.array(draws)}


def samplers(source: Path) -> dict[str, np.ndarray]:
    """Ends of the released samplers on a toy network: every STRIDE-th value of the first row."""
    dpm, integer = np.load(source / "toy_sampler.npz"), np.load(source / "toy_ddim_plms.npz")
    keys = ("cfg_s25_w4.5_g0", "cfg_s10_w4.5_g0", "dg_s25_w4.5_g50.0", "dg_s10_w4.5_g50.0")
    ends = {key: dpm[f"{key}_final"] for key in keys}
    ends |= {key: integer[key] for key in ("ddim_s25", "ddim_dg_s25", "plms_s25", "plms_s50")}
    excerpt = {key: end[0].ravel()[::STRIDE] for key, end in ends.items()}
    return {"stride": np.array(STRIDE), **excerpt}


def evaluation_mel(source: Path) -> dict[str, np.ndarray]:
    """Every EVALUATION_STRIDE-th value, in C order, of the golden mel as evaluated."""
    whole = np.load(source / "eval_transform_spec.npz")["spec80_soxr_hq"]
    return {"stride": np.array(EVALUATION_STRIDE), "mel": whole.ravel()[::EVALUATION_STRIDE]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, help="folder of the full goldens")
    source = parser.parse_args().source
    makers = (mel_filters, log_mel, cavp_loss, schedule, split_merge, samplers, evaluation_mel)
    for make in makers:
        arrays = {
            name: array.astype(np.float32) if array.dtype == np.float64 else array
            for name, array in make(source).items()
        }
        path = HERE / f"official_{make.__name__}.npz"
        np.savez_compressed(path, **arrays)
        print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
