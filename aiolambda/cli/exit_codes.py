"""The exit codes: what a script may conclude from each.

Owns the codes and which error has which. Must not print anything.
"""

from ..errors import AiolambdaError, ConfigurationError, InvalidInputError

__all__ = ["DONE", "FUNCTION_ERROR", "INTERRUPTED", "MAY_HAVE_RUN", "NOT_RUN", "TABLE", "USAGE", "code_of"]

DONE = 0
FUNCTION_ERROR = 1
USAGE = 2
NOT_RUN = 3
MAY_HAVE_RUN = 4
INTERRUPTED = 130

TABLE = """\
  0    done
  1    the function failed: its error is the payload
  2    usage or configuration; nothing was sent
  3    not run: Lambda refused, or was never reached
  4    may have run: no answer came, or none that says
  130  interrupted"""


def code_of(error: AiolambdaError) -> int:
    """The exit code of an error that ended a command."""
    if isinstance(error, ConfigurationError | InvalidInputError):
        return USAGE
    return MAY_HAVE_RUN if error.may_have_run else NOT_RUN
