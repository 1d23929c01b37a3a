from dataclasses import replace
from pathlib import Path

import pytest

from foleyline_contract.bundle import GRAPHS, read_manifest
from foleyline_server.runtime.provider_options import BundleFacts, profile_shapes, tuning
from foleyline_server.runtime.providers import COREML, CPU, CUDA, DIRECTML, TENSORRT


@pytest.fixture
def facts(tiny_folder: Path) -> BundleFacts:
    return BundleFacts(read_manifest(tiny_folder / "tiny"), 8, Path("engines"), "1.31.1")


def with_precision(facts: BundleFacts, precision: str) -> BundleFacts:
    return replace(facts, manifest=replace(facts.manifest, precision=precision))


def test_the_cpu_is_told_nothing(facts: BundleFacts) -> None:
    assert tuning([CPU], "unet", facts) == {}


def test_cuda(facts: BundleFacts) -> None:
    assert tuning([CUDA, CPU], "latent_decoder", facts) == {
        CUDA: {
            "device_id": "0",
            "arena_extend_strategy": "kSameAsRequested",
            "cudnn_conv_algo_search": "HEURISTIC",
            "do_copy_in_default_stream": "1",
            "use_tf32": "0",
        }
    }


@pytest.mark.parametrize(
    ("precision", "tf32"), [("fp32", "0"), ("fp16-weights", "1"), ("fp16", "1")]
)
def test_what_says_fp32_is_not_computed_in_less(facts: BundleFacts, precision, tf32) -> None:
    options = tuning([CUDA, CPU], "unet", with_precision(facts, precision))
    assert options[CUDA]["use_tf32"] == tf32


def test_only_what_runs_at_every_step_on_cuda_alone_is_recorded(facts: BundleFacts) -> None:
    recorded = [n for n in GRAPHS if "enable_cuda_graph" in tuning([CUDA, CPU], n, facts)[CUDA]]
    assert recorded == ["unet", "aligner"]
    assert "enable_cuda_graph" not in tuning([TENSORRT, CUDA, CPU], "unet", facts)[CUDA]


def test_tensorrt(facts: BundleFacts) -> None:
    options = tuning([TENSORRT, CUDA, CPU], "unet", with_precision(facts, "fp16"))[TENSORRT]
    assert options == {
        "device_id": "0",
        "trt_fp16_enable": "True",
        "trt_engine_cache_enable": "True",
        "trt_engine_cache_path": "engines",
        "trt_engine_cache_prefix": "unet",
        "trt_timing_cache_enable": "True",
        "trt_timing_cache_path": "engines",
        "trt_profile_min_shapes": "latent:1x2x8,timestep:1,condition:1x8x4",
        "trt_profile_opt_shapes": "latent:2x2x8,timestep:2,condition:2x8x4",
        "trt_profile_max_shapes": "latent:16x2x8,timestep:16,condition:16x8x4",
    }
    assert tuning([TENSORRT], "unet", facts)[TENSORRT]["trt_fp16_enable"] == "False"


def test_without_a_folder_no_engine_is_kept(facts: BundleFacts) -> None:
    options = tuning([TENSORRT], "unet", replace(facts, engine_folder=None))[TENSORRT]
    assert not [name for name in options if "cache" in name]


def test_shapes_cover_all_that_a_window_and_its_margins_can_be(facts: BundleFacts) -> None:
    assert profile_shapes("video_encoder", facts) == {
        "pictures": ((1, 1, 3, 8, 8), (1, 8, 3, 8, 8), (1, 10, 3, 8, 8))
    }
    assert profile_shapes("aligner", facts)["features"] == ((1, 8, 4), (1, 8, 4), (8, 8, 4))
    for graph in GRAPHS:
        for three in profile_shapes(graph, facts).values():
            low, common, high = (tuple(shape) for shape in three)
            assert all(a <= b <= c for a, b, c in zip(low, common, high, strict=True))


def test_directml_takes_the_fast_card(facts: BundleFacts) -> None:
    assert tuning([DIRECTML, CPU], "unet", facts)[DIRECTML] == {
        "performance_preference": "high_performance",
        "device_filter": "gpu",
    }


@pytest.mark.parametrize("version", ["1.21.0", "1.31.1", "2.0"])
def test_coreml(facts: BundleFacts, version: str) -> None:
    options = tuning([COREML, CPU], "unet", replace(facts, library_version=version))
    assert options[COREML] == {"ModelFormat": "MLProgram", "MLComputeUnits": "ALL"}


def test_coreml_before_it_had_names(facts: BundleFacts) -> None:
    options = tuning([COREML, CPU], "unet", replace(facts, library_version="1.20.1"))
    assert options[COREML] == {"flags": "COREML_FLAG_CREATE_MLPROGRAM"}


def test_every_option_is_text(facts: BundleFacts) -> None:
    for graph in GRAPHS:
        for options in tuning([TENSORRT, CUDA, DIRECTML, COREML, CPU], graph, facts).values():
            assert all(type(value) is str for value in options.values())
