"""What the server lets choose, as entries of Blender's menus: models, and sounds of a model.

The chosen name is text in the scene's settings, so that it outlives a server that is not there.
No bpy here.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from foleyline_contract.messages import GenerateSettings
from foleyline_contract.palette import PALETTE_AUTO, require_sound, sound_label

from .board import Board
from .report import bundle_tip
from .words import tip, tr

Item = tuple[str, str, str]
"""Name, label, what is said on hovering."""
MenuItem = tuple[str, str, str, int]
NO_MODEL, NO_SOUND = "DEFAULT", PALETTE_AUTO.upper()
"""Identifiers in the menus for no name at all; a sound's name is lower-case."""
_MENUS_KEPT = 64


def models(board: Board, chosen: str) -> list[Item]:
    """The server's models, its default first; one that it lacks stays if it is chosen."""
    default = board.default_bundle
    label = tr("Default ({name})", name=default) if default else tr("Server's Default")
    items = [("", label, tip("The model that the server uses when none is named"))]
    items += [(info.name, info.name, bundle_tip(info)) for info in board.bundles]
    gone = tip("The connected server has no model of this name")
    return _with(items, chosen, chosen, gone)


def sounds(board: Board, model: str, chosen: str) -> list[Item]:
    """What the model can be asked for, nothing first; what it lacks stays if it is chosen."""
    items = [("", tr("Auto"), tip("What the picture suggests"))]
    asked = tip("Sound like this, whatever the picture suggests")
    items += [(name, _label(name), asked) for name in palette(board, model) or ()]
    return _with(items, chosen, _label(chosen), tip("The model cannot be asked for this"))


def palette(board: Board, model: str) -> tuple[str, ...] | None:
    """What the model can be asked for; None before a server has said so."""
    info = board.bundle(model)
    return None if info is None else info.palette


def asked(board: Board, model: str, chosen: str) -> str | None:
    """The sound for a request; None where the model has no palette, as the panel shows."""
    return None if palette(board, model) == () else chosen or None


def checked(board: Board, settings: GenerateSettings) -> GenerateSettings:
    """The same settings.

    Raises:
        SettingInvalid: their model is known, and cannot be asked for their sound.
    """
    info = board.bundle(settings.bundle)
    if info is not None:
        require_sound(settings.palette, info.palette, info.name)
    return settings


def sound_hint(board: Board, model: str, chosen: str) -> str:
    """Why the chosen sound does not count, or nothing."""
    names = palette(board, model)
    if names is None:
        return ""
    if not names:
        return tr("This model has no sound palette")
    return tr("This model cannot be asked for this sound") if chosen not in ("", *names) else ""


def sound_text(name: str) -> str:
    """A take's sound in words."""
    return _label(name) if name else tr("Auto")


def place(items: Sequence[Item], chosen: str) -> int:
    """Where the chosen name is; it always is one of the items."""
    return next(at for at, (name, _label, _tip) in enumerate(items) if name == chosen)


def name_at(items: Sequence[Item], number: int, else_: str) -> str:
    """The name at a place; ``else_`` if the list has become shorter meanwhile."""
    return items[number][0] if 0 <= number < len(items) else else_


def menu(items: Sequence[Item], nothing: str) -> list[MenuItem]:
    """Items for Blender's menus, which read the strings without owning them: they are kept here.

    Args:
        nothing: the identifier for the item without a name.
    """
    return _kept(tuple(items), nothing)


@lru_cache(_MENUS_KEPT)
def _kept(items: tuple[Item, ...], nothing: str) -> list[MenuItem]:
    return [(name or nothing, label, said, at) for at, (name, label, said) in enumerate(items)]


def _with(items: list[Item], chosen: str, label: str, gone: str) -> list[Item]:
    known = any(name == chosen for name, _label, _tip in items)
    return items if known else [*items, (chosen, label, gone)]


def _label(name: str) -> str:
    return tr(sound_label(name))
