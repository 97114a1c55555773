"""Configuration files of other projects, as ours: one file each."""
