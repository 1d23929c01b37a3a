"""The graphs of each model family, declared."""
