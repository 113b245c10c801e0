"""A disk that is full for a while: no file grows past a number of bytes, whatever library writes it."""

from collections.abc import Generator
from contextlib import contextmanager

import pytest


@contextmanager
def full_disk(most: int) -> Generator[None]:
    """Refuse to let a file grow past so many bytes. The error is EFBIG, which the app treats as a full disk."""
    resource = pytest.importorskip("resource", reason="this system cannot limit the size of a file")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
