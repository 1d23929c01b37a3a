"""What each execution provider is told about a graph: pure functions of a bundle's facts.

Only options that ONNX Runtime 1.20 knows, since a provider refuses to start on a name it does
not know. Source: onnxruntime.ai/docs/execution-providers/, pages CUDA, TensorRT, DirectML and
CoreML; the names were looked up in the 1.20 and 1.31 packages' libraries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from foleyline_contract.bundle import Manifest
from foleyline_server.runtime.device_graph import CAPTURE_OPTION
from foleyline_server.runtime.graph_checks import Shape, expected_tensors
from foleyline_server.runtime.providers import COREML, CUDA, DIRECTML, TENSORRT

CAPTURED_GRAPHS = ("unet", "aligner")
"""Run at every step with a shape that stays for a job: worth a captured CUDA graph."""
_UNET_ROWS = 2
"""A window with and without its condition."""
_COREML_BY_NAME = (1, 21)
"""Before this version CoreML took flags only, and did not see other options."""


@dataclass(frozen=True, slots=True)
class BundleFacts:
    """What the options follow from.

    Args:
        manifest: every number of the model, and how its graphs compute.
        windows_per_batch: windows that are computed at once.
        engine_folder: where compiled engines are kept, if they are.
        library_version: ONNX Runtime's, such as ``1.31.1``.
    """

    manifest: Manifest
    windows_per_batch: int
    engine_folder: Path | None
    library_version: str


def tuning(providers: Sequence[str], graph: str, facts: BundleFacts) -> dict[str, dict[str, str]]:
    """Provider to its options for a graph; the CPU has none."""
    options: dict[str, dict[str, str]] = {}
    for place, name in enumerate(providers):
        if name == CUDA:
            options[name] = _cuda(graph, facts, captures=place == 0)
        elif name == TENSORRT:
            options[name] = _tensorrt(graph, facts)
        elif name == DIRECTML:
            # By number it would take the display's adapter, on a laptop the slow one.
            options[name] = {
                "performance_preference": "high_performance",
                "device_filter": "gpu",
            }
        elif name == COREML:
            options[name] = _coreml(facts)
    return options


def profile_shapes(graph: str, facts: BundleFacts) -> dict[str, tuple[Shape, Shape, Shape]]:
    """Input name to the smallest, the most common and the largest shape it will have.

    The most common is one window: most strips are shorter. Rows are windows, twice as many for
    the UNet; pictures are a window's and its margins'.
    """
    features = facts.manifest.model.features
    rows_per_window = _UNET_ROWS if graph == "unet" else 1
    rows = (1, rows_per_window, rows_per_window * facts.windows_per_batch)
    if graph == "video_encoder":
        rows = (1, 1, 1)
    pictures = (1, features.per_window, features.per_window + 2 * features.margin)

    def at(shape: Shape, which: int) -> Shape:
        return tuple(
            size if size is not None else (rows if axis == 0 else pictures)[which]
            for axis, size in enumerate(shape)
        )

    inputs = expected_tensors(facts.manifest)[graph][0]
    return {name: (at(shape, 0), at(shape, 1), at(shape, 2)) for name, shape in inputs.items()}


def _cuda(graph: str, facts: BundleFacts, *, captures: bool) -> dict[str, str]:
    options = {
        "device_id": "0",
        # An artist's other programs need the card too.
        "arena_extend_strategy": "kSameAsRequested",
        # A search by trial may choose differently next time, and a seed must give its take again.
        "cudnn_conv_algo_search": "HEURISTIC",
        "do_copy_in_default_stream": "1",
        # What says fp32 computes in 24 bits, not in TF32's 11.
        "use_tf32": "0" if facts.manifest.precision == "fp32" else "1",
    }
    if captures and graph in CAPTURED_GRAPHS:
        options[CAPTURE_OPTION] = "1"
    return options


def _tensorrt(graph: str, facts: BundleFacts) -> dict[str, str]:
    # Python's entry to this provider takes True and False, not 1 and 0.
    options = {
        "device_id": "0",
        "trt_fp16_enable": str(facts.manifest.precision == "fp16"),
    }
    if facts.engine_folder is not None:
        options |= {
            "trt_engine_cache_enable": "True",
            "trt_engine_cache_path": str(facts.engine_folder),
            "trt_engine_cache_prefix": graph,
            "trt_timing_cache_enable": "True",
            "trt_timing_cache_path": str(facts.engine_folder),
        }
    shapes = profile_shapes(graph, facts)
    for which, bound in enumerate(("min", "opt", "max")):
        options[f"trt_profile_{bound}_shapes"] = ",".join(
            f"{name}:{'x'.join(str(size) for size in three[which])}"
            for name, three in shapes.items()
        )
    return options


def _coreml(facts: BundleFacts) -> dict[str, str]:
    version = tuple(int(part) for part in facts.library_version.split(".")[:2])
    if version < _COREML_BY_NAME:
        return {"flags": "COREML_FLAG_CREATE_MLPROGRAM"}
    return {"ModelFormat": "MLProgram", "MLComputeUnits": "ALL"}
