"""Download the public data sets; the same as `guerdon data download` (which see: --help)."""

import sys

from guerdon.cli import main

if __name__ == "__main__":
    sys.exit(main(["data", "download", *sys.argv[1:]]))
