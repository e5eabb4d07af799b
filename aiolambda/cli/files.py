"""Where input comes from and output goes: the files that options name, and the standard streams.

Laws: a stream for people (stderr) that cannot be written changes nothing; a closed pipe (`aiolambda ... | head -1`) ends in
silence, and a stdout that was closed from the start (`>&-`) takes everything; what others have written cannot steer a terminal.

Must not know what is written.
"""

import io
import os
import stat
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

from ..errors import ConfigurationError

__all__ = [
    "STDIO",
    "Output",
    "destination",
    "empty",
    "give_up",
    "let_go_of",
    "opened",
    "prepare",
    "settle",
    "standard_input",
    "tell",
    "visible",
]

STDIO = "-"
"""What stands for standard input or output where a file may be named."""

_CONTROLS = [*range(0x20), *range(0x7F, 0xA0), 0x61C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A)]
"""Characters that move the cursor, change colours or the direction of what follows, or end a line in some programs only."""
_SHOWN = {code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" for code in _CONTROLS if chr(code) not in "\t\n"}


class Output(io.RawIOBase):
    """Standard output, which remembers why it could not be written: a buffer above it may forget what it could not hand on."""

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


def prepare() -> Output:
    """Have all standard streams there, and give what stdout leads to.

    One that was closed gets a file that holds nothing and takes everything. Else a file or a socket would get its number, and
    `print` would write errors to stdout for want of a stderr.
    """
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: its own
            os.set_inheritable(nowhere, True)  # noqa: FBT003 - its second argument has no name
            if name != "stdin":  # what is read from a closed one is an error, and not an empty payload
                setattr(sys, name, open(nowhere, "w", encoding="utf-8", closefd=False))  # noqa: SIM115 - as long as the program
    stdout: TextIO = sys.stdout
    if stdout is not sys.__stdout__:  # a caller in this process has put something of its own there
        return Output(1)
    stdout.flush()
    output = Output(stdout.fileno())
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(output),
        encoding=stdout.encoding,
        errors="backslashreplace",  # as stderr has it: no text must fail for want of a character
        line_buffering=output.isatty(),
    )
    return output


def standard_input() -> BinaryIO:
    """Standard input, as bytes. `ConfigurationError` if it is closed."""
    if cast("TextIO | None", sys.stdin) is None:
        raise ConfigurationError("cannot read standard input: it is closed")
    return sys.stdin.buffer


def visible(text: str) -> str:
    """The text with all control characters but tab and line feed written out: a terminal obeys them, whoever wrote them."""
    return text.translate(_SHOWN)


def tell(text: str) -> None:
    """A text for people, on stderr; if it cannot be written, it is lost."""
    try:
        print(visible(text), file=sys.stderr, flush=True)
    except OSError:
        let_go_of(sys.stderr)


def settle(stream: TextIO) -> None:
    """Hand on what was written to a stream, or lose it."""
    try:
        stream.flush()
    except OSError:
        let_go_of(stream)


def let_go_of(stream: TextIO) -> None:
    """Send what is still to come nowhere; without this the interpreter fails when it flushes at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def give_up(file: BinaryIO) -> None:
    """Write no more to a file that could not be written."""
    if file is sys.stdout.buffer:
        let_go_of(sys.stdout)


def opened(path: str, mode: str, purpose: str) -> BinaryIO:
    """The file, open. `ConfigurationError` where it cannot be, with the purpose: "write to"."""
    try:
        return cast("BinaryIO", Path(path).open(mode))
    except OSError as error:
        raise ConfigurationError(f"cannot {purpose} {path!r}: {error.strerror}") from error


@contextmanager
def destination(path: str, purpose: str) -> Generator[BinaryIO]:
    """Where output will go; opened before anything is sent, and left as it is until there is something to put in."""
    if path == STDIO:
        yield sys.stdout.buffer
        return
    file = opened(path, "ab", purpose)
    try:
        yield file
    finally:
        with suppress(OSError):  # whoever writes flushes, and has told what cannot be written
            file.close()


def empty(file: BinaryIO) -> None:
    """Forget what a file held before; a pipe or a device holds nothing, and what stdout leads to is not ours to empty."""
    if file is not sys.stdout.buffer and stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.truncate(0)
