"""Process the downloaded data sets; the same as `guerdon data process` (which see: --help)."""

import sys

from guerdon.cli import main

if __name__ == "__main__":
    sys.exit(main(["data", "process", *sys.argv[1:]]))
