"""Waiters: an operation that is asked again and again, and the answers that end it.

Pure: whoever waits sends the requests, and sleeps. Must not know a function's states: the generated table does.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from ..errors import LambdaServiceException
from .structure import python_name

__all__ = ["Acceptor", "Verdict", "Waiter"]

Verdict = Literal["success", "failure", "retry"]


class Acceptor(NamedTuple):
    """An answer that is looked for, and what it means.

    - `path`: the member at the path `argument` of the output, with its names in the API, equals `expected`.
    - `error`: the answer is the error with the code `expected`; `True` is any error, `False` is none.
    """

    verdict: Verdict
    matcher: Literal["path", "error"]
    argument: str | None
    expected: str | bool

    def matches(self, answer: object) -> bool:
        """Whether an output, or an error of the service, is the answer that is looked for."""
        code = answer.code if isinstance(answer, LambdaServiceException) else None
        if self.matcher == "path":
            return code is None and member_at(answer, self.argument or "") == self.expected
        return self.expected == (code is not None) if isinstance(self.expected, bool) else self.expected == code


class Waiter(NamedTuple):
    """What is asked, the seconds between two questions, how many there are at most, and the acceptors in order."""

    operation: str
    delay: float
    most_attempts: int
    acceptors: Sequence[Acceptor]

    def verdict(self, answer: object) -> Verdict | None:
        """What an output or an error means. An output that no acceptor knows means `retry`, such an error `None`."""
        for acceptor in self.acceptors:
            if acceptor.matches(answer):
                return acceptor.verdict
        return None if isinstance(answer, LambdaServiceException) else "retry"


def member_at(answer: object, path: str) -> object:
    """The member of an output at a path such as `Configuration.State`; `None` if it is not set."""
    for name in path.split("."):
        answer = getattr(answer, python_name(name), None)
    return answer
