"""Reading pictures from files."""
