"""``--bundle``: an installed bundle's name, or the folder of one that need not be installed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from foleyline_client.server_process import find_server_command
from foleyline_contract.bundle import MANIFEST_NAME, manifest_sha256, read_manifest
from foleyline_contract.errors import BundleUnknown
from foleyline_contract.messages import Welcome


@dataclass(frozen=True, slots=True)
class BundleChoice:
    """The bundle a request wants.

    Attributes:
        name: None for the server's default.
        folder: where it lies, if it was named by its folder.
        sha256: the identity of the bundle in that folder.
    """

    name: str | None
    folder: Path | None = None
    sha256: str | None = None

    @classmethod
    def of(cls, text: str | None) -> BundleChoice:
        """What the option's text means.

        Raises:
            BundleUnknown: it is a path, but no bundle lies there.
            BundleDamaged, BundleIncomplete: the bundle there cannot be used.
        """
        if text is None:
            return cls(None)
        folder = Path(text).expanduser().absolute()
        if (folder / MANIFEST_NAME).is_file():
            return cls(read_manifest(folder).name, folder, manifest_sha256(folder))
        if os.sep in text or (os.altsep and os.altsep in text):
            raise BundleUnknown(f"There is no bundle in the folder {text!r}.")
        return cls(text)

    def server_command(self) -> list[str] | None:
        """How to start a server that has the bundle; None for the usual way."""
        if self.folder is None:
            return None
        return [*find_server_command(), "--bundles", str(self.folder)]

    def require(self, welcome: Welcome) -> None:
        """Check that the server has this very bundle.

        Raises:
            BundleUnknown: it runs already and does not.
        """
        if self.folder is None:
            return
        if any(info.sha256 == self.sha256 for info in welcome.bundles):
            return
        raise BundleUnknown(
            f"The server that runs does not have the bundle in {str(self.folder)!r}.",
            remedy="End it with 'foley stop' and try again: it is then started with that bundle.",
        )
