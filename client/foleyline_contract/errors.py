"""Every way Foleyline can fail, each with a stable code, a sentence and a remedy.

    FoleyError
      InputError
        FileMissing          the path names no regular file
        NoPicture            the file has no video stream
        FileUnreadable       the file is damaged, truncated or of an unknown kind
        SpanOutside          the asked span lies outside the file's picture
        SettingInvalid       a setting is out of its range
        OutputUnwritable     the result cannot be written where it was asked for
        FileForbidden        the path is on this machine, the client is not
        UploadFailed         an upload is too large, or not what it was said to be
        RenderFailed         the editor could not render a strip's picture
      TransportError
        ServerUnreachable    nothing answers at the address
        ServerLost           the server answered once and no longer does
        ServerStartFailed    a local server was started and did not come up
        AddressUnavailable   the server cannot listen at the address
      ProtocolError
        ProtocolMismatch     the two sides speak different protocol versions
        MessageMalformed     the other side sent something that is not a message
      ServerError            a defect in the server; the log has the details
      StorageFailed          the server cannot keep jobs or takes on its disk
      ServerBusy             the server has too much to do for what was asked
      BundleError
        BundleUnknown        no bundle of that name is installed
        BundleDamaged        a bundle's file is missing or its hash is wrong
        BundleIncomplete     bundle.json lacks a field or has a wrong one
      OutOfMemory            the device cannot hold the job
      Cancelled              the job was cancelled by its owner

The message says what happened to whom; the remedy says what to do. Technical detail
goes to the log, not into either. Source of the idea: httpx/_exceptions.py.
"""

from __future__ import annotations

from typing import ClassVar


class FoleyError(Exception):
    """Base of all errors that reach a user.

    Args:
        message: one sentence for an editor: what happened.
        remedy: what to do about it; the class's own remedy when left out.
        detail: technical text for the log; stays on this side of the wire.
    """

    code: ClassVar[str] = "error"
    default_remedy: ClassVar[str] = "Look into the log, then try again."

    def __init__(self, message: str, *, remedy: str | None = None, detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = self.default_remedy if remedy is None else remedy
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class InputError(FoleyError):
    """What the user handed in cannot be used."""

    code = "input"
    default_remedy = "Choose another file or setting."


class FileMissing(InputError):
    code = "file_missing"
    default_remedy = "Check the path, or relink the strip to its file."


class NoPicture(InputError):
    code = "no_picture"
    default_remedy = "Choose a file that holds video."


class FileUnreadable(InputError):
    code = "file_unreadable"
    default_remedy = "Play the file to check it, then copy or transcode it again."


class SpanOutside(InputError):
    code = "span_outside"
    default_remedy = "Trim the strip so that it lies within its file."


class SettingInvalid(InputError):
    code = "setting_invalid"
    default_remedy = "Change the setting to a value in its range."


class OutputUnwritable(InputError):
    code = "output_unwritable"
    default_remedy = "Free some disk space or choose a folder you may write to."


class FileForbidden(InputError):
    code = "file_forbidden"
    default_remedy = "Upload the file; clients on other machines cannot name one by its path."


class UploadFailed(InputError):
    code = "upload_failed"
    default_remedy = "Try again, or shorten the clip before uploading it."


class RenderFailed(InputError):
    code = "render_failed"
    default_remedy = "Render the strip to a movie yourself, then generate for that."


class TransportError(FoleyError):
    """Client and server cannot reach each other."""

    code = "transport"
    default_remedy = "Check that the server runs and that the address is right."


class ServerUnreachable(TransportError):
    code = "server_unreachable"
    default_remedy = "Start it with 'foley-server', or check the address."


class ServerLost(TransportError):
    code = "server_lost"
    default_remedy = "Jobs go on when it is back; if it does not come back, start it again."


class ServerStartFailed(TransportError):
    code = "server_start_failed"
    default_remedy = "Run 'foley-server' in a terminal to see why."


class AddressUnavailable(TransportError):
    code = "address_unavailable"
    default_remedy = "Stop the program that uses it, or choose another port with --address."


class ProtocolError(FoleyError):
    """The two sides do not understand each other."""

    code = "protocol"
    default_remedy = "Update the extension and the server to the same release."


class ProtocolMismatch(ProtocolError):
    code = "protocol_mismatch"


class MessageMalformed(ProtocolError):
    code = "message_malformed"


class ServerError(FoleyError):
    """Something broke inside the server."""

    code = "server"
    default_remedy = "Try again; if it stays, report it with the server's log."


class StorageFailed(FoleyError):
    """The server's folder is full or cannot be written to."""

    code = "storage_failed"
    default_remedy = "Free some disk space where the server keeps its takes, then try again."


class ServerBusy(FoleyError):
    code = "server_busy"
    default_remedy = "Wait until its jobs are done, or cancel them."


class BundleError(FoleyError):
    """A model bundle cannot be used."""

    code = "bundle"
    default_remedy = "Install the bundle again."


class BundleUnknown(BundleError):
    code = "bundle_unknown"
    default_remedy = "Choose one of the installed bundles."


class BundleDamaged(BundleError):
    code = "bundle_damaged"


class BundleIncomplete(BundleError):
    code = "bundle_incomplete"
    default_remedy = "Export the bundle again with this release."


class OutOfMemory(FoleyError):
    code = "out_of_memory"
    default_remedy = "Close other programs, shorten the clip, or run the server with --device auto."


class Cancelled(FoleyError):
    code = "cancelled"
    default_remedy = ""


def _tree(root: type[FoleyError]) -> list[type[FoleyError]]:
    return [root] + [kind for child in root.__subclasses__() for kind in _tree(child)]


ERRORS_BY_CODE: dict[str, type[FoleyError]] = {kind.code: kind for kind in _tree(FoleyError)}


def error_from_wire(code: str, message: str, remedy: str) -> FoleyError:
    """The error a peer named by ``code``; an unknown code becomes a plain FoleyError."""
    return ERRORS_BY_CODE.get(code, FoleyError)(message, remedy=remedy)
