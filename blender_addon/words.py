"""Texts in the artist's language. Outside Blender they stay as they are."""

from __future__ import annotations

try:
    from bpy.app.translations import pgettext_iface, pgettext_tip
except ImportError:  # the tests that need no Blender

    def pgettext_iface(msgid: str) -> str:
        return msgid

    def pgettext_tip(msgid: str) -> str:
        return msgid


def tr(msgid: str, **values: object) -> str:
    """A label in the artist's language, with ``{name}`` replaced by its value."""
    text = pgettext_iface(msgid)
    return text.format(**values) if values else text


def tip(msgid: str, **values: object) -> str:
    """A sentence in the artist's language: tool-tips, reports, advice."""
    text = pgettext_tip(msgid)
    return text.format(**values) if values else text


def several(count: int, one: str, many: str, **values: object) -> str:
    """``one`` or ``many``, whichever fits the count, with ``{count}`` replaced."""
    return tr(one if count == 1 else many, count=count, **values)
