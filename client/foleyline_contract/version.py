"""Versions: the packages share one, the wire has its own."""

PACKAGE_VERSION = "0.1.0"
PROTOCOL_VERSION = 2
BUNDLE_FORMAT_VERSION = 3
