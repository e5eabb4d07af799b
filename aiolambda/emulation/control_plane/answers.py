"""The answer of the API to a request that reads configuration.

Must not know how a request arrives, or how an answer is sent.
"""

import datetime as dt
import json
from collections.abc import Callable

from .. import api_errors
from ..function_facts import Inventory
from ..function_states import FunctionStates
from .account_answers import ACCOUNT_ANSWERS
from .function_answers import FUNCTION_ANSWERS
from .question import Question
from .routes import Asked

__all__ = ["EMULATED", "ConfigurationReader"]

_ACCOUNT_CONCURRENCY = 1000
"""The quota of an account that has one."""
_ANSWERS = {**FUNCTION_ANSWERS, **ACCOUNT_ANSWERS}
EMULATED = frozenset(_ANSWERS)
"""The names of the operations that are answered."""


def _url_of(function_name: str) -> str:
    """Where nothing listens, a URL of a domain that does not exist."""
    return f"https://{function_name.replace(':', '--')}.lambda-url.invalid/"


class ConfigurationReader:
    """Answers from the configuration of functions, and from the states that a test has set."""

    def __init__(
        self,
        functions: Inventory,
        states: FunctionStates,
        *,
        only_region: str | None = None,
        account_concurrency: int | None = None,
        url_of: Callable[[str], str] = _url_of,
    ) -> None:
        self._functions, self._states = functions, states
        self._only_region = only_region
        self._url_of = url_of
        self._account_concurrency = _ACCOUNT_CONCURRENCY if account_concurrency is None else account_concurrency
        self._since = dt.datetime.now(dt.UTC).replace(microsecond=0)

    def answer(self, asked: Asked, *, region: str) -> bytes:
        """The body of the answer, which has the status 200. Raises an `ApiError`, also if the operation is not emulated."""
        find = _ANSWERS.get(asked.operation)
        if find is None:
            raise api_errors.not_emulated(asked.operation)
        question = Question(
            asked=asked,
            functions=self._functions,
            states=self._states,
            region=region,
            only_region=self._only_region,
            account_concurrency=self._account_concurrency,
            since=self._since,
            url_of=self._url_of,
        )
        return json.dumps(find(question)).encode()
