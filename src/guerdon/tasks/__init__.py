"""Tasks: the pool that deals them, how it grows, and where grown tasks come from."""

from guerdon.tasks.pool import CountTokens, LoadReport, TaskPool, TaskSets, TaskSource

__all__ = ["CountTokens", "LoadReport", "TaskPool", "TaskSets", "TaskSource"]
