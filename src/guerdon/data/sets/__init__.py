"""Public data sets, one file each: what a row of each original format means."""
