"""What client, server, export and training agree on. Standard library only."""
