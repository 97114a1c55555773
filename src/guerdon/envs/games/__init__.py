"""Games that need no download, as ``Game``s for ``StepEnv``: each with its task source."""
