"""From a clip to its takes. No files, no sockets, no inference library."""
