"""The engine and the service: clips in, takes out. No torch at run time."""
