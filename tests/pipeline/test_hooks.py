"""Whatever a user's own part raises, and wherever: what the call kept comes back, and the client goes on.

Every hook that a client takes counts its calls; then each of these calls raises in turn.
"""

import asyncio
import contextlib
import datetime as dt
import gc
import itertools
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator, Sequence
from typing import Any, TypeVar

import attrs
import pytest

from aiolambda import (
    Call,
    CallNext,
    ConfigurationError,
    Credentials,
    DecodeError,
    Failure,
    InvalidInputError,
    JsonCodec,
    LambdaClient,
    RetryStrategy,
    Timeouts,
)
from aiolambda.transport import AiohttpTransport
from aiolambda.types.http import Request, Response
from aiolambda.types.interfaces import Loop

from ..support import THOROUGH
from ..support.loops import chosen_loop
from ..support.servers import Connection, RawServer, answer, raw_server
from ..support.streaming import streamed
from ..support.transports import transport_with
from .test_places import alone, at_rest

T = TypeVar("T")
AnyCall = Call[Any, Any]
AnyNext = CallNext[Any, Any]
STEPS = ("initialize", "serialize", "build", "finalize", "deserialize")
PRIORITIES = ("high", "normal", "low")
BUILT_IN = (
    "loggerMiddleware",
    "validationMiddleware",
    "endpointV2Middleware",
    "serializerMiddleware",
    "contentLengthMiddleware",
    "retryMiddleware",
    "concurrencyMiddleware",
    "httpSigningMiddleware",
    "deserializerMiddleware",
)


class OrdinaryError(Exception):
    pass


class ExtraordinaryError(BaseException):
    """As a library that ends its own tasks in its own way may raise it."""


class Hooks:
    """Counts the calls of all hooks, by name; the one of a number raises."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.raising: int | None = None
        self.error: type[BaseException] = OrdinaryError

    def __call__(self, name: str) -> None:
        self.calls.append(name)
        if len(self.calls) == self.raising:
            raise self.error(name)

    def off(self) -> None:
        self.raising = None

    @property
    def raised(self) -> bool:
        return self.raising is not None and len(self.calls) >= self.raising


@attrs.define
class Codec:
    hooks: Hooks

    def encode(self, value: object, /) -> bytes:
        self.hooks("codec.encode")
        return JsonCodec().encode(value)

    def decode(self, data: bytes, type: type[T], /) -> T:
        self.hooks("codec.decode")
        return JsonCodec().decode(data, type)


@attrs.define
class Provider:
    """Keys that expire while the first call waits for its place, and are refused by the server once."""

    hooks: Hooks
    given: int = 0

    async def get_credentials(self) -> Credentials:
        self.hooks("provider.get_credentials")
        await asyncio.sleep(0)
        self.hooks("provider.get_credentials, after a wait")
        self.given += 1
        until = dt.datetime(2000 if self.given == 1 else 2099, 1, 1, tzinfo=dt.UTC)
        return Credentials("AKIDEXAMPLE", f"secret {self.given}", expires_at=until)

    async def refresh(self, rejected: Credentials, /) -> Credentials:
        self.hooks("provider.refresh")
        return await self.get_credentials()


@attrs.define
class Strategy(RetryStrategy):
    hooks: Hooks

    def pause(self, failure: Failure, /) -> float | None:
        self.hooks("strategy.pause")
        return 0.0

    def succeeded(self, failures: Sequence[Failure], /) -> None:
        self.hooks("strategy.succeeded")


@attrs.define
class Reservation:
    hooks: Hooks
    inner: Any

    def end(self) -> None:
        self.inner.end()
        self.hooks("reservation.end")


@attrs.define
class Transport:
    """Ours, with somebody's own around it; what it has taken over it gives back itself."""

    hooks: Hooks
    inner: AiohttpTransport

    def promise(self, request: Request, loop: Loop, /) -> Reservation | None:
        self.hooks("transport.promise")
        promised = self.inner.promise(request, loop)
        return None if promised is None else Reservation(self.hooks, promised)

    async def reserve(self, request: Request, /, *, first: bool = False) -> Reservation:
        self.hooks("transport.reserve")
        return Reservation(self.hooks, await self.inner.reserve(request, first=first))

    async def send(self, request: Request, /) -> Response:
        self.hooks("transport.send")
        response = await self.inner.send(request)
        self.hooks("transport.send, after the answer")
        return response

    @contextlib.asynccontextmanager
    async def stream(self, request: Request, /) -> AsyncGenerator[Any]:
        self.hooks("transport.stream")
        async with self.inner.stream(request) as answer:
            self.hooks("transport.stream, after the head")
            yield Body(self.hooks, answer)
            self.hooks("transport.stream, at its end")

    async def close(self) -> None:
        await self.inner.close()
        self.hooks("transport.close")


@attrs.define
class Body:
    hooks: Hooks
    answer: Any

    @property
    def status(self) -> int:
        self.hooks("answer.status")
        return int(self.answer.status)

    @property
    def headers(self) -> Any:
        self.hooks("answer.headers")
        return self.answer.headers

    def __aiter__(self) -> AsyncIterator[bytes]:
        self.hooks("iter(answer)")
        return self.pieces()

    async def pieces(self) -> AsyncIterator[bytes]:
        async for piece in self.answer:
            self.hooks("a piece of the answer")
            yield piece


def middleware(hooks: Hooks, name: str) -> Callable[[AnyCall, AnyNext], Coroutine[Any, Any, Any]]:
    async def passes_on(call: AnyCall, call_next: AnyNext) -> Any:
        hooks(f"before {name}")
        output = await call_next(call)
        hooks(f"after {name}")
        for number, opened in enumerate(call.answers):
            opened.on_close(lambda called=f"on_close {number} of {name}": hooks(called))
        return output

    return passes_on


def client_of(server: RawServer, hooks: Hooks, *, many: bool | None, fuses: bool) -> LambdaClient:
    """A client with hooks everywhere; with middlewares at few places if not `many`, and at none if `None`."""

    def proxy(url: str) -> None:
        hooks("proxy")

    def is_logged(record: logging.LogRecord) -> bool:
        hooks("filter")
        return True

    logger = logging.Logger("of the user", logging.DEBUG)  # noqa: LOG001 - one that no other test sees
    logger.addFilter(is_logged)
    logger.addHandler(logging.NullHandler())
    client = LambdaClient(
        region="us-east-1",
        endpoint_url=server.url,
        credentials=Provider(hooks),
        codec=Codec(hooks),
        retry=Strategy(hooks),
        logger=logger,
        transport=Transport(hooks, transport_with(proxy=proxy, max_connecting=1)),
        max_concurrency=2,
        idempotent=True,
    )
    client._stack._fuses = fuses
    if many is None:
        return client
    for step, priority in itertools.product(STEPS, PRIORITIES if many else PRIORITIES[:1]):
        client.middleware_stack.add(middleware(hooks, f"{step}, {priority}"), step=step, priority=priority)  # type: ignore[arg-type]
    for anchor, relation in itertools.product(BUILT_IN if many else BUILT_IN[-2:], ("before", "after")):
        client.middleware_stack.add_relative_to(
            middleware(hooks, f"{relation} {anchor}"),
            relation=relation,  # type: ignore[arg-type]
            to_middleware=anchor,
        )
    return client


async def script(connection: Connection) -> None:
    """Refuses the first two requests of a connection: with an error that may pass, and with keys that have expired."""
    for number in itertools.count():
        head, _ = await connection.read_request()
        if number == 0:
            await connection.write(answer("503 Busy"))
        elif number == 1:
            await connection.write(answer("403 Forbidden", "x-amzn-errortype: ExpiredTokenException\r\n"))
        else:
            await connection.write(streamed(b"one", b"two") if b"response-streaming" in head else answer())


async def invoke(client: LambdaClient, hooks: Hooks) -> None:
    output = await client.invoke("f", {"a": 1})
    output.decode(dict)


async def stream(client: LambdaClient, hooks: Hooks) -> None:
    async with client.stream("f", {"a": 1}) as chunks:
        await chunks.read()


async def map_(client: LambdaClient, hooks: Hooks) -> None:
    def items() -> Iterator[int]:
        for number in range(3):
            hooks("an item")
            yield number
        hooks("the end of the items")

    def payload(item: int) -> object:
        hooks("payload")
        return {"item": item}

    def key(item: int) -> str:
        hooks("key")
        return str(item)

    async with client.map(
        "f", items(), payload=payload, key=key, concurrency=1, on_progress=lambda _: hooks("on_progress")
    ) as run:
        async for _ in run:
            hooks("the reader")


EVERYWHERE = {
    "codec.encode",
    "provider.get_credentials",
    "provider.refresh",
    "strategy.pause",
    "strategy.succeeded",
    "transport.promise",
    "transport.reserve",
    "reservation.end",
    "proxy",
    "filter",
}
"""Hooks that each kind of call comes by."""

Work = Callable[[LambdaClient, Hooks], Coroutine[Any, Any, None]]


async def run_with(
    server: RawServer, work: Work, raising: int | None, error: type[BaseException], *, middlewares: bool, fuses: bool
) -> Hooks:
    hooks = Hooks()
    hooks.raising, hooks.error = raising, error
    many = work is not map_ if middlewares else None  # a map makes many calls
    client = client_of(server, hooks, many=many, fuses=fuses)
    try:
        of_codec, of_provider = (InvalidInputError, DecodeError), ConfigurationError
        with contextlib.suppress(OrdinaryError, ExtraordinaryError, *of_codec, of_provider):
            await asyncio.create_task(work(client, hooks))
        seen = Hooks()
        seen.calls, seen.raising = list(hooks.calls), hooks.raising
        hooks.off()
        await at_rest(client)
        async with asyncio.timeout(5):
            await client.invoke("g", {}, timeout=Timeouts(queue=3))
        await at_rest(client)
    finally:
        await client.close()
    return seen


@pytest.mark.parametrize("error", [OrdinaryError, ExtraordinaryError] if THOROUGH else [ExtraordinaryError])
@pytest.mark.parametrize(
    ("work", "of_its_own"),
    [
        (invoke, {"transport.send", "transport.send, after the answer", "codec.decode"}),
        (stream, {"transport.stream", "transport.stream, at its end", "answer.status", "a piece of the answer"}),
        (map_, {"an item", "the end of the items", "payload", "key", "on_progress", "the reader"}),
    ],
    ids=["invoke", "stream", "map"],
)
@pytest.mark.parametrize(
    ("middlewares", "fuses"), [(True, True), (False, True), (False, False)], ids=["middlewares", "fused", "not fused"]
)
def test_hook_error_releases_all_resources(
    work: Work, of_its_own: set[str], error: type[BaseException], middlewares: bool, fuses: bool
) -> None:
    async def every_call() -> None:
        for number in itertools.count():  # 0: none
            async with raw_server(script) as server:
                try:
                    hooks = await run_with(server, work, number, error, middlewares=middlewares, fuses=fuses)
                except BaseException as failed:
                    failed.add_note(f"hook call {number}")
                    raise
                async with asyncio.timeout(5):
                    while server.closed < server.connections:
                        await asyncio.sleep(0.001)
            if number == 0:
                of_middlewares = {"before after httpSigningMiddleware"} if middlewares else set[str]()
                missing = (EVERYWHERE | of_its_own | of_middlewares) - set(hooks.calls)
                assert not missing
            elif not hooks.raised:
                return
            await alone()

    complaints: list[dict[str, Any]] = []
    with asyncio.Runner(loop_factory=chosen_loop()) as runner:
        runner.get_loop().set_exception_handler(lambda _, context: complaints.append(context))
        runner.run(every_call())
        gc.collect()
    assert not complaints
