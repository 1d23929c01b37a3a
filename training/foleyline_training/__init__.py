"""Corpora, networks, objectives and metrics: from sounds and scenes to weights."""
