"""The files of folders, and which of them have changed since the last look, by their times, sizes and inodes.

Laws: a file or folder that vanishes or cannot be read is no error. The cost of a look is bounded.

Owns the choice of the files that count. Must not know functions.
"""

import glob
import os
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

__all__ = ["MOST_FILES", "Folder", "Snapshot", "Stamp", "changes", "forget_compiled", "look_at_files", "look_at_folder"]

MOST_FILES = 20_000
"""Files of one folder. The deepest ones are left out of a larger folder, so that an invocation does not wait for seconds."""
_SKIPPED = frozenset({"__pycache__", "build", "cdk.out", "dist", "htmlcov", "node_modules", "target"})
"""Folders of dependencies and of build outputs. Hidden folders and virtual environments are skipped, too."""
_SKIPPED_SUFFIXES = (".db", ".egg-info", ".log", ".pyc", ".pyo", ".sqlite", ".sqlite3", ".tmp", "~")
_ENVIRONMENT_MARK = "pyvenv.cfg"

Stamp = tuple[int, int, int, int]
"""Modification time, change time, size and inode of a file. A renamed file can have the times and the size of another one."""
_MISSING: Stamp = (0, 0, 0, 0)
Snapshot = Mapping[str, Stamp]
"""The stamps of files, by path."""


class Folder(NamedTuple):
    """A folder to look at.

    `kept` are names of folders in it that count although they are names of build outputs. `ignored` are paths of files.
    """

    path: Path
    kept: frozenset[str] = frozenset()
    ignored: frozenset[str] = frozenset()


def look_at_folder(folder: Folder, most: int = MOST_FILES) -> Snapshot:
    """The stamps of the files of a folder, those near its top first."""
    found: dict[str, Stamp] = {}
    seen: set[tuple[int, int]] = set()
    waiting = deque([str(folder.path)])
    while waiting and len(found) < most:
        path = waiting.popleft()
        with suppress(OSError):
            status = os.stat(path)  # noqa: PTH116 - a Path for each folder would double the cost
            if (status.st_dev, status.st_ino) in seen:  # a link leads back
                continue
            with os.scandir(path) as listing:
                entries = list(listing)
            if seen and any(entry.name == _ENVIRONMENT_MARK for entry in entries):
                continue
            seen.add((status.st_dev, status.st_ino))
            waiting.extend(_folders_of(entries, folder.kept))
            found.update(_files_of(entries))
    return _without(found, folder.ignored)


def _without(found: dict[str, Stamp], ignored: Collection[str]) -> dict[str, Stamp]:
    """The stamps without those of the ignored files, which links may lead to by other paths."""
    inodes = {stamp[-1] for stamp in look_at_files(map(Path, ignored)).values()}
    if not inodes:
        return found
    return {path: stamp for path, stamp in found.items() if stamp[-1] not in inodes or not _is_one_of(path, ignored)}


def _is_one_of(path: str, others: Collection[str]) -> bool:
    for other in others:
        with suppress(OSError):
            if Path(path).samefile(other):
                return True
    return False


def _folders_of(entries: "Iterable[os.DirEntry[str]]", kept: Collection[str]) -> Iterator[str]:
    for entry in entries:
        name = entry.name
        is_left_out = name.startswith(".") or name in _SKIPPED or name.endswith(_SKIPPED_SUFFIXES)
        with suppress(OSError):
            if (name in kept or not is_left_out) and entry.is_dir():
                yield entry.path


def _files_of(entries: "Iterable[os.DirEntry[str]]") -> Iterator[tuple[str, Stamp]]:
    for entry in entries:
        name = entry.name
        is_left_out = (name.startswith(".") and not name.startswith(".env")) or name.endswith(_SKIPPED_SUFFIXES)
        with suppress(OSError):
            if not is_left_out and entry.is_file():
                yield entry.path, _stamp_of(entry.stat())


def look_at_files(paths: Iterable[Path]) -> Snapshot:
    """The stamps of these files. One that does not exist has a stamp, too."""
    found: dict[str, Stamp] = {}
    for path in paths:
        try:
            found[str(path)] = _stamp_of(path.stat())
        except OSError:
            found[str(path)] = _MISSING
    return found


def _stamp_of(status: os.stat_result) -> Stamp:
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino


def changes(before: Snapshot, after: Snapshot) -> list[str]:
    """The paths of the files that are new, have changed or have vanished."""
    if before == after:
        return []
    return sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))


def forget_compiled(paths: Collection[str]) -> None:
    """Remove what Python has compiled from these files.

    Python compares times in whole seconds: of two saves in one second with the same size, it would run the first.
    """
    for path in paths:
        if path.endswith(".py"):
            source = Path(path)
            with suppress(OSError):
                for compiled in (source.parent / "__pycache__").glob(f"{glob.escape(source.stem)}.*.pyc"):
                    compiled.unlink(missing_ok=True)
