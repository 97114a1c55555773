"""The public data sets as a test: a policy that writes workflows, fixed workflows beside it; the
same executor, the same rows, the published scores."""
