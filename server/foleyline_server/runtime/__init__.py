"""Bundles and the library that runs their graphs."""
