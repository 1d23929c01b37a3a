"""One training stage a file: what its batches are and what its loss is."""
