"""nothing_starts, as in tests/explorer/train."""

from tests.explorer.train.conftest import nothing_starts

__all__ = ["nothing_starts"]
