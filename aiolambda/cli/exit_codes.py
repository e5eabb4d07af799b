"""The exit codes of all commands, and the code of each error."""

from ..errors import AiolambdaError, ConfigurationError, InvalidInputError

__all__ = ["DONE", "FUNCTION_ERROR", "INTERRUPTED", "MAY_HAVE_RUN", "NOT_RUN", "TABLE", "USAGE", "code_of"]

DONE = 0
FUNCTION_ERROR = 1
USAGE = 2
NOT_RUN = 3
MAY_HAVE_RUN = 4
INTERRUPTED = 130

TABLE = """\
  0    success
  1    the function failed; the payload is its error
  2    usage or configuration error; nothing was sent
  3    not run: Lambda refused the request, or could not be reached
  4    may have run: there was no conclusive response
  130  interrupted"""


def code_of(error: AiolambdaError) -> int:
    """The exit code for an error that ended a command."""
    if isinstance(error, ConfigurationError | InvalidInputError):
        return USAGE
    return MAY_HAVE_RUN if error.may_have_run else NOT_RUN
