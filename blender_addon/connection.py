"""Connecting as the preferences say."""

from __future__ import annotations

import bpy

from foleyline_contract.address import is_loopback

from . import notices as n
from . import pump
from .board import Link as LinkState
from .link import link
from .preferences import preferences
from .report import ONLINE_ACCESS_OFF


def order_of(context: bpy.types.Context, *, start: bool | None = None) -> n.Connect | n.Problem:
    """The order to connect as the preferences say, or why it cannot be given.

    Args:
        start: start a server if none answers; None: as the preferences say.
    """
    chosen = preferences(context)
    address = chosen.server_address()
    local = is_loopback(address)
    if not local and not bpy.app.online_access:
        return ONLINE_ACCESS_OFF
    wanted = chosen.start_server if start is None else start
    key = bpy.path.abspath(chosen.key) if chosen.key else ""
    return n.Connect(address, start=wanted and local, program=chosen.program, key=key)


def connect(context: bpy.types.Context, *, start: bool | None = None) -> n.Problem | None:
    """Order a connection; the problem if the preferences do not allow one."""
    order = order_of(context, start=start)
    if isinstance(order, n.Problem):
        link.board.link = LinkState.FAILED
        link.board.refuse(order)
        return order
    link.order(order)
    link.board.connection_wanted()
    pump.start()
    return None


def connect_if_needed(context: bpy.types.Context) -> n.Problem | None:
    """As ``connect``, unless there is a connection to the right server or one in the making."""
    board = link.board
    if link.alive and board.connecting:
        return None
    if link.alive and board.link in (LinkState.READY, LinkState.LOST):
        order = order_of(context)
        if isinstance(order, n.Connect) and order.address == board.address:
            return None
    return connect(context)
