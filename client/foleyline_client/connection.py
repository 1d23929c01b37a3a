"""Which server a command speaks to: ``--server`` and ``--key``."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from foleyline_client import launcher
from foleyline_client.key_file import KEY_VARIABLE, chosen_key
from foleyline_client.session import Session
from foleyline_contract.address import DEFAULT_ADDRESS, is_loopback
from foleyline_contract.client_key import ClientKey
from foleyline_contract.messages import Welcome


def add_connection(parser: ArgumentParser) -> None:
    """Give a command its options."""
    group = parser.add_argument_group("server")
    group.add_argument(
        "--server", metavar="ADDRESS", default=DEFAULT_ADDRESS, help="default: %(default)s"
    )
    group.add_argument(
        "--key",
        metavar="FILE",
        help=f"your .foleykey, for a server on another machine (default: {KEY_VARIABLE})",
    )


@dataclass(frozen=True, slots=True)
class Connection:
    """An address, and the key for it if it has one."""

    address: str
    key: ClientKey | None

    @classmethod
    def of(cls, options: Namespace) -> Connection:
        """What the options name.

        Raises:
            SettingInvalid: the key file cannot be used.
        """
        return cls(options.server, chosen_key(options.key, options.server))

    @property
    def is_far(self) -> bool:
        """Whether the server is somebody else's to start and to end."""
        return self.key is not None or not is_loopback(self.address)

    def open(self) -> Session:
        """A conversation with a server that runs; raises as ``launcher.connect``."""
        return self.open_welcomed()[0]

    def open_welcomed(self) -> tuple[Session, Welcome]:
        """The same, with what the server said."""
        return launcher.connect(self.address, key=self.key)

    def open_or_start(
        self, command: Sequence[str] | None, on_status: Callable[[str], None]
    ) -> tuple[Session, Welcome]:
        """A conversation with a server that is started if need be."""
        return launcher.connect_or_start(
            self.address, key=self.key, command=command, on_status=on_status
        )
