"""Trained weights in, a verified ONNX bundle out."""
