"""``python -m foleyline_server`` is ``foley-server``."""

import sys

from foleyline_server.cli import main

if __name__ == "__main__":
    sys.exit(main())
