"""Measure memory and disk of this machine in bytes, and write quantities in words."""

import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path

import torch

PROCESS = 400_000_000  # bytes of Python and torch before any model


def machine_memory(device: torch.device | None = None) -> int:
    """Return the bytes of memory that a process can have. device: a GPU or the CPU; None takes the largest."""
    on_gpu = [torch.cuda.get_device_properties(i).total_memory for i in range(torch.cuda.device_count())]
    if device is not None and device.type == "cuda":
        return on_gpu[device.index or 0]
    in_machine = min([_installed(), *_limits()])
    return in_machine if device is not None else max([in_machine, *on_gpu])


def _installed() -> int:
    """Return the bytes of the machine's main memory."""
    if sys.platform == "win32":
        import ctypes

        kilobytes = ctypes.c_ulonglong()
        ctypes.windll.kernel32.GetPhysicallyInstalledSystemMemory(ctypes.byref(kilobytes))
        return 1024 * kilobytes.value
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _limits() -> list[int]:
    """Return the memory limits of the container in bytes; an empty list without one."""
    limits: list[int] = []
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):  # "max" is no limit
            limits.append(int(Path(file).read_text(encoding="ascii")))
    return limits


def free_disk(folder: Path) -> int:
    """Return the free bytes on the disk of a folder, whether or not the folder exists."""
    existing = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.is_dir())
    return shutil.disk_usage(existing).free


def count_in_words(count: int) -> str:
    """Write a count in words.

    >>> count_in_words(7584), count_in_words(9_740_000_000), count_in_words(10**30)
    ('7,584', '9.7 billion', 'over a million billion')
    """
    if count >= 10**15:
        return "over a million billion"
    for size, word in ((10**9, "billion"), (10**6, "million")):
        if count >= size:
            return f"{count / size:,.1f} {word}"
    return f"{count:,}"


def bytes_in_words(count: int) -> str:
    """Write a number of bytes in words.

    >>> bytes_in_words(532), bytes_in_words(4_210_000), bytes_in_words(604_000_000)
    ('1 KB', '4.2 MB', '604 MB')
    >>> bytes_in_words(116_300_000_000), bytes_in_words(10**30)
    ('116.3 GB', 'over 1,000 TB')
    """
    if count >= 10**15:
        return "over 1,000 TB"
    if count < 10**6:
        return f"{-(-count // 1000)} KB"
    for size, unit in ((10**12, "TB"), (10**9, "GB")):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count / 10**6:.{1 if count < 10**7 else 0}f} MB"


def time_in_words(seconds: float) -> str:
    """Write a duration in words.

    >>> time_in_words(0.2), time_in_words(40), time_in_words(5400), time_in_words(1e12)
    ('1 second', '40 seconds', '1.5 hours', '31,710 years')
    """
    for size, unit in ((365 * 86_400, "years"), (86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size or (unit == "hours" and seconds >= size):
            return f"{seconds / size:,.{0 if seconds >= 10 * size else 1}f} {unit}"
    return f"{round(seconds)} seconds" if seconds >= 1.5 else "1 second"
