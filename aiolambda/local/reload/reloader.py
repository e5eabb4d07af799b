"""The looks at the files of the functions, and their effect: new processes, or new functions.

Laws: an invocation that arrives after a file was saved runs the new code, so it waits for a look that began after its arrival.
Invocations that wait at the same time share a look. A file that cannot be read leaves the functions as they are. No look blocks
the event loop for long.

Must not know how a file is read into functions, or how processes are replaced.
"""

import asyncio
import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import attrs

from ...errors import ConfigurationError
from ...errors.checks import check_callable
from ...types.mistakes import explains_arguments
from .. import listeners
from ..functions import LocalFunction
from .watched_files import MOST_FILES, Folder, Snapshot, Stamp, changes, forget_compiled, look_at_files, look_at_folder

__all__ = ["Reload", "ReloadEvent", "Reloader"]

_QUICK = 0.002
"""Seconds. A look that takes longer is done on a thread."""
_INTERVAL = 0.5
"""Seconds between two looks without an invocation."""
_SHARE = 20
"""The pause between two looks without an invocation is at least so many times the duration of a look."""


@attrs.frozen(kw_only=True)
class ReloadEvent:
    """A change of files that was seen.

    Args:
        function_names: The functions whose next invocation runs in a new process.
        changed: The files that are new, have changed or have vanished.
        error: Why the functions could not be read, so that they stay as they were; `None` if they could.
    """

    function_names: tuple[str, ...] = ()
    """The functions whose next invocation runs in a new process."""
    changed: tuple[Path, ...] = ()
    """The files that are new, have changed or have vanished."""
    error: Exception | None = None
    """Why the functions could not be read, so that they stay as they were; `None` if they could."""


@explains_arguments
@attrs.frozen(kw_only=True)
class Reload:
    """What else is reloaded: the functions themselves, from files of settings.

    ::

        from aiolambda.local import Reload

        def read() -> list[LocalFunction]:
            return [LocalFunction(name="orders", handler="app.orders.handler", root=Path("src"))]

        endpoint = LocalEndpoint(read(), reload=Reload(files=[Path("settings.toml")], read=read))

    Args:
        files: The files whose change makes `read` be called. Default none.
            Each look iterates over them, so they may be others after `read`.
        read: Returns the functions of these files. Default `None`.
            It is called on a thread. If it raises, the functions stay as they are.
        on_reload: Called on the event loop of the endpoint after each change. Default `None`.

    Raises:
        ConfigurationError: A value is not of its kind.
    """

    files: Iterable[Path] = ()
    """The files whose change makes `read` be called. Default none."""
    read: Callable[[], Iterable[LocalFunction]] | None = None
    """Returns the functions of these files. Default `None`."""
    on_reload: Callable[[ReloadEvent], object] | None = None
    """Called on the event loop of the endpoint after each change. Default `None`."""
    stamps: Snapshot = attrs.field(init=False, factory=dict[str, Stamp], repr=False, eq=False)
    """The state of the files when this object was made."""

    def __attrs_post_init__(self) -> None:
        check_callable("read", self.read)
        check_callable("on_reload", self.on_reload)
        if self.read is None and any(True for _ in self.files):
            raise ConfigurationError("files are of use only with read=, which returns their functions")
        object.__setattr__(self, "stamps", look_at_files(self.files))


class Functions(Protocol):
    """The functions that are reloaded."""

    @property
    def in_processes(self) -> Mapping[str, LocalFunction]:
        """The functions by name."""
        ...

    def renew(self, names: Collection[str]) -> None:
        """Run the next invocations of these functions in new processes."""
        ...

    def replace(self, functions: Iterable[LocalFunction]) -> Collection[str]:
        """Serve these functions in place of those of the last call, and return the names of those that are not the same."""
        ...


class _Look(NamedTuple):
    """What a look has seen: the stamps of the settings, and of the files of each folder; and what differs from the last one."""

    settings: Snapshot
    folders: Mapping[Path, Snapshot]
    changed_settings: Sequence[str] = ()
    changed: Mapping[Path, Sequence[str]] = {}
    """The changed files of the folders that have changed, or that were not known before."""
    duration: float = _QUICK
    """Seconds."""


class Reloader:
    """Looks at the files at each `refresh`, and from time to time while `run` runs."""

    def __init__(self, functions: Functions, reload: Reload) -> None:
        self._functions = functions
        self._reload = reload
        self._seen = _Look(reload.stamps, {})
        self._turn = asyncio.Lock()
        self._begun = self._ended = 0
        """The numbers of the last look that has begun, and of the last one that has taken effect."""
        self._too_large: set[Path] = set()

    async def run(self) -> None:
        """Look at the files from time to time, without an end."""
        while True:
            await self.refresh()
            await asyncio.sleep(max(_INTERVAL, _SHARE * self._seen.duration))

    async def refresh(self) -> None:
        """Return when a look that began after this call has taken effect."""
        before = self._begun
        async with self._turn:
            if self._ended > before:  # others have waited for the same look
                return
            self._begun += 1
            number = self._begun
            await self._look_and_apply()
            self._ended = number

    async def _look_and_apply(self) -> None:
        folders = self._folders()
        look = self._look(folders) if self._seen.duration < _QUICK else await asyncio.to_thread(self._look, folders)
        if not look.changed_settings and not look.changed:
            self._seen = look
            return
        error, replaced = await self._read() if look.changed_settings else (None, ())
        if replaced:
            look = look._replace(folders={**await asyncio.to_thread(self._look_at_new, self._folders(), look), **look.folders})
        names = dict.fromkeys((*replaced, *self._names_of(look.changed)))
        self._functions.renew([name for name in names if name in self._functions.in_processes])
        self._seen = look
        files = [*look.changed_settings, *(path for paths in look.changed.values() for path in paths)]
        if files:
            self._tell(ReloadEvent(function_names=tuple(names), changed=tuple(map(Path, dict.fromkeys(files))), error=error))
        self._tell_of_large(look.folders)

    async def _read(self) -> tuple[Exception | None, Collection[str]]:
        """Read the functions again. Returns an error, or the names of the functions that are not the same."""
        read = self._reload.read
        if read is None:
            return None, ()
        try:
            functions = await asyncio.to_thread(lambda: list(read()))
            return None, self._functions.replace(functions)
        except Exception as error:  # noqa: BLE001 - whatever it is, the functions stay as they are
            return error, ()

    def _look(self, folders: Collection[Folder]) -> _Look:
        """Look at the files, and forget what was compiled from those that have changed. May run on any thread."""
        started, before = time.perf_counter(), self._seen
        settings = look_at_files(self._reload.files)
        seen = {folder.path: look_at_folder(folder) for folder in folders}
        known = {path: changes(before.folders[path], after) for path, after in seen.items() if path in before.folders}
        for files in known.values():
            forget_compiled(files)
        changed: dict[Path, Sequence[str]] = {path: () for path in seen if path not in before.folders}
        changed.update((path, files) for path, files in known.items() if files)
        changed_settings = [path for path, stamp in settings.items() if before.settings.get(path, stamp) != stamp]
        return _Look(settings, seen, changed_settings, changed, time.perf_counter() - started)

    def _look_at_new(self, folders: Collection[Folder], look: _Look) -> Mapping[Path, Snapshot]:
        """The folders that the look did not see, before a process runs their code."""
        return {folder.path: look_at_folder(folder) for folder in folders if folder.path not in look.folders}

    def _folders(self) -> Collection[Folder]:
        """The folders of all functions."""
        kept: dict[Path, set[str]] = {}
        functions = list(self._functions.in_processes.values())  # another thread may add one
        for function in functions:
            in_handler = re.split(r"[/.]", function.handler)[:-1]
            for path in _folders_of(function):
                kept.setdefault(path, set()).update(in_handler)
        written = frozenset(_written_by(functions))
        return [Folder(path, frozenset(names), written) for path, names in kept.items()]

    def _names_of(self, folders: Collection[Path]) -> Iterator[str]:
        """The functions that have code in one of these folders."""
        for name, function in list(self._functions.in_processes.items()):
            if any(path in folders for path in _folders_of(function)):
                yield name

    def _tell(self, event: ReloadEvent) -> None:
        if self._reload.on_reload is not None:
            listeners.tell("on_reload", self._reload.on_reload, event)

    def _tell_of_large(self, folders: Mapping[Path, Snapshot]) -> None:
        """Tell once of a folder whose deepest files are left out."""
        for path, files in folders.items():
            if len(files) >= MOST_FILES and path not in self._too_large:
                self._too_large.add(path)
                text = f"{path} has more than {MOST_FILES:,} files, so not all of them are watched: serve from a smaller folder"
                self._tell(ReloadEvent(error=ConfigurationError(text)))


def _written_by(functions: Iterable[LocalFunction]) -> Iterator[str]:
    """The files to which the endpoint itself writes records of events."""
    for function in functions:
        for destination in (function.events.on_success, function.events.on_failure):
            if isinstance(destination, Path):
                yield str(destination.absolute())


def _folders_of(function: LocalFunction) -> Iterator[Path]:
    """The folders with the code of a function, which may be strings."""
    yield from map(Path, (function.root, *function.versions.values(), *function.layers))
