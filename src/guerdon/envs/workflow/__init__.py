"""The policy writes an agent workflow, the workflow is run, and its output is scored.

``env.Workflow`` is the environment; ``docs/workflows.md`` describes it.
"""
