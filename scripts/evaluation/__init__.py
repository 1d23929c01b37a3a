"""What the evaluation scripts share: scenes, makers of sound, and judges of it."""
