"""The extension's catalogues: messages of its own, in the languages somebody wrote."""

from __future__ import annotations

import bpy

from .translations_de import GERMAN

_CONTEXTS = ("*", "Operator")


def attach() -> None:
    entries = {(context, msgid): text for msgid, text in GERMAN.items() for context in _CONTEXTS}
    bpy.app.translations.register(__package__ or "", {"de_DE": entries, "de": entries})


def detach() -> None:
    bpy.app.translations.unregister(__package__ or "")
