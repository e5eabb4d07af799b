"""`aiolambda serve`: serve local functions behind the Lambda API until Ctrl-C.

Owns the endpoint, its signals, and what it says about functions that cannot start. Must not know how functions run, or how
text gets to the terminal.
"""

import argparse
import asyncio
import itertools
import os
import signal
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from ...errors import ConfigurationError
from ...local import InitFailure, InvocationEvent, LocalEndpoint, Reload, ReloadEvent
from ...local.routing import LATEST
from ...types.values import Credentials
from .. import colour, exit_codes
from ..files import print_error
from ..interrupts import Interrupts, run_in_loop
from .functions import FunctionSource
from .instructions import instructions
from .lines import LineView, name_of, time_of
from .options import DEFAULT_PORT, add_options
from .table import TableView
from .writer import View, Writer

__all__ = ["DESCRIPTION", "add_options", "run"]

DESCRIPTION = """\
Serve functions behind the Lambda API on 127.0.0.1. Each function has its own runtime processes.
"""

_STOPPED = {signal.SIGINT: exit_codes.INTERRUPTED, signal.SIGTERM: exit_codes.DONE}
_STDERR = 2
_MOST_FILES = 3
"""Changed files that a message names."""
_SOON = 3.0
"""Seconds within which another change of the same files is a repetition."""
_QUICK_REPEATS = 3
_LONGEST_PAUSE = 60.0


def run(options: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM, or until a function turns out not to start."""
    return _Server(options).run()


class _Server:
    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._source = FunctionSource(options)
        reload = Reload(files=self._source, read=self._source.read, on_reload=self._tell_of_reload) if options.reload else False
        functions = self._source.read()
        settings = self._settings = self._source.settings
        self._notes: Sequence[str] = ()
        """The notes of the file of functions that were told."""
        self._endpoint = LocalEndpoint(
            functions,
            port=settings.get("port", DEFAULT_PORT) if options.port is None else options.port,
            region=settings.get("region") if options.region is None else options.region,
            account_concurrency=(
                settings.get("account_concurrency") if options.account_concurrency is None else options.account_concurrency
            ),
            credentials=_credentials(options.access_key, options.secret_key),
            verify_signatures=not options.no_verify and settings.get("verify_signatures", True),
            on_log=None if options.quiet else self._show,
            on_invocation=None if options.quiet > 1 else self._show_invocation,
            reload=reload,
            debug=_debug_of(options),
            keep_records=False,
            durable_python=options.durable_python,
        )
        self._writer = Writer(_view_for(options), _STDERR)
        self._broken: set[str] = set()
        """The functions that could not start when they were checked."""
        self._checks: set[asyncio.Task[None]] = set()
        self._numbers = itertools.count()
        self._last_check: dict[str, int] = {}
        """The number of the last check of each function."""
        self._pace = _Pace()
        self._code: asyncio.Future[int] | None = None

    def run(self) -> int:
        for note in self._new_notes():
            print_error(f"aiolambda: {note}")
        return run_in_loop(self._serve())

    async def _serve(self) -> int:
        loop = asyncio.get_running_loop()
        self._code = loop.create_future()
        with ExitStack() as stack:
            interrupts = stack.enter_context(Interrupts(lambda: self._end(_STOPPED[interrupts.received[0]])))
            stack.enter_context(self._writer)
            async with self._endpoint as endpoint:
                self._follow_terminal(loop, stack)
                print(instructions(endpoint), flush=True)
                self._begin_check(endpoint.functions)
                code = await self._code
                for check in list(self._checks):
                    check.cancel()
                if self._checks:
                    await asyncio.wait(self._checks)
        return code

    def _follow_terminal(self, loop: asyncio.AbstractEventLoop, stack: ExitStack) -> None:
        """Draw again if the size of the terminal changes, or if this program goes on after Ctrl-Z."""
        for number, call in ((signal.SIGWINCH, self._writer.redraw), (signal.SIGCONT, self._writer.forget)):
            loop.add_signal_handler(number, call)
            stack.callback(loop.remove_signal_handler, number)

    def _end(self, code: int) -> None:
        if self._code is not None and not self._code.done():
            self._code.set_result(code)

    def _show(self, item: bytes | str | InvocationEvent) -> None:
        self._writer.put(item)

    def _show_invocation(self, event: InvocationEvent) -> None:
        """Show a change of an invocation, and before it the ARN of a durable execution that begins."""
        if event.status == "running" and event.durable_execution_arn is not None:
            self._show(f"aiolambda: {time_of(event)} {name_of(event)} began {event.durable_execution_arn}")
        self._show(event)

    def _begin_check(self, names: Iterable[str], delay: float = 0.0) -> None:
        check = asyncio.create_task(self._check(tuple(names), delay), name="check of functions")
        self._checks.add(check)
        check.add_done_callback(self._checks.discard)

    def _checked_by(self, number: int) -> list[str]:
        """The functions whose last check has this number, as far as they are still there."""
        return [name for name in self._endpoint.functions if self._last_check.get(name) == number]

    async def _check(self, functions: Sequence[str], delay: float) -> None:
        """Start a process of each function, and tell which cannot start. Without `--reload`, that ends the server.

        Of a function, only the last check that has begun counts: the others may have seen old code.
        """
        await asyncio.sleep(delay)
        number = next(self._numbers)
        self._last_check.update(dict.fromkeys(functions, number))
        names = self._checked_by(number)
        if not names:
            return
        found = await self._endpoint.check(*names)
        checked = self._checked_by(number)
        failures = [failure for failure in found if failure.function_name in checked]
        for failure in failures:
            self._show(_text_of(failure))
        now_broken = {failure.function_name for failure in failures}
        for name in sorted(self._broken.intersection(checked) - now_broken):
            self._show(f"aiolambda: {name} can start now")
        self._broken = self._broken.difference(checked) | now_broken
        if failures and self._options.reload:
            self._show("aiolambda: waiting until a file changes")
        elif failures:
            self._show("aiolambda: stopping, because of this; with --reload, serve waits until a file changes")
            self._end(exit_codes.FUNCTION_ERROR)

    def _new_notes(self) -> Sequence[str]:
        """What in the file of functions has no effect, as far as that was not told."""
        told, self._notes = self._notes, self._source.notes
        return [note for note in self._notes if note not in told]

    def _new_settings(self) -> Sequence[str]:
        """The names of the settings of the endpoint that are others than at the last look."""
        before, self._settings = self._settings, self._source.settings
        return [name for name in {**before, **self._settings} if before.get(name) != self._settings.get(name)]

    def _tell_of_reload(self, event: ReloadEvent) -> None:
        files = [os.path.relpath(path) for path in event.changed]
        more = f" and {len(files) - _MOST_FILES:,} more" if len(files) > _MOST_FILES else ""
        changed = f"{', '.join(files[:_MOST_FILES])}{more} changed"
        if event.error is not None:
            self._show(f"aiolambda: {event.error}")
            if event.changed:
                self._show(f"aiolambda: {changed}, but cannot be used: the functions stay as they were")
        names = [name for name in event.function_names if name in self._endpoint.functions]
        gone = [name for name in event.function_names if name not in names]
        if names:
            self._show(f"aiolambda: {changed}: new code for {', '.join(names)}")
            self._begin_check(names, self._pace.delay(event.changed, time.monotonic()))
        if gone:
            self._show(f"aiolambda: {changed}: {', '.join(gone)} removed")
        for note in self._new_notes():
            self._show(f"aiolambda: {note}")
        if settings := self._new_settings():
            self._show(f"aiolambda: {changed}: start serve again to change the {' and the '.join(settings)}")


class _Pace:
    """Slows the checks down if a function writes into its own folder while it starts: each check would cause the next one."""

    def __init__(self) -> None:
        self._changed: Sequence[Path] = ()
        self._repeats = 0
        self._last = 0.0

    def delay(self, changed: Sequence[Path], now: float) -> float:
        """Seconds to wait before the check after a change of these files."""
        is_repeated = changed == self._changed and now - self._last < _SOON + self._pause()
        self._repeats = self._repeats + 1 if is_repeated else 0
        self._changed, self._last = changed, now
        return self._pause()

    def _pause(self) -> float:
        return 0.0 if self._repeats < _QUICK_REPEATS else min(_LONGEST_PAUSE, 2.0 ** (self._repeats - _QUICK_REPEATS + 1))


def _view_for(options: argparse.Namespace) -> View:
    """A table on a terminal, unless something else is going to write there."""
    others = options.lines or options.debug or options.verbose or options.quiet > 1
    if others or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        return LineView()
    return TableView(has_colours=colour.is_on(sys.stderr))


def _debug_of(options: argparse.Namespace) -> bool | int:
    """Whether functions are debugged at this terminal, or the port of debugpy."""
    if options.debug and options.debug_port is not None:
        raise ConfigurationError("--debug is for the terminal and --debug-port for debugpy; use one of them")
    debug: bool | int = options.debug if options.debug_port is None else options.debug_port
    if debug and options.quiet:
        raise ConfigurationError("a debugger needs the output of the functions; remove --quiet")
    return debug


def _credentials(access_key: str | None, secret_key: str | None) -> Credentials | None:
    if access_key is None and secret_key is None:
        return None
    if not access_key or not secret_key:
        raise ConfigurationError("--access-key and --secret-key must be used together")
    return Credentials(access_key, secret_key)


def _text_of(failure: InitFailure) -> str:
    """The message about a function that cannot start, with its traceback."""
    name = failure.function_name if failure.version == LATEST else f"{failure.function_name}:{failure.version}"
    text = f"aiolambda: {name} cannot start: {failure.error_type}: {failure.error_message}"
    return f"{text}\n{failure.traceback}" if failure.traceback else text
