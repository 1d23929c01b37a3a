"""ONNX Runtime with a card in it, as far as the server looks: tensors live "on the card", runs
are recorded and replayed, and each way of failing that was seen in the real one can be asked for.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


class FakeTensor:
    def __init__(self, shape) -> None:
        self.value = np.full(shape, np.nan, np.float32)
        self.writes = 0

    def update_inplace(self, value) -> None:
        self.value[...] = value
        self.writes += 1

    def numpy(self):
        # As on the CPU: the tensor's own memory.
        return self.value


class FakeOptions:
    def __init__(self) -> None:
        self.entries = {}

    def add_run_config_entry(self, key, value) -> None:
        self.entries[key] = value

    add_session_config_entry = add_run_config_entry


class FakeBinding:
    def __init__(self) -> None:
        self.inputs, self.outputs = {}, {}

    def bind_ortvalue_input(self, name, tensor) -> None:
        self.inputs[name] = tensor

    def bind_ortvalue_output(self, name, tensor) -> None:
        self.outputs[name] = tensor

    def bind_output(self, name, device_type, device_id) -> None:
        self.outputs[name] = None

    def get_outputs(self):
        return list(self.outputs.values())


class FakeSession:
    """``y = 2 * x + c``; the last fault of ``faults`` for a way of running is raised."""

    def __init__(self, providers, faults) -> None:
        self.providers = providers
        self.faults = faults
        self.runs = []
        self.recorded = {}
        self.may_swap = True

    def disable_fallback(self) -> None:
        self.may_swap = False

    def get_providers(self):
        return list(self.providers)

    def get_inputs(self):
        return [SimpleNamespace(name=n, type="tensor(float)", shape=["batch", 2]) for n in "xc"]

    def get_outputs(self):
        return [SimpleNamespace(name="y", type="tensor(float)", shape=["batch", 2])]

    def io_binding(self):
        return FakeBinding()

    def run(self, names, feed, options=None):
        self._note("plain", options)
        return [2 * feed["x"] + feed["c"]]

    def run_with_iobinding(self, binding, options) -> None:
        graph_id = options.entries["gpu_graph_id"] if options else "-1"
        way = "bound" if graph_id == "-1" else "replay" if graph_id in self.recorded else "record"
        self._note(way, options)
        inputs = {name: tensor.value for name, tensor in binding.inputs.items()}
        if way == "replay":
            # Like the real one: it neither knows nor cares what is bound by now.
            inputs, binding.outputs = self.recorded[graph_id]
        if way == "record":
            stale = "stale" in self.faults
            kept = {n: v.copy() for n, v in inputs.items()} if stale else inputs
            self.recorded[graph_id] = kept, binding.outputs
        result = 2 * inputs["x"] + inputs["c"]
        for name, tensor in binding.outputs.items():
            if tensor is None:
                binding.outputs[name] = FakeTensor(result.shape)
            binding.outputs[name].value[...] = result

    def _note(self, way, options) -> None:
        self.runs.append(way)
        if fault := self.faults.get(way):
            raise fault


class FakeLibrary:
    """Args:
    starts: providers whose libraries are there; others are silently left out.
    faults: what is raised when a provider or option is used, or by a way of running.
    """

    cuda_version = "13.0"
    SessionOptions = RunOptions = FakeOptions

    def __init__(self, starts=(CUDA, CPU), faults=None) -> None:
        self.starts = starts
        self.faults = faults or {}
        self.tensors = []
        self.opened = []
        self.preloaded = 0
        self.OrtValue = SimpleNamespace(ortvalue_from_shape_and_type=self._tensor)

    def preload_dlls(self) -> None:
        print("Failed to load libcudart")
        self.preloaded += 1

    def InferenceSession(self, graph, settings, providers, enable_fallback):
        assert enable_fallback == 0
        self.opened.append((settings, dict(providers)))
        print("EP Error")
        for name, options in providers:
            for word in (name, *options):
                if word in self.faults:
                    raise self.faults[word]
        there = [name for name, _ in providers if name in self.starts]
        self.session = FakeSession(there or [CPU], self.faults)
        return self.session

    def _tensor(self, shape, element_type, device_type, device_id):
        if "tensor" in self.faults:
            raise self.faults["tensor"]
        self.tensors.append(FakeTensor(shape))
        return self.tensors[-1]
