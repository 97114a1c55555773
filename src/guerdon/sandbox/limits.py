"""What one program may use."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from guerdon.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one program may use; going over ends it with the status in brackets."""

    wall_s: float = 5.0
    """Seconds by the clock, and as many of processor time and one (timeout)."""
    memory_mb: int = 512
    """Address space, what the interpreter itself takes (about 40) included (out_of_memory)."""
    output_kb: int = 256
    """Each of stdout, stderr and the encoded value (too_large)."""
    folder_mb: int = 16
    """All that is in the working folder, stdin included."""
    folder_files: int = 256
    """Files and folders in it."""
    max_files: int = 32
    """Open files."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not value > 0 or not math.isfinite(value):
                raise ConfigError(f"limits.{field.name} is {value}; it must be above 0")

    @property
    def cpu_s(self) -> int:
        """Seconds of processor time."""
        return math.ceil(self.wall_s) + 1
