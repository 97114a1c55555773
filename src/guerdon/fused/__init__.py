"""A forward pass of few operations for the decoder layers that most models have."""

from guerdon.fused.decoder import fuse

__all__ = ["fuse"]
