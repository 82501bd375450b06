"""``python -m radioviz.encode``: encode data sets into Atlases."""

import sys

from radioviz.cli.encode_command import encode_main as main

if __name__ == "__main__":
    sys.exit(main())
