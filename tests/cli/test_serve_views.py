"""What `aiolambda serve` shows: lines, and a table on a terminal. Nothing here serves a function."""

import datetime as dt
import os
import threading
import time
from typing import Any

import pytest

from aiolambda.cli.serve.columns import COLUMNS, line_of, widths_of
from aiolambda.cli.serve.lines import LineView, duration_of
from aiolambda.cli.serve.table import TableView
from aiolambda.cli.serve.writer import Writer
from aiolambda.local import InvocationEvent

from ..support.local import becomes_true
from ..support.terminal import Screen

NOW = dt.datetime(2026, 11, 29, 14, 3, 21, tzinfo=dt.UTC)
TIME = f"{NOW.astimezone():%H:%M:%S}"


def event(status: str = "succeeded", number: int = 0, **members: Any) -> InvocationEvent:
    duration = None if status in ("queued", "running") else 0.0123
    return InvocationEvent(
        **{
            "request_id": f"{number:08}-5c43-4fe8-a497-7835fa7f8afc",
            "function_name": "orders",
            "qualifier": None,
            "version": "$LATEST",
            "invocation_type": "RequestResponse",
            "status": status,
            "error_type": None,
            "started": NOW,
            "duration": duration,
            **members,
        }
    )


# Lines


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (event(), f"{TIME} orders RequestResponse ok 12 ms 00000000-5c43-4fe8-a497-7835fa7f8afc"),
        (
            event("failed", qualifier="live", error_type="ValueError"),
            f"{TIME} orders:live RequestResponse ValueError 12 ms 00000000-5c43-4fe8-a497-7835fa7f8afc",
        ),
        (event("throttled"), f"{TIME} orders RequestResponse throttled 12 ms 00000000-5c43-4fe8-a497-7835fa7f8afc"),
        (
            event("refused", error_type="ResourceNotFoundException"),
            f"{TIME} orders RequestResponse refused: ResourceNotFoundException 12 ms 00000000-5c43-4fe8-a497-7835fa7f8afc",
        ),
        (event("stopped", duration=12.0), f"{TIME} orders RequestResponse stopped 12.0 s 00000000-5c43-4fe8-a497-7835fa7f8afc"),
    ],
)
def test_each_end_is_a_line(shown, text):
    assert LineView().render([shown], columns=80, rows=24) == f"aiolambda: {text}\n".encode()


def test_what_has_not_ended_is_no_line():
    assert LineView().render([event("queued"), event("running")], columns=80, rows=24) == b""


def test_lines_and_logs_keep_their_order():
    items = [b"START\n\xff\x1b[2J", "aiolambda: a message", event(), b"END\n"]
    first, second, third = LineView().render(items, columns=80, rows=24).partition(b"aiolambda: a message\n")
    assert (first, second) == (b"START\n\xff\x1b[2J", b"aiolambda: a message\n"), "logs stay as they are"
    assert third.endswith(b"8afc\nEND\n")


def test_names_cannot_control_a_terminal():
    shown = LineView().render([event("refused", function_name="x\x1b[2J\ud800", error_type="E\r")], columns=80, rows=24)
    assert b"\x1b" not in shown
    assert b"\r" not in shown
    assert b"\\x1b[2J\\ud800" in shown


@pytest.mark.parametrize(("seconds", "text"), [(0.0004, "0 ms"), (1.2345, "1,234 ms"), (10, "10.0 s"), (5400, "5,400.0 s")])
def test_durations(seconds, text):
    assert duration_of(seconds) == text


# The columns


@pytest.mark.parametrize(
    ("width", "titles"),
    [
        (200, "TIME FUNCTION TYPE STATUS DURATION REQUEST"),
        (79, "TIME FUNCTION TYPE STATUS DURATION REQUEST"),
        (76, "TIME FUNCTION TYPE STATUS DURATION"),
        (66, "TIME FUNCTION STATUS DURATION"),
        (49, "FUNCTION STATUS DURATION"),
        (39, "FUNCTION STATUS"),
        (29, "FUNCTION"),
        (5, "FUNCTION"),
    ],
)
def test_narrow_terminals_leave_columns_out(width, titles):
    row = ["12:34:56", "orders-of-the-shop", "RequestResponse", "refused: ResourceNotFoundException", "12 ms", "00000000"]
    rows = [[column.title for column in COLUMNS], row]
    widths = widths_of(rows, width)
    line = "".join(line_of(rows[0], widths))
    assert line.split() == titles.split()
    assert len("".join(line_of(row, widths))) == len(line)
    assert len(line) <= max(width, 18)


# The table


class Shown:
    """A view with the screen that it writes to."""

    def __init__(self, columns: int = 80, rows: int = 24, *, has_colours: bool = False) -> None:
        self.view = TableView(has_colours=has_colours)
        self.screen = Screen(columns, rows)
        self.size = columns, rows

    def __call__(self, *items: bytes | str | InvocationEvent) -> list[str]:
        columns, rows = self.size
        self.screen.write(self.view.render(items, columns=columns, rows=rows))
        return self.screen.lines

    def resize(self, columns: int, rows: int) -> None:
        self.size = columns, rows
        self.screen.resize(columns, rows)


def test_nothing_is_drawn_before_the_first_invocation():
    shown = Shown()
    assert shown("aiolambda: a message") == ["aiolambda: a message"]
    assert shown.screen.written == b"aiolambda: a message\r\n"


def test_a_row_changes_with_its_invocation():
    shown = Shown()
    head, row, counts = shown(event("running", started=dt.datetime.now(dt.UTC) - dt.timedelta(seconds=3)))
    assert head.split() == ["TIME", "FUNCTION", "TYPE", "STATUS", "DURATION", "REQUEST"]
    assert row.split()[1:4] == ["orders", "RequestResponse", "running"]
    assert int(row.split()[4].replace(",", "")) >= 3000
    assert counts == "1 running"
    assert shown.view.is_changing
    _, row, counts = shown(event("failed", error_type="ValueError"))
    assert row.split() == [TIME, "orders", "RequestResponse", "ValueError", "12", "ms", "00000000"]
    assert counts == "1 failed"
    assert not shown.view.is_changing


def test_logs_scroll_above_the_table():
    shown = Shown(rows=10)
    shown("aiolambda: before", event("running"))
    for number in range(30):
        lines = shown(f"line {number}\n".encode())
    assert lines[:-3] == ["aiolambda: before", *(f"line {number}" for number in range(30))]
    assert lines[-1] == "1 running"
    assert len(lines) == 34, "one table"


def test_the_latest_invocations_are_shown_and_all_are_counted():
    shown = Shown(rows=12)
    lines = shown(*(event(number=number) for number in range(20)), event("queued", 98), event("running", 99))
    assert [line.split()[-1] for line in lines[1:-1]] == ["00000018", "00000019", "00000098", "00000099"]
    assert lines[-1] == "1 running, 1 queued, 20 succeeded"


def test_a_retried_event_is_one_row_at_a_time():
    shown = Shown()
    for status in ("queued", "running", "failed", "running"):
        lines = shown(event(status, error_type="E" if status == "failed" else None))
    assert lines[-1] == "1 running, 1 failed"
    assert [line.split()[3] for line in lines[1:-1]] == ["E", "running"]


def test_lines_never_fill_the_width():
    for columns in (20, 30, 40, 60, 79, 80, 120):
        shown = Shown(columns)
        lines = shown(event("refused", function_name="f" * 64, error_type="ResourceNotFoundException"))
        assert len(lines) == 3
        assert max(map(len, lines)) < columns
        assert shown.screen.cursor[1] == 2


@pytest.mark.parametrize("rows", [1, 2, 3, 5])
def test_a_low_terminal_has_the_counts_only(rows):
    shown = Shown(rows=rows)
    lines = shown(event(), b"log\n", event(number=1))
    assert lines[-1] == "2 succeeded"
    assert "FUNCTION" not in " ".join(lines)


@pytest.mark.parametrize(("columns", "rows"), [(100, 40), (80, 6)])
def test_a_terminal_of_another_size_gets_another_table(columns, rows):
    shown = Shown(80, 24)
    shown(b"log\n", event("running"), event(number=1), event(number=2))
    shown.resize(columns, rows)
    lines = shown()
    assert lines[-1] == "1 running, 2 succeeded"
    assert sum("FUNCTION" in line for line in lines) == 1
    assert sum("orders" in line for line in lines) == (3 if rows > 6 else 1)


def test_a_narrower_terminal_has_wrapped_the_old_table():
    """As most terminals do: the lines of the table have more rows than before. (The emulator cuts them.)"""
    shown = Shown(80, 24)
    shown("aiolambda: before", event("running"))
    shown.size = 40, 24
    wrapped = Screen(40, 24)
    for line in shown.screen.lines:
        wrapped.write(f"{line}\r\n".encode())
    wrapped.write(b"\x1b[A" + b"\x1b[9C")  # the cursor is at the end of the last line
    shown.screen = wrapped
    lines = shown()
    assert lines[0] == "aiolambda: before"
    assert len(lines) == 4


def test_a_line_without_an_end_waits_for_it():
    shown = Shown()
    shown(event("running"))
    assert "half" not in " ".join(shown(b"half a "))
    assert shown(b"line\nnext")[0] == "half a line"
    assert shown.view.is_changing
    assert shown()[1] == "next", "its end has not come for a while"
    assert shown(b" ends\n")[2] == " ends"


def test_text_of_functions_cannot_move_the_cursor():
    shown = Shown()
    shown("first", event("running"))
    lines = shown(b"\x1b[2J\x1b[1;1H\x1b]0;title\x07gone\r10%\r20%\r\nnext\n")
    assert lines[:5] == ["first", "\\x1b[2J\\x1b[1;1H\\x1b]0;title\\x07gone", "10%", "20%", "next"]


def test_colours_of_functions_stay_with_their_lines():
    shown = Shown(has_colours=True)
    shown(b"\x1b[31mred\n", event())
    assert b"\x1b[31mred\r\n\x1b[0m" in shown.screen.written
    plain = Shown()
    plain(b"\x1b[31mred\n", event("failed"))
    assert b"\x1b" not in plain.screen.written


@pytest.mark.parametrize(
    ("status", "code"), [("succeeded", b"\x1b[32mok"), ("failed", b"\x1b[1;31mfailed"), ("queued", b"\x1b[2mq")]
)
def test_only_the_status_has_a_colour(status, code):
    shown = Shown(has_colours=True)
    shown(event(status))
    row = shown.screen.written.split(b"\r\n")[1]
    assert row.count(b"\x1b[") == 2
    assert code in row


def test_the_end_leaves_the_table_and_a_new_line():
    shown = Shown()
    lines = shown(event(), b"half")
    shown.screen.write(shown.view.end())
    assert shown.screen.lines == [*lines, "half"]
    assert shown.screen.cursor == (0, len(lines) + 1)
    assert not shown.screen.is_cursor_hidden
    assert Shown().view.end() == b""


def test_another_program_keeps_its_text():
    shown = Shown()
    first = shown(event("running"))
    shown.screen.write(b"\r\n[1]+  Stopped\r\n$ fg\r\n")
    shown.view.forget()
    assert shown()[: len(first) + 2] == [*first, "[1]+  Stopped", "$ fg"]


def test_a_long_queue_takes_little_memory():
    shown = Shown()
    shown(*(event("queued", number) for number in range(1500)))
    assert shown.screen.lines[-1] == "1,000 queued"


# The writer


class Recording:
    """A view that writes what it gets."""

    is_changing = False

    def __init__(self) -> None:
        self.renders = 0

    def render(self, items, *, columns, rows):
        self.renders += 1
        return b"".join(item if isinstance(item, bytes) else f"<{item}>".encode() for item in items)

    def end(self):
        return b"end"

    def forget(self): ...


@pytest.fixture
def pipe():
    reader, writer = os.pipe()
    yield reader, writer
    for descriptor in (reader, writer):
        os.close(descriptor)


async def test_writer_collects_what_comes_together(pipe):
    view = Recording()
    with Writer(view, pipe[1]) as writer:
        for _ in range(1000):
            writer.put(b".")
        await becomes_true(lambda: view.renders)
    assert os.read(pipe[0], 65536) == b"." * 1000 + b"end"
    assert view.renders <= 3


async def test_pipe_that_nobody_reads_stops_nobody(pipe):
    """The rest is left out, and the end comes after a second."""
    os.set_blocking(pipe[1], True)
    before = threading.active_count()
    with Writer(Recording(), pipe[1]) as writer:
        started = time.monotonic()
        for _ in range(20):
            writer.put(b"x" * 1_000_000)
        assert time.monotonic() - started < 5
    assert time.monotonic() - started < 10
    text = b""
    while not text.endswith(b"end"):
        text += os.read(pipe[0], 1_000_000)
    assert b"pieces of output are left out here" in text
    assert len(text) < 12_000_000
    await becomes_true(lambda: threading.active_count() == before)


async def test_reader_that_has_gone_is_no_error():
    reader, descriptor = os.pipe()
    os.close(reader)
    with Writer(Recording(), descriptor) as writer:
        writer.put(b"lost")
    os.close(descriptor)


async def test_pipe_that_does_not_block_gets_everything(pipe):
    os.set_blocking(pipe[1], False)
    data = b"0123456789" * 100_000
    with Writer(Recording(), pipe[1]) as writer:
        writer.put(data)
        text = b""
        while len(text) < len(data):
            text += os.read(pipe[0], 65536)
    assert text == data
