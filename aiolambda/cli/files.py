"""Input and output of the commands: the standard streams, and the files that options name.

Laws: a failed write to stderr changes no exit code. A closed pipe (`aiolambda ... | head -1`) is not an error. If stdout was
closed from the start (`>&-`), a command whose result would be lost sends nothing, and others discard their output. Text from
functions and servers cannot control a terminal.

Must not know the content.
"""

import io
import os
import stat
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

from ..errors import ConfigurationError
from . import colour

__all__ = [
    "STDIO",
    "StandardOutput",
    "check_is_open",
    "discard",
    "escape_controls",
    "flush",
    "json_controls_escaped",
    "open_file",
    "open_output",
    "open_standard_streams",
    "print_error",
    "standard_input",
    "stop_writing",
    "truncate",
    "write_pieces",
    "write_whole",
]

STDIO = "-"
"""The file name that stands for standard input or output."""

_CONTROLS = [*range(0x20), *range(0x7F, 0xA0), 0x61C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A)]
"""Characters that move the cursor, change colours or the direction of text, or end a line in some programs."""
_ESCAPES = {code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" for code in _CONTROLS if chr(code) not in "\t\n"}
_JSON_ESCAPES = {code: f"\\u{code:04x}" for code in _CONTROLS if code > 0x20}


class StandardOutput(io.RawIOBase):
    """Standard output, with the error of the last failed write: the buffer above it may drop that error."""

    name = "<stdout>"

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.failure: OSError | None = None

    def write(self, data: Any, /) -> int:
        try:
            return os.write(self._descriptor, data)
        except OSError as error:
            self.failure = error
            raise

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)


class _ClosedOutput(io.TextIOWrapper):
    """In place of a stdout that was closed from the start: /dev/null."""


def open_standard_streams() -> StandardOutput:
    """Replace closed standard streams with /dev/null, wrap stdout, and return its lowest layer.

    Otherwise a file or a socket would get the number of a closed stream, and without a stderr `print` would write errors to
    stdout.
    """
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            devnull = os.open(os.devnull, os.O_RDWR)  # gets the lowest free number: that of the closed stream
            os.set_inheritable(devnull, True)  # noqa: FBT003 - its second argument has no name
            if name != "stdin":  # reading a closed stdin must be an error, not an empty payload
                file = open(devnull, "wb", closefd=False)  # noqa: SIM115 - as long as the program
                setattr(sys, name, (_ClosedOutput if name == "stdout" else io.TextIOWrapper)(file, encoding="utf-8"))
    stdout: TextIO = sys.stdout
    if stdout is not sys.__stdout__:  # a caller in this process has replaced it
        return StandardOutput(1)
    stdout.flush()
    output = StandardOutput(stdout.fileno())
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(output),
        encoding=stdout.encoding,
        errors="backslashreplace",  # like stderr: text that the encoding lacks must not fail
        line_buffering=output.isatty(),
    )
    return output


def standard_input() -> BinaryIO:
    """Standard input as bytes. Raises `ConfigurationError` if it is closed."""
    if cast("TextIO | None", sys.stdin) is None:
        raise ConfigurationError("cannot read standard input: it is closed; name a file in place of -")
    return sys.stdin.buffer


def escape_controls(text: str) -> str:
    """Escape all control characters but tab and line feed, so that the text cannot control a terminal."""
    return text.translate(_ESCAPES)


def json_controls_escaped(text: str) -> str:
    """Like `escape_controls`, for JSON, which stays the same value."""
    return text.translate(_JSON_ESCAPES)


def print_error(text: str, *, is_failure: bool = False) -> None:
    """Print a message to stderr. If that fails, the message is lost. The name before a failure is red if stderr has colours."""
    text = escape_controls(text)
    if is_failure:
        name, colon, message = text.partition(":")
        text = f"{colour.painted(name + colon, 'red', sys.stderr)}{message}"
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        discard(sys.stderr)


def flush(stream: TextIO) -> None:
    """Write the buffered text. If that fails, it is lost."""
    try:
        stream.flush()
    except OSError:
        discard(stream)


def discard(stream: TextIO) -> None:
    """Redirect the stream to /dev/null. Otherwise the interpreter fails when it flushes the stream at exit."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, stream.fileno())
    os.close(devnull)


def stop_writing(file: BinaryIO) -> None:
    """Call this after a failed write. If the file is stdout, discard its output."""
    if file is sys.stdout.buffer:
        discard(sys.stdout)


def write_whole(data: bytes, file: BinaryIO, failure: str) -> bool:
    """Write data, and return whether that succeeded. `failure` begins the message if not. A closed pipe is no error."""
    try:
        file.write(data)
        file.flush()
    except BrokenPipeError:
        stop_writing(file)
    except OSError as error:
        stop_writing(file)
        print_error(f"aiolambda: {failure}: {error.strerror}", is_failure=True)
        return False
    return True


async def write_pieces(pieces: AsyncGenerator[bytes], file: BinaryIO, failure: str) -> bool:
    """Write pieces as they come, as `write_whole` writes all at once. A closed pipe ends it."""
    async with aclosing(pieces):
        async for piece in pieces:
            try:
                file.write(piece)
                file.flush()
            except BrokenPipeError:
                stop_writing(file)
                break
            except OSError as error:
                stop_writing(file)
                print_error(f"aiolambda: {failure}: {error.strerror}", is_failure=True)
                return False
    return True


def open_file(path: str, mode: str, purpose: str) -> BinaryIO:
    """Open a file. Raises `ConfigurationError` on failure; the message has the purpose, such as "write to"."""
    try:
        return cast("BinaryIO", Path(path).open(mode))
    except OSError as error:
        raise ConfigurationError(f"cannot {purpose} {path!r}: {error.strerror}") from error


def check_is_open(path: str) -> None:
    """Raises `ConfigurationError` if the output goes to a stdout that is closed: nothing must be sent then."""
    if path == STDIO and isinstance(sys.stdout, _ClosedOutput):
        raise ConfigurationError(
            "cannot write to standard output: it is closed, and nothing was sent; name a file with -o, or discard the output "
            "with >/dev/null"
        )


@contextmanager
def open_output(path: str, purpose: str) -> Generator[BinaryIO]:
    """Open an output before anything is sent. The file keeps its content until `truncate`.

    If the block ends with an error, a new file that is still empty is removed.
    """
    if path == STDIO:
        yield sys.stdout.buffer
        return
    is_new = not os.path.lexists(path)
    file = open_file(path, "ab", purpose)
    try:
        yield file
    except BaseException:
        if is_new and not os.fstat(file.fileno()).st_size:
            with suppress(OSError):
                Path(path).unlink()
        raise
    finally:
        with suppress(OSError):  # every write is flushed, and its failure is already reported
            file.close()


def truncate(file: BinaryIO) -> int:
    """Empty a regular file, and return its size before. Pipes and devices have no content, and stdout is left as it is."""
    status = os.fstat(file.fileno()) if file is not sys.stdout.buffer else None
    if status is None or not stat.S_ISREG(status.st_mode):
        return 0
    file.truncate(0)
    return status.st_size
