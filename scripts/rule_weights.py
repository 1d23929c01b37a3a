"""Files like the released ones, with weights that follow from a rule: they make noise.

    python scripts/rule_weights.py FOLDER

For measuring and testing at released size without the released weights; 4.7 GB. The rule is the
one the official code's outputs were recorded with (docs/parity.md).
"""

from __future__ import annotations

import sys
from pathlib import Path

from foleyline_export.fetch import RELEASED
from foleyline_export.reference.rule import write_rule_checkpoint
from foleyline_training.models.diff_foley.layout import FileKind

FILES: dict[FileKind, str] = {
    "cavp": RELEASED["cavp"],
    "ldm": RELEASED["ldm"],
    "classifier": RELEASED["classifier"],
    "evaluation": "eval_classifier.ckpt",
}


def main() -> int:
    """Write the four files."""
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for kind, name in FILES.items():
        write_rule_checkpoint(folder / name, kind)
        print(folder / name, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
