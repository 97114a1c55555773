"""Placement: where models live. Every backend's `build` returns the same things."""
