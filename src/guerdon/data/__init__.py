"""Tasks and conversations from files: readers, row formats, and the sources a run names in
``tasks``."""
