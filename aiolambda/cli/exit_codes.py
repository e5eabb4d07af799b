"""The exit codes of all commands, and the code of each error."""

from collections.abc import Mapping

from ..errors import AiolambdaError, ConfigurationError, InvalidInputError
from ..errors.durable import DurableExecutionError
from ..errors.waits import WaitError, WaitTimeoutError

__all__ = [
    "DONE",
    "FUNCTION_ERROR",
    "INTERRUPTED",
    "MAY_HAVE_RUN",
    "MEANINGS",
    "NOT_RUN",
    "TERMINATED",
    "USAGE",
    "as_table",
    "code_of",
]

DONE = 0
FUNCTION_ERROR = 1
USAGE = 2
NOT_RUN = 3
MAY_HAVE_RUN = 4
INTERRUPTED = 130
TERMINATED = 143
"""128 and the number of the signal, as a shell shows the end of a process by a signal."""

MEANINGS = {
    DONE: "success",
    FUNCTION_ERROR: "the function failed; the payload is its error",
    USAGE: "usage or configuration error; nothing was sent",
    NOT_RUN: "not run: Lambda refused the request, or could not be reached",
    MAY_HAVE_RUN: "may have run: there was no conclusive response, or it cannot be written",
    INTERRUPTED: "interrupted by Ctrl-C",
    TERMINATED: "terminated by SIGTERM",
}


def as_table(meanings: Mapping[int, str]) -> str:
    """Lines of help, one for each code."""
    return "\n".join(f"  {code:<4} {meaning}" for code, meaning in sorted(meanings.items()))


def code_of(error: AiolambdaError, *, reads: bool = False) -> int:
    """The exit code for an error that ended a command. A command that only `reads` has changed nothing."""
    if isinstance(error, ConfigurationError | InvalidInputError):
        return USAGE
    if isinstance(error, DurableExecutionError) or (isinstance(error, WaitError) and not isinstance(error, WaitTimeoutError)):
        return FUNCTION_ERROR
    return MAY_HAVE_RUN if error.may_have_run and not reads else NOT_RUN
