"""The commands of ``foley``: a module for each group, with its arguments and what it does."""
