"""`aiolambda callback succeed`, `fail` and `heartbeat`: answers to a callback. They write nothing.

Owns their options. Must not know which of them may be sent twice.
"""

import argparse
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import attrs

from .. import exit_codes
from ..clients import make_client
from ..interrupts import InterruptedBeforeSending, run_in_loop
from ..options import file_name
from ..payloads import payload_of
from .options import add_error_options, add_request_options, error_members

if TYPE_CHECKING:
    from ...client.durable.callbacks import DurableCallback

__all__ = ["FAIL", "HEARTBEAT", "SUCCEED"]

_Send = Callable[["DurableCallback"], Awaitable[Any]]


@attrs.frozen
class _Answer:
    """A command that sends one request about a callback."""

    DESCRIPTION: str
    _send_of: Callable[[argparse.Namespace], _Send]
    _add_own: Callable[[argparse.ArgumentParser], None] | None = None

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("callback_id", metavar="ID", help="id of the callback, as 'durable callbacks' writes it")
        if self._add_own is not None:
            self._add_own(parser)
        add_request_options(parser)

    def run(self, options: argparse.Namespace) -> int:
        """Send the request."""
        try:
            send = self._send_of(options)
        except KeyboardInterrupt:
            raise InterruptedBeforeSending from None
        run_in_loop(self._run(options, send))
        return exit_codes.DONE

    async def _run(self, options: argparse.Namespace, send: _Send) -> None:
        async with make_client(options) as client:
            await send(client.callback(options.callback_id))


def _success_of(options: argparse.Namespace) -> _Send:
    result = payload_of(options.payload, options.payload_file, option="--payload", noun="result")
    return lambda callback: callback.succeed(result)


def _add_result(parser: argparse.ArgumentParser) -> None:
    result = parser.add_mutually_exclusive_group()
    result.add_argument("-p", "--payload", metavar="JSON", help="result as JSON; @FILE or file://FILE reads a file, - stdin")
    result.add_argument(
        "-f",
        "--payload-file",
        type=file_name,
        metavar="FILE",
        help="file with it; - reads stdin; fileb://FILE: any bytes",
    )


def _failure_of(options: argparse.Namespace) -> _Send:
    return lambda callback: callback.fail(**error_members(options))


SUCCEED = _Answer(
    "Answer a callback with a result, and write nothing. The result comes from -p, from -f, or from a pipe. At most 1 MiB.",
    _success_of,
    _add_result,
)
FAIL = _Answer(
    "Answer a callback with an error, and write nothing. The function meets this error where it waits for the callback.",
    _failure_of,
    lambda parser: add_error_options(parser, "none"),
)
HEARTBEAT = _Answer(
    "Tell an execution that the answer to a callback is still being prepared, and write nothing.",
    lambda _: lambda callback: callback.heartbeat(),
)
