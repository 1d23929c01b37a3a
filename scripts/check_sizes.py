"""Modules of at most 300 lines, functions of at most 50, and no drawer of odds and ends.

Run from the project's root by scripts/check. Exceptions are listed here, with a reason.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

MODULE_MAX_LINES = 300
FUNCTION_MAX_LINES = 50
FOLDERS = ("client", "server", "export", "training", "blender_addon", "scripts")
FORBIDDEN_NAMES = {"utils", "util", "helpers", "misc", "common"}
EXCEPTIONS: dict[str, str] = {}
"""``path`` or ``path:function`` to the reason why it may be longer."""


def main() -> int:
    """Print every breach; return 1 if there is one."""
    listing = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "*.py"],
        check=True,
        capture_output=True,
        text=True,
    )
    breaches: list[str] = []
    for name in sorted(set(listing.stdout.split())):
        path = Path(name)
        if path.parts[0] in FOLDERS and path.exists():
            breaches += _breaches(path)
    print("\n".join(breaches) or "sizes: all modules and functions are within their limits")
    return 1 if breaches else 0


def _breaches(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    found: list[str] = []
    lines = text.count("\n")
    if lines > MODULE_MAX_LINES and str(path) not in EXCEPTIONS:
        found.append(f"{path}: {lines} lines, {MODULE_MAX_LINES} are allowed")
    if path.stem in FORBIDDEN_NAMES:
        found.append(f"{path}: say what is in it")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_MAX_LINES and f"{path}:{node.name}" not in EXCEPTIONS:
                found.append(f"{path}:{node.lineno}: {node.name} has {length} lines")
    return found


if __name__ == "__main__":
    sys.exit(main())
