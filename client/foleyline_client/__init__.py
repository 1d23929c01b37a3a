"""The wire client, the launcher of a local server, and the ``foley`` command."""
