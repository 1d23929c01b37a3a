"""Trained weights in, a verified ONNX bundle out."""

import os

# Read when ONNX Runtime is imported; later is too late. Without it the library, from 1.29 on,
# reports to its maker, and nothing of ours may open a connection that nobody asked for.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
