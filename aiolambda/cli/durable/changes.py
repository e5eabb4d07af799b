"""`aiolambda durable stop`, `pause`, `resume` and `delete`: requests that change an execution, and write nothing.

Owns their options. Must not know which of them may be sent twice.
"""

import argparse
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import attrs

from .. import exit_codes
from ..clients import make_client
from ..interrupts import run_in_loop
from .options import add_arn, add_error_options, add_request_options, error_members

if TYPE_CHECKING:
    from ...client.durable.execution import DurableExecution

__all__ = ["DELETE", "PAUSE", "RESUME", "STOP"]


@attrs.frozen
class _Change:
    """A command that sends one request about an execution."""

    DESCRIPTION: str
    _send: Callable[["DurableExecution", argparse.Namespace], Awaitable[Any]]
    _add_own: Callable[[argparse.ArgumentParser], None] | None = None

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        add_arn(parser)
        if self._add_own is not None:
            self._add_own(parser)
        add_request_options(parser)

    def run(self, options: argparse.Namespace) -> int:
        """Send the request."""
        run_in_loop(self._run(options))
        return exit_codes.DONE

    async def _run(self, options: argparse.Namespace) -> None:
        async with make_client(options) as client:
            await self._send(client.durable_execution(options.arn), options)


def _add_reason(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reason", metavar="TEXT", help="reason that the history shows (default: none)")


def _add_pause_options(parser: argparse.ArgumentParser) -> None:
    _add_reason(parser)
    parser.add_argument("--pause-timeout", action="store_true", help="let the execution timeout stand still, too")


STOP = _Change(
    "Stop a durable execution for good, and write nothing. It ends with the error that the options give.",
    lambda execution, options: execution.stop(**error_members(options)),
    lambda parser: add_error_options(parser, "none"),
)
PAUSE = _Change(
    "Pause a durable execution, and write nothing. What runs now goes on, and nothing new begins until somebody resumes it.",
    lambda execution, options: execution.pause(reason=options.reason, pause_timeout=options.pause_timeout),
    _add_pause_options,
)
RESUME = _Change(
    "Let a paused durable execution go on, and write nothing.",
    lambda execution, options: execution.resume(reason=options.reason),
    _add_reason,
)
DELETE = _Change(
    "Delete a durable execution that has ended, with its history and its result, and write nothing.",
    lambda execution, _: execution.delete(),
)
