"""The plain view of what is served: a line for each invocation that has ended, and the logs of the functions as they are.

Must not know where the text is written.
"""

from collections.abc import Sequence

from ...local import InvocationEvent
from ..files import escape_controls

__all__ = ["Item", "LineView", "duration_of", "name_of", "result_of", "time_of"]

Item = bytes | str | InvocationEvent
"""A part of a function's log, a message of the program, or a change of an invocation."""


class LineView:
    """Text for a file, a pipe, or a terminal without a table."""

    is_changing = False

    def render(self, items: Sequence[Item], *, columns: int, rows: int) -> bytes:
        """The bytes to write for these items."""
        return b"".join(map(_bytes_of, items))

    def end(self) -> bytes:
        """The bytes to write at the end."""
        return b""

    def forget(self) -> None:
        """Another program has used the terminal, which changes nothing here."""


def _bytes_of(item: Item) -> bytes:
    if isinstance(item, bytes):
        return item
    if isinstance(item, str):
        return _line(item)
    if item.duration is None:  # it has not ended
        return b""
    parts = (time_of(item), name_of(item), item.invocation_type, result_of(item), duration_of(item.duration), item.request_id)
    return _line(f"aiolambda: {' '.join(parts)}")


def _line(text: str) -> bytes:
    return f"{escape_controls(text)}\n".encode(errors="backslashreplace")


def time_of(event: InvocationEvent) -> str:
    """The local time of the start."""
    return f"{event.started.astimezone():%H:%M:%S}"


def name_of(event: InvocationEvent) -> str:
    """The function with the qualifier of the request."""
    return event.function_name if event.qualifier is None else f"{event.function_name}:{event.qualifier}"


def result_of(event: InvocationEvent) -> str:
    """The status in a few words: "ok", the error type of the function, "throttled", or the code of the refusal."""
    if event.status == "failed":
        return event.error_type or "failed"
    if event.status == "refused":
        return f"refused: {event.error_type}"
    return "ok" if event.status == "succeeded" else event.status


def duration_of(seconds: float) -> str:
    """A duration with the unit that suits it: milliseconds below 10 s, then seconds."""
    return f"{seconds * 1000:,.0f} ms" if seconds < 10 else f"{seconds:,.1f} s"
