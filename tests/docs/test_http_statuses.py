"""The table of statuses has every error, and says of each the same as the code does."""

import asyncio
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

import aiolambda.errors
from aiolambda import (
    AiolambdaError,
    ClientClosedError,
    ConnectError,
    ConnectionLostError,
    Delivery,
    FunctionError,
    InvocationTimeoutError,
    LambdaServiceException,
    Metadata,
    PayloadTooLargeError,
    TooManyRequestsException,
)
from aiolambda.errors.service import EXCEPTIONS
from aiolambda.policy import classification, delivery
from aiolambda.types.values import RetryAction

from ..support.pages import FILES, ROOT
from .test_pages import rows_of

PAGE = "docs/how-to/http-statuses.md"
OF_TREE, OF_SERVICE = (
    rows_of((ROOT / PAGE).read_text().split(f"## {heading}\n")[1].split("\n## ")[0])
    for heading in ("Look up an error", "Look up an error of the service")
)


@pytest.fixture(scope="module")
def page() -> dict[str, Any]:
    """The names of the file that the page makes."""
    pytest.importorskip("fastapi", reason="fastapi is not installed")
    names: dict[str, Any] = {"__name__": "statuses"}
    exec(compile(FILES[PAGE]["statuses.py"], "statuses.py", "exec"), names)  # noqa: S102 - it stands in this checkout
    return names


(OF_CANCELLATION,) = [row for row in OF_TREE if "CancelledError" in row[0]]
OF_TREE.remove(OF_CANCELLATION)
"""No error of ours: the table has it, because it ends a call too."""


def named_in(row: list[str]) -> list[str]:
    return re.findall(r"`(\w+)`", row[0])


def of_service(code: str) -> LambdaServiceException:
    """The error of a code, with the verdict and the action that the client would give it."""
    status = 500 if code == "ServiceException" else 429 if code == "TooManyRequestsException" else 400
    verdict = delivery.verdict_of_error(status, code)
    kind = EXCEPTIONS.get(code, LambdaServiceException)
    error = kind("text", code=code, metadata=Metadata(http_status_code=status), delivery=verdict)
    error.retry_action = classification.retry_action_of(error)
    return error


def of_tree(name: str) -> Iterator[AiolambdaError]:
    """An error that has not run, and one that may have, as far as its class has them."""
    kind: Any = getattr(aiolambda.errors, name)
    for verdict in (Delivery.NOT_DELIVERED, Delivery.UNKNOWN):
        error = kind.__new__(kind, "text")
        AiolambdaError.__init__(error, "text", delivery=verdict)
        error.transient, error.error_type = True, None
        error.retry_action = RetryAction.RETRY if name == "ConnectionLostError" else None
        yield error


def test_the_table_has_each_error_of_the_tree() -> None:
    errors = [getattr(aiolambda.errors, name) for name in aiolambda.errors.__all__]
    ours = {error.__name__ for error in errors if isinstance(error, type) and error.__module__ == "aiolambda.errors"}
    assert {name for row in OF_TREE for name in named_in(row)} == ours


def test_the_table_has_each_error_of_the_service_once() -> None:
    assert sorted(name for row in OF_SERVICE for name in named_in(row)) == sorted(EXCEPTIONS)


@pytest.mark.parametrize("row", OF_SERVICE, ids=lambda row: named_in(row)[0])
def test_a_row_of_the_service_says_the_same_as_the_code(row: list[str], page: dict[str, Any]) -> None:
    for name in named_in(row):
        error = of_service(name)
        repeated = {
            RetryAction.NONE: "no",
            RetryAction.RETRY: "if idempotent" if error.may_have_run else "yes",
            RetryAction.WAIT: "yes, for as long as there is time",
            RetryAction.RENEW_CREDENTIALS: "once, with new keys",
            RetryAction.SET_CLOCK: "once, with the right time",
        }[error.retry_action or RetryAction.NONE]
        said = ("yes" if error.may_have_run else "no", repeated, str(page["status_of"](error)))
        assert tuple(row[2:5]) == said, name


@pytest.mark.parametrize("row", OF_TREE[1:], ids=lambda row: f"{named_in(row)[0]} {row[2]}")
def test_a_row_of_the_tree_has_the_status_of_the_code(row: list[str], page: dict[str, Any]) -> None:
    fresh, unknown = of_tree(*named_in(row)[:1])
    error: Any = unknown if row[2] == "yes" else fresh
    if "transient" in row[1]:
        error.transient = False
    if "Sandbox.Timedout" in row[1]:
        error.error_type = "Sandbox.Timedout"
    assert page["status_of"](error) == int(row[4])
    if isinstance(error, ConnectError):
        assert page["is_passing"](error) is error.transient


def test_an_unknown_code_is_a_bad_gateway(page: dict[str, Any]) -> None:
    assert page["status_of"](of_service("NewException")) == 502
    assert page["is_bad_request"](of_service("ResourceNotFoundException")) is False


def test_a_class_with_one_verdict_has_one_row() -> None:
    kinds = (
        ClientClosedError,
        ConnectError,
        ConnectionLostError,
        FunctionError,  # with two statuses
        InvocationTimeoutError,
        PayloadTooLargeError,
    )
    names = [named_in(row)[0] for row in OF_TREE]
    assert {name for name in names if names.count(name) > 1} == {kind.__name__ for kind in kinds}


def throttled() -> TooManyRequestsException:
    error = of_service("TooManyRequestsException")
    assert isinstance(error, TooManyRequestsException)
    error.retry_after = 1.2
    return error


BODY = {"error": "TooManyRequestsException", "may_have_run": False}


async def test_fastapi_answers_with_the_status(page: dict[str, Any]) -> None:
    from fastapi import FastAPI

    app = FastAPI()
    page["answer_errors"](app)

    @app.get("/")
    async def fail() -> None:
        raise throttled()

    messages: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        messages.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b"", "app": app}
    await app(scope, receive, send)
    assert (messages[0]["status"], dict(messages[0]["headers"])[b"retry-after"]) == (503, b"2")
    assert page["answer_to"](throttled()) == (503, {"retry-after": "2"}, BODY)
    assert page["on_lambda_error"].__name__ == "on_lambda_error"


async def test_cancelled_request_is_answered_as_unknown(page: dict[str, Any]) -> None:
    """And the cancellation goes on, for those who wait for it."""
    from fastapi import FastAPI

    app = FastAPI()
    page["answer_errors"](app)
    called = asyncio.Event()

    @app.get("/")
    async def wait() -> None:
        called.set()
        await asyncio.Event().wait()

    messages: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        messages.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b"", "app": app}
    request = asyncio.ensure_future(app(scope, receive, send))
    await called.wait()
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    assert messages[0]["status"] == int(OF_CANCELLATION[4])
    assert json.loads(messages[1]["body"]) == {"error": "CancelledError", "may_have_run": True}


async def test_aiohttp_web_answers_with_the_status(page: dict[str, Any]) -> None:
    async def fail(request: web.Request) -> web.Response:
        raise throttled()

    app = page["make_app"]()
    assert [middleware.__name__ for middleware in app.middlewares] == ["lambda_errors"]
    app.router.add_get("/", fail)
    async with TestClient(TestServer(app)) as client, client.get("/") as answer:
        assert (answer.status, answer.headers["retry-after"], await answer.json()) == (503, "2", BODY)
