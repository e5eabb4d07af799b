"""`aiolambda map`: invoke a function for every item of a file, and write a line of JSON for every result.

Owns the options, and the format of items and results. Must not know how the invocations are scheduled.
"""

import argparse
import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, aclosing, nullcontext
from pathlib import Path
from typing import Any, BinaryIO, cast

from ..errors import (
    AiolambdaError,
    FunctionError,
    TooManyFailuresError,
)
from ..fanout import MapRun
from ..fanout.brake import Brake
from ..fanout.scheduler import GRACE
from ..fanout.values import MapResult, MapStats, StoppedBy
from ..types.values import Delivery
from . import exit_codes
from .batched import BatchAnswerError, BatchedRun
from .clients import make_client
from .ending import Ending
from .files import STDIO, check_is_open, open_file, open_output, print_error, standard_input, stop_writing, truncate
from .input_options import recipe_of
from .inputs.batches import Batch
from .inputs.returned import Returned
from .interrupts import Interrupts, run_in_loop
from .items import InputError, Items, Line
from .map_options import add_options, check_files, check_options, input_of, max_concurrency
from .payloads import tell_if_terminal
from .progress import ProgressListener, progress
from .records import record_of
from .result_rows import row_format_of
from .results import Form, NotJsonError, form_of, is_terminal
from .tally import Tally, summary_of, tell_resumption, tell_unused
from .wording import in_options

__all__ = ["DESCRIPTION", "add_options", "run"]

DESCRIPTION = """\
Invoke a function for every item of a file: lines of JSON, a JSON array, CSV, TSV, lines of text or Parquet.
A line of JSON is the payload, unchanged.
Write a line of JSON to stdout for every result, and progress and a summary to stderr.
The exit code is that of the most severe item outcome.
"""

_PURPOSE = "write to"
_ALIKE = 10
"""If the first results are so many refusals with one cause that no item can escape, the map stops."""


def run(options: argparse.Namespace) -> int:
    """Map the items and write the results. The exit code is that of the most severe item outcome."""
    options.file = input_of(options.file)
    form = form_of(options)
    check_options(options)
    check_is_open(options.output)
    check_files(options)
    ending = Ending(options)
    with ExitStack() as files:
        is_stdin = options.file == STDIO
        if is_stdin:
            tell_if_terminal("items")
        file = files.enter_context(
            nullcontext(standard_input()) if is_stdin else open_file(options.file, "rb", "read the items from")
        )
        path = Path(options.file) if not is_stdin and Path(options.file).is_file() else None
        items = Items(file, path, recipe_of(options))
        files.callback(items.close)
        paths = {"output": options.output, "failed": options.failed, "unknown": options.unknown}
        outputs = {name: files.enter_context(open_output(path, _PURPOSE)) for name, path in paths.items() if path is not None}
        with progress(items.total, has_display=not is_terminal(outputs["output"])) as on_progress:
            return run_in_loop(_MapJob(options, form, items, outputs, ending).run(on_progress))


class _MapJob:
    """One run. After the first signal it waits for the items in flight; the second signal aborts them."""

    def __init__(
        self, options: argparse.Namespace, form: Form, items: Items, files: dict[str, BinaryIO], ending: Ending
    ) -> None:
        self._options = options
        self._ending = ending
        self._rows = row_format_of(options)
        self._form = form
        self._items = items
        self._files = files
        self._tally = Tally()
        self._mapped: MapRun[Line] | BatchedRun | None = None
        self._sent: MapRun[Any] | None = None
        """The run whose items are those of the journal: with --batch, they are batches."""
        self._returned: dict[str, Returned] = {}
        self._task: asyncio.Task[Any] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._stopped_by: str | None = None
        self._exit_code = exit_codes.DONE
        self._has_reader = True
        self._has_begun = False
        self._has_key = options.journal is not None or options.key is not None
        has_limit = options.max_failures is not None or options.max_failure_ratio is not None
        self._brake = None if has_limit else Brake(_ALIKE, for_all=True)

    async def run(self, on_progress: ProgressListener) -> int:
        self._task = asyncio.current_task()
        with Interrupts(self._stop, lambda: self._close(grace=0)) as interrupts:
            try:
                await self._map(on_progress)
            except asyncio.CancelledError:
                if not interrupts.received:
                    raise
                print_error("aiolambda: interrupted: nothing was sent")
        return interrupts.received.code if interrupts.received else self._exit_code

    async def _map(self, on_progress: ProgressListener) -> None:
        options, started = self._options, time.perf_counter()
        async with make_client(options, max_concurrency=max_concurrency(options)) as client:
            self._ending.opened(client.config.region)
            followed = self._ending.followed(on_progress)
            batched = self._batched(followed)
            mapped = client.map(
                options.function_name,
                cast("Iterator[Line] | AsyncIterator[Line]", self._items.lines),
                payload=_content_of,
                key=None if options.key is None or batched is not None else _key_of,
                concurrency=options.concurrency,
                ordered=options.ordered,
                invocation_type="Event" if options.event else "RequestResponse",
                qualifier=options.qualifier,
                tenant_id=options.tenant_id,
                log_type="Tail" if self._ending.needs_tail else None,
                idempotent=options.idempotent or None,
                hedge_after=options.hedge_after,
                retry_function_errors=options.retry_function_errors,
                max_failures=options.max_failures if batched is None else None,
                max_failure_ratio=options.max_failure_ratio if batched is None else batched.ratio_of_run,
                deadline=options.deadline,
                journal=options.journal,
                journal_results=options.journal_results,
                retry_failed=options.retry_failed,
                processes=options.processes,
                on_progress=followed if batched is None else batched.report,
            )
            self._sent = cast("MapRun[Any]", mapped)
            if batched is not None:
                batched.run = cast("MapRun[Batch]", mapped)
            self._mapped = mapped = mapped if batched is None else cast("MapRun[Line]", batched)
            async with mapped:
                tell_resumption(mapped.resumption, "items" if batched is None else "batches")
                await self._write_results(mapped)
                if self._rows is not None and self._has_begun:
                    self._write("output", self._rows.end())
                self._summarize(mapped, time.perf_counter() - started)
                await self._write_unread()

    def _batched(self, on_progress: ProgressListener) -> BatchedRun | None:
        """Counts items in place of batches; `None` without --batch."""
        options = self._options
        if options.batch is None:
            return None
        return BatchedRun(on_progress, max_failures=options.max_failures, max_failure_ratio=options.max_failure_ratio)

    async def _write_results(self, mapped: MapRun[Line]) -> None:
        """Write every result. An error that ends the run is handled here: functions have run, so it is not a usage error."""
        try:
            async for result in mapped:
                self._begin_files()
                self._write("output", self._line_of(result) if self._rows is None else self._rows.row(result))
                self._note(result, mapped)
                if result.delivery is Delivery.UNKNOWN:
                    self._give_back("unknown", result.item)
                elif not result.ok:
                    self._give_back("failed", result.item)
        except TooManyFailuresError as error:
            print_error(f"aiolambda: {in_options(str(error))}", is_failure=True)
        except AiolambdaError as error:
            print_error(f"aiolambda: {in_options(str(error))}", is_failure=True)
            has_sent = mapped.stats.done > mapped.stats.replayed
            ended = exit_codes.NOT_RUN if isinstance(error, InputError) else exit_codes.MAY_HAVE_RUN
            self._update_exit_code(ended if has_sent else exit_codes.code_of(error))
        else:
            self._begin_files()  # without a result, the files of an earlier run end up empty

    async def _write_unread(self) -> None:
        """Write the items of a file that the map has not read: they were not sent. The rest of a pipe stays unread."""
        if self._has_begun and "failed" in self._files:
            try:
                async with aclosing(self._items.rest()) as rest:
                    async for group in rest:
                        self._give_back("failed", *group)
            except InputError as error:
                print_error(f"aiolambda: the items after this are not in {self._options.failed!r}: {error}", is_failure=True)
        for name, returned in self._returned.items():
            self._write(name, returned.end)

    def _give_back(self, name: str, *lines: Line) -> None:
        """Write items to the file of --failed or --unknown, in the form of the input."""
        if name not in self._files:
            return
        returned = self._returned.get(name)
        if returned is None:
            returned = self._returned[name] = self._items.returned()
        self._write(name, b"".join(map(returned.of, lines)))

    def _begin_files(self) -> None:
        """Empty the files of an earlier run: when the first result is there, and not before."""
        if self._has_begun:
            return
        self._has_begun = True
        for name, file in self._files.items():
            if size := truncate(file):
                print_error(f"aiolambda: replacing {getattr(self._options, name)!r}, which had {size:,} bytes")
        if self._rows is not None:
            self._write("output", self._rows.begin())

    def _note(self, result: MapResult[Line], mapped: MapRun[Line]) -> None:
        """Count a result, and stop if all of the first ones are refusals that the other items cannot escape."""
        self._tally.add(result)
        self._ending.add(result)
        error = result.error
        if not self._has_reader:  # an item that is cut off or not sent for want of a reader is no failure
            return
        if isinstance(error, FunctionError | BatchAnswerError):
            self._update_exit_code(exit_codes.FUNCTION_ERROR)
        elif error is not None:  # also if the client refused the item: others may have run
            may_have_run = result.delivery.may_have_run  # in any invocation, also of an earlier run
            self._update_exit_code(exit_codes.MAY_HAVE_RUN if may_have_run else exit_codes.NOT_RUN)
        if self._brake is None or self._stopped_by is not None:
            return
        if error is None or error is not self._brake.cause:  # the items of a batch share its error, which counts once
            self._brake.add(result)
        if self._brake.has_stopped:
            self._stopped_by = "refusals"
            mapped.stop()
            noun = "items" if self._options.batch is None else "batches"
            said = f"the first {_ALIKE} {noun} all failed, and so would the others: {in_options(str(error))}"
            print_error(f"aiolambda: {said}", is_failure=True)

    def _line_of(self, result: MapResult[Line]) -> bytes:
        """The record as a line of JSON, or in the form that was asked for."""
        record = record_of(result, has_key=self._has_key, has_item=not self._options.no_item)
        if not self._form.is_unchanged:
            try:
                return self._form.of_value(record, indent=False)
            except NotJsonError as error:
                text = f"aiolambda: --query fails on the result of line {result.item.number:,} ({error}); it is written whole"
                print_error(text, is_failure=True)
                self._update_exit_code(exit_codes.MAY_HAVE_RUN)
        return json.dumps(record, separators=(",", ":")).encode() + b"\n"

    def _update_exit_code(self, code: int) -> None:
        """Keep the most severe code."""
        self._exit_code = max(self._exit_code, code)

    def _write(self, name: str, line: bytes) -> None:
        file = self._files.get(name)
        if file is None or not line:
            return
        try:
            file.write(line)
            file.flush()
        except OSError as error:
            del self._files[name]
            stop_writing(file)
            if isinstance(error, BrokenPipeError):  # the reader has closed the pipe, which is not an error
                self._has_reader = False
            else:
                path = getattr(self._options, name)
                place = "standard output" if path == STDIO else repr(path)
                print_error(
                    f"aiolambda: functions may have run, and {place} cannot be written: {error.strerror}", is_failure=True
                )
                self._update_exit_code(exit_codes.MAY_HAVE_RUN)
            self._stopped_by = self._stopped_by or "output"
            # Without a place for results, stop. A journal still keeps the results of the items in flight: wait for them.
            self._close(grace=GRACE if self._options.journal is None else None)

    def _stop(self) -> None:
        if self._mapped is None:
            if self._task is not None:
                self._task.cancel()
            return
        self._stopped_by = "signal"
        grace: float | None = self._options.grace
        self._mapped.stop(grace=grace)
        at_most = "" if grace is None else f" for at most {grace:g} s"
        waiting = f"waiting{at_most} for {self._mapped.stats.in_flight:,} in flight"
        print_error(f"aiolambda: interrupted: sending no more items, {waiting} (a second signal aborts them)")

    def _close(self, *, grace: float | None) -> None:
        if self._mapped is not None:
            self._closing = asyncio.create_task(self._mapped.aclose(grace=grace))

    def _summarize(self, mapped: MapRun[Line], elapsed: float) -> None:
        stats, total = mapped.stats, self._total(mapped)
        stopped_by: str | StoppedBy | None = self._stopped_by or mapped.stopped_by
        for line in self._ending.lines(stats):
            print_error(f"aiolambda: {line}")
        for cause in self._tally.causes():
            print_error(f"aiolambda: {cause}")
        if self._tally.unknown:
            self._explain_unknown()
        unread = 0 if total is None else total - mapped.next_index
        unsent = stats.unsent + (unread if stopped_by is not None else 0)
        if stopped_by is not None:
            self._explain_unsent(unsent, may_be_more=total is None and not self._items.has_ended)
        else:
            self._explain_missing(unread)
        self._tell_if_none(stats, total)
        if self._stopped_by == "signal":
            self._ending.tell_resume(self._options.arguments)
        if not self._ending.write_report(stats, total=total, unsent=unsent, stopped_by=stopped_by):
            self._update_exit_code(exit_codes.MAY_HAVE_RUN)
        reason = "" if stopped_by is None else f"; stopped by {stopped_by}"
        print_error(f"aiolambda: {self._tally.totals(stats, total=total, seconds=elapsed)}{reason}")
        self._write_summary(
            summary_of(stats, total=total, unsent=unsent, seconds=elapsed, stopped_by=stopped_by, price=self._ending.price)
            | {"next_index": mapped.next_index}
        )

    def _total(self, mapped: MapRun[Line]) -> int | None:
        """The number of items, if it is known. The file may have grown since they were counted."""
        return None if self._items.total is None else max(self._items.total, mapped.next_index)

    def _tell_if_none(self, stats: MapStats, total: int | None) -> None:
        if total == 0 or (stats.done == 0 and self._items.has_ended):
            place = "standard input" if self._options.file == STDIO else self._options.file
            print_error(f"aiolambda: no items: {place} has none")

    def _explain_missing(self, missing: int) -> None:
        if self._sent is not None:
            tell_unused(self._sent, "items" if self._options.batch is None else "batches")
        if not missing:
            return
        said = f"the input has become shorter while it was read: {_items(missing)} that it had at the start could not be read"
        print_error(f"aiolambda: {said}", is_failure=True)
        self._update_exit_code(exit_codes.NOT_RUN)

    def _explain_unknown(self) -> None:
        options, count = self._options, self._tally.unknown
        remedy = (
            "--idempotent sends them again" if options.journal is not None else "look what they did before you send them again"
        )
        place = f"; they are in {options.unknown!r}" if options.unknown is not None else ""
        if options.unknown is None and options.failed is not None:
            place = "; they are not in the file of --failed: --unknown FILE collects them"
        print_error(f"aiolambda: {_items(count)} may have run: {remedy}{place}")

    def _explain_unsent(self, unsent: int, *, may_be_more: bool) -> None:
        if (not unsent and not may_be_more) or self._exit_code == exit_codes.USAGE:  # that says it already: nothing was sent
            return
        parts = [f"{_items(unsent)} {'was' if unsent == 1 else 'were'} not sent"] if unsent else []
        parts += ["the rest of the input was not read"] if may_be_more else []
        goes_on = "" if self._options.journal is None else ": the same command goes on with them"
        print_error(f"aiolambda: {', '.join(parts)}{goes_on}")
        if self._stopped_by != "output":  # a reader that wants no more results, as `head`, is no failure
            self._update_exit_code(exit_codes.NOT_RUN)

    def _write_summary(self, summary: dict[str, Any]) -> None:
        path = self._options.summary_file
        if path is None:
            return
        try:
            Path(path).write_text(json.dumps(summary, indent=2) + "\n")
        except OSError as error:
            print_error(f"aiolambda: cannot write the summary to {path!r}: {error.strerror}")
            self._update_exit_code(exit_codes.MAY_HAVE_RUN)


def _content_of(item: Line | Batch) -> bytes:
    return item.content


def _key_of(item: Line | Batch) -> str:
    key = cast("Line", item).key
    assert key is not None  # noqa: S101 - --key gives each line one
    return key


def _items(count: int) -> str:
    return "1 item" if count == 1 else f"{count:,} items"
