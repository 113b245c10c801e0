"""A run as one .zip: pack its folder, and unpack a file that anybody may have sent.

The .zip holds one folder. The files come back byte for byte. Left out are only the locks and requests of a live
worker. Weights are stored as they are: compression would make them hardly smaller.
"""

import os
import re
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from gpt.machine import bytes_in_words
from gpt.train.files import FILES, MAX_JSON_BYTES, MAX_ROWS_BYTES, RunError, open_regular
from gpt.train.run import MIN_FREE, SNAPSHOT, Run, load_run

Progress = Callable[[int, int], None]  # bytes done, bytes in all

LIVE_FILES = ("stop", "pause", ".lock", ".launch")  # of a worker, not of the run
KEPT = tuple(name for name in FILES if name not in LIVE_FILES)
_RUN = rf"(?:{'|'.join(map(re.escape, KEPT))}|snapshots/(?:{SNAPSHOT.pattern}))"
MEMBER = re.compile(rf"{_RUN}|resume/state\.safetensors|resume/(?:reference|reward)/{_RUN}", re.ASCII)
CHUNK = 1_000_000  # bytes between two calls of `progress`
MOST_MEMBERS = 10_000
MOST_EXPANSION = 50  # times the size of the .zip; metrics and texts unpack to less than ten times
DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    ValueError,
    ArithmeticError,
    LookupError,
)
COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def pack_run(run: Run, file: IO[bytes], progress: Progress = lambda done, total: None) -> None:
    """Write the run's folder into `file` as a .zip. Raises RunError where one of its files is a link or a pipe."""
    paths = sorted(_files_of(run.folder))
    done, total = 0, sum(path.stat().st_size for path in paths)
    with zipfile.ZipFile(file, "w") as archive:
        for path in paths:
            member = zipfile.ZipInfo.from_file(
                path, f"{run.name}/{path.relative_to(run.folder).as_posix()}", strict_timestamps=False
            )
            stores = path.suffix == ".safetensors"
            member.compress_type = zipfile.ZIP_STORED if stores else zipfile.ZIP_DEFLATED
            try:
                source = open_regular(path)
            except OSError as error:
                raise RunError(f"{path.name} of run {run.name!r} cannot be packed: {error}") from error
            with source, archive.open(member, "w", force_zip64=True) as target:
                while chunk := source.read(CHUNK):
                    done += target.write(chunk)
                    progress(done, total)


def _files_of(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if MEMBER.fullmatch(path.relative_to(folder).as_posix()):
            yield path


def unpacked_size(file: IO[bytes]) -> int:
    """Return the bytes that the run in a .zip takes on the disk, by the list of its members.

    Raises RunError as `unpack_run`.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = _check_members(archive, file.seek(0, os.SEEK_END))
    except RunError:
        raise
    except DAMAGED as error:
        raise _damaged(error) from error
    return sum(member.file_size for member in members.values())


def unpack_run(file: IO[bytes], folder: Path, progress: Progress = lambda done, total: None) -> Run:
    """Unpack the .zip of a run into `folder`, which must not exist, and open it.

    Every name, size and kind is checked before a byte is written. The folder appears whole or not at all.
    Raises RunError where the file is no .zip of a run, or damaged, or larger than the disk.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = _check_members(archive, file.seek(0, os.SEEK_END))
            total = sum(member.file_size for member in members.values())
            free = shutil.disk_usage(folder.parent).free - MIN_FREE
            if total > free:
                raise RunError(
                    f"the run takes {bytes_in_words(total)}; the disk has {bytes_in_words(max(free, 0))} free"
                )
            with TemporaryDirectory(prefix=".import-", dir=folder.parent) as beside:
                unpacked = Path(beside) / folder.name
                _write_members(archive, members, unpacked, lambda done: progress(done, total))
                load_run(unpacked)
                os.rename(unpacked, folder)
    except RunError:
        raise
    except OSError as error:
        raise RunError(
            f"the run cannot be unpacked ({error.strerror or error}); free some space on the disk, or allow the app to "
            "write there"
        ) from error
    except DAMAGED as error:
        raise _damaged(error) from error
    return load_run(folder)


def _damaged(error: Exception) -> RunError:
    return RunError(f"the file is no .zip, or damaged ({error}); download it again")


def _check_members(archive: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    """Return name in the run's folder → member of the archive. Raises RunError where one has no place in a run."""
    infos = [info for info in archive.infolist() if not info.is_dir()]
    if len(infos) > MOST_MEMBERS:
        raise RunError(f"the .zip has {len(infos):,} files; a run has at most {MOST_MEMBERS:,}")
    if len({info.filename.partition("/")[0] for info in infos}) != 1:
        raise RunError("the .zip is no run: it must hold one folder, with config.json in it")
    members: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        _, _, name = info.filename.partition("/")
        if not MEMBER.fullmatch(name):
            raise RunError(f"the .zip has a file {info.filename!r}, which is no file of a run")
        if name in members:
            raise RunError(f"the .zip has {name!r} twice")
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG) or info.flag_bits & 1 or info.compress_type not in COMPRESSIONS:
            raise RunError(f"{info.filename!r} is a link, encrypted, or packed in an unusual way; pack the run again")
        _check_size(name, info.file_size)
        members[name] = info
    if sum(info.file_size for info in infos) > MOST_EXPANSION * size:
        raise RunError(f"the .zip would unpack to more than {MOST_EXPANSION} times its size; it is no run")
    return members


def _check_size(name: str, size: int) -> None:
    most = {".json": MAX_JSON_BYTES, ".jsonl": MAX_ROWS_BYTES}.get(Path(name).suffix)
    if most and size > most:
        raise RunError(f"{name!r} has {bytes_in_words(size)}; at most {bytes_in_words(most)} are read")


def _write_members(
    archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], folder: Path, progress: Callable[[int], None]
) -> None:
    done = 0
    for name, info in members.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(info) as source, path.open("xb") as target:
            while chunk := source.read(CHUNK):
                done += target.write(chunk)
                progress(done)
