"""A transport that answers by the path of a request: what a service knows of functions, without a network.

Owns how a request finds its answers. Must not know what a test expects.
"""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from aiolambda import Credentials, LambdaClient, NoRetry, Request, Response

__all__ = ["FunctionService", "client_of", "failure", "found"]


def found(status: int = 200, /, **members: object) -> Response:
    """An answer with these members, under their names in the API."""
    return Response(status, {"x-amzn-requestid": "id", "content-type": "application/json"}, json.dumps(members).encode())


def failure(code: str, status: int = 400, message: str = "said") -> Response:
    """An error with this code."""
    return Response(status, {"x-amzn-requestid": "id", "x-amzn-errortype": code}, json.dumps({"message": message}).encode())


_NAMED = (
    "account-settings",
    "aliases",
    "code",
    "configuration",
    "event-source-mappings",
    "functions",
    "invocations",
    "layers",
    "provisioned-concurrency",
    "response-streaming-invocations",
    "versions",
)
"""Ends of paths that are not the name of a function."""

Answer = Response | Exception | Callable[[Request], Any]


class FunctionService:
    """Answers the paths that it was given, each with its answers in order; the last one stays. Functions may be coroutines."""

    def __init__(self, **answers: Answer | list[Answer]) -> None:
        self.answers: dict[str, list[Answer]] = {}
        self.requests: list[Request] = []
        for name, given in answers.items():
            self.answers[name] = given if isinstance(given, list) else [given]

    def names(self) -> list[str]:
        """What was asked, by the names of the answers."""
        return [self._name_of(request) for request in self.requests]

    def queries(self) -> list[str]:
        return [urlsplit(request.url).query for request in self.requests]

    @staticmethod
    def _name_of(request: Request) -> str:
        *_, last = urlsplit(request.url).path.rstrip("/").split("/")
        return last.replace("-", "_") if last in _NAMED else "function"

    async def send(self, request: Request, /) -> Response:
        self.requests.append(request)
        answers = self.answers[self._name_of(request)]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if callable(answer):
            answer = await answer(request)
        if isinstance(answer, Exception):
            raise answer
        return Response(answer.status, answer.headers, answer.body)

    def stream(self, request: Request, /) -> Any:
        raise NotImplementedError

    async def close(self) -> None:
        """There is nothing to close."""


def client_of(service: FunctionService, **settings: Any) -> LambdaClient:
    """A client of this service, which repeats nothing unless it is told to."""
    given: dict[str, Any] = {"credentials": Credentials("AKIDEXAMPLE", "secret"), "region": "eu-west-1", "retry": NoRetry()}
    return LambdaClient(transport=service, **{**given, **settings})
