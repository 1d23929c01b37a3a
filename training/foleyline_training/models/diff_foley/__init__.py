"""The networks of Diff-Foley as it was released, at its own sizes or smaller."""
