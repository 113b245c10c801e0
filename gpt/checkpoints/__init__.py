"""Checkpoints of other libraries: one map of tensor names per model family."""
