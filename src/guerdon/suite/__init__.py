"""The public data sets as a test: a policy that writes workflows, and fixed workflows beside it, all
with the same executor, the same rows and the published scores."""
