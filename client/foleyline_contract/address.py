"""Where the server is found, and which addresses stay on this machine."""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address

DEFAULT_PORT = 19347
DEFAULT_ADDRESS = f"tcp://127.0.0.1:{DEFAULT_PORT}"
_TCP = re.compile(r"tcp://(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[0-9A-Za-z.-]+)):(?:\d{1,5}|\*)")


def is_loopback(address: str) -> bool:
    """Whether only programs on this machine can use ``address``.

    Anything that is not plainly ``tcp://<loopback host>:<port>`` counts as reachable from
    outside. That includes the socket library's ``tcp://source;destination`` form, which
    names a loopback address and connects elsewhere.
    """
    match = _TCP.fullmatch(address)
    if match is None:
        return False
    if match["host"] is not None and match["host"].lower() == "localhost":
        return True
    try:
        ip = ip_address(match["v6"] or match["host"])
    except ValueError:
        return False
    mapped = ip.ipv4_mapped if isinstance(ip, IPv6Address) else None
    return (mapped or ip).is_loopback
