"""``python -m radioviz``: the ``radioviz`` command."""

import sys

from radioviz.cli import main

if __name__ == "__main__":
    sys.exit(main())
