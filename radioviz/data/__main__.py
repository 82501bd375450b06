"""``python -m radioviz.data``: fetch, import, list and build data sets."""

import sys

from radioviz.cli.data_commands import data_main as main

if __name__ == "__main__":
    sys.exit(main())
