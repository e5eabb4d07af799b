"""How calls end with their client: closed out of a call, by two causes at once, or by a loop that ends over connections."""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import trustme

from aiolambda import (
    Call,
    CallNext,
    ClientClosedError,
    Credentials,
    Failure,
    InvocationTimeoutError,
    InvokeCommandOutput,
    LambdaClient,
    RetryStrategy,
    Step,
    Timeouts,
)
from aiolambda.testing import FakeTransport

from ..support import virtual
from ..support.servers import RawServer, Reader, Writer, always, answer, raw_server
from ..test_loops import ended

AnyCall = Call[Any, Any]
AnyNext = CallNext[Any, Any]
STEPS: tuple[Step, ...] = ("initialize", "serialize", "build", "finalize", "deserialize")


async def sleep(event: Any) -> object:
    await asyncio.sleep(event["s"])
    return "slept"


def fake_client(**settings: Any) -> LambdaClient:
    return LambdaClient(transport=FakeTransport({"echo": lambda event: event, "sleep": sleep}), **settings)


def is_at_rest(client: LambdaClient) -> bool:
    return (client.stats.in_flight, client.stats.waiting) == (0, 0)


# --- closed out of a call ---------------------------------------------------------------------------------------------


@pytest.mark.virtual_time
@pytest.mark.parametrize("grace", [0, 30, None])
@pytest.mark.parametrize("step", STEPS)
async def test_middleware_may_close_its_own_client(step: Step, grace: float | None) -> None:
    async def closes(call: AnyCall, call_next: AnyNext) -> Any:
        output = await call_next(call)
        await client.close(grace=grace)
        return output

    client = fake_client()
    client.middleware_stack.add(closes, step=step)
    async with asyncio.timeout(1):
        assert (await client.invoke("echo", 7)).json() == 7
        with pytest.raises(ClientClosedError):
            await client.invoke("echo", 8)
    assert is_at_rest(client)


@pytest.mark.parametrize("step", STEPS)
async def test_call_that_closes_its_client_is_not_sent(step: Step) -> None:
    async def closes(call: AnyCall, call_next: AnyNext) -> Any:
        await client.close()
        return await call_next(call)

    async with raw_server(always(answer())) as server, asyncio.timeout(5):
        client = LambdaClient(region="us-east-1", credentials=Credentials("AKIDEXAMPLE", "s"), endpoint_url=server.url)
        await client.invoke("f")
        client.middleware_stack.add(closes, step=step)
        with pytest.raises(ClientClosedError) as raised:
            await client.invoke("f")
        assert not raised.value.may_have_run
        assert is_at_rest(client)
        while server.closed < server.connections:
            await asyncio.sleep(0.001)
    assert (len(server.requests), server.connections) == (1, 1)


@pytest.mark.virtual_time
async def test_two_calls_may_close_their_client_at_once() -> None:
    async def closes(call: AnyCall, call_next: AnyNext) -> Any:
        output = await call_next(call)
        await client.close(grace=None)
        return output

    client = fake_client()
    client.middleware_stack.add(closes)
    other = asyncio.create_task(client.invoke("sleep", {"s": 5}))
    async with asyncio.timeout(20):
        outcomes = await asyncio.gather(client.invoke("echo", 1), client.invoke("sleep", {"s": 1}))
        await other
    assert [outcome.json() for outcome in outcomes] == [1, "slept"]
    assert is_at_rest(client)


@pytest.mark.virtual_time
async def test_outer_close_waits_for_a_closing_call() -> None:
    async def closes(call: AnyCall, call_next: AnyNext) -> Any:
        output = await call_next(call)
        await client.close(grace=None)
        await asyncio.sleep(1)
        ends.append(call)
        return output

    ends: list[AnyCall] = []
    client = fake_client()
    client.middleware_stack.add(closes)
    call = asyncio.create_task(client.invoke("echo", 1))
    await asyncio.sleep(0.5)
    await client.close(grace=None)
    assert ends
    assert (await call).json() == 1


@pytest.mark.virtual_time
async def test_map_call_that_closes_the_client_ends_the_map() -> None:
    async def closes(call: AnyCall, call_next: AnyNext) -> Any:
        output = await call_next(call)
        await client.close()
        return output

    client = fake_client()
    client.middleware_stack.add(closes)
    async with asyncio.timeout(20):
        async with client.map("echo", range(10), concurrency=1) as run:
            results = [result async for result in run]
    assert [result.output.json() for result in results if result.output is not None] == [0]
    assert run.stopped_by == "caller"
    assert is_at_rest(client)


# --- two ends at once -------------------------------------------------------------------------------------------------


@pytest.mark.virtual_time
@pytest.mark.parametrize("first", ["close", "limit"])
async def test_close_and_timeout_at_once_end_a_call_once(first: str) -> None:
    """The limit passes in the turn of the loop in which the close cuts the call, before or after it."""

    client = fake_client()
    loop = asyncio.get_running_loop()
    assert isinstance(loop, virtual.VirtualLoop)
    task = asyncio.create_task(client.invoke("sleep", {"s": 60}, timeout=10))
    await asyncio.sleep(1)
    if first == "close":  # it runs before the timers that are due in its turn
        closing = asyncio.create_task(client.close(grace=0))
        loop.now = 20
    else:
        loop.call_at(10, lambda: None)
        await asyncio.sleep(9)
        closing = asyncio.create_task(client.close(grace=0))
    expected = ClientClosedError if first == "close" else InvocationTimeoutError
    with pytest.raises(expected):
        await task
    assert task.cancelling() == 0
    await closing
    assert is_at_rest(client)


# --- a loop that ends -------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def far_away(server: RawServer, one_way: float) -> AsyncIterator[int]:
    """The port of a relay to the server, over which everything takes so many seconds."""
    tasks: set[asyncio.Task[None]] = set()

    async def pump(reader: Reader, writer: Writer) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                await asyncio.sleep(one_way)
                writer.write(data)
            await asyncio.sleep(one_way)
            writer.write_eof()

    async def relay(reader: Reader, writer: Writer) -> None:
        there, back = await asyncio.open_connection(server.host, server.port)
        try:
            await asyncio.gather(pump(reader, back), pump(there, writer))
        finally:
            for end in (writer, back):
                end.close()

    def accept(reader: Reader, writer: Writer) -> None:
        task = asyncio.ensure_future(relay(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    listener = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_unclosed_client_leaves_no_tls_connection(tmp_path: Path) -> None:
    """However far the server is: its goodbye is not waited for."""
    authority, tls = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(tls)
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    program = """
import asyncio, gc, sys
from aiolambda import Credentials, LambdaClient
from tests.support.loops import chosen_loop
keys = Credentials("AKIDEXAMPLE", "s")
async def main():
    client = LambdaClient(region="us-east-1", credentials=keys, endpoint_url=sys.argv[1], ca_bundle=sys.argv[2])
    await asyncio.gather(*(client.invoke("f", 1) for _ in range(5)))
with asyncio.Runner(loop_factory=chosen_loop()) as runner:
    runner.run(main())
gc.collect()
"""
    async with raw_server(always(answer()), tls=tls) as server, far_away(server, 0.01) as port:
        assert await ended(program, f"https://localhost:{port}", str(tmp_path / "authority.pem")) == (b"", b"", 0)
    assert len(server.requests) == 5


# --- an answer that is there ------------------------------------------------------------------------------------------


class Sulking(RetryStrategy):
    def pause(self, failure: Failure, /) -> float | None:
        return 0.0

    def succeeded(self, failures: Sequence[Failure], /) -> None:
        raise RuntimeError("this strategy has a bug")


@pytest.mark.parametrize("failures", [0, 1])
async def test_failing_retry_strategy_keeps_the_response(failures: int, caplog: pytest.LogCaptureFixture) -> None:
    transport = Failing({"echo": lambda event: event}, failures)
    async with LambdaClient(transport=transport, retry=Sulking()) as client:
        assert (await client.invoke("echo", 7)).json() == 7
        assert is_at_rest(client)
    (record,) = caplog.records
    assert (record.levelname, record.name) == ("ERROR", "aiolambda")
    assert "Sulking" in record.getMessage()
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], RuntimeError)


class Failing(FakeTransport):
    """Refuses so many requests before it answers."""

    def __init__(self, handlers: dict[str, Callable[[Any], Any]], failures: int) -> None:
        super().__init__(handlers)
        self.failures = failures

    async def send(self, request: Any, /) -> Any:
        from aiolambda import ConnectError

        if self.failures:
            self.failures -= 1
            raise ConnectError("no route")
        return await super().send(request)


@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO])
async def test_failing_logger_keeps_the_response(level: int) -> None:
    def refuse(record: logging.LogRecord) -> bool:
        raise RuntimeError("this filter has a bug")

    logger = logging.getLogger("failing")
    logger.setLevel(level)
    logger.addFilter(refuse)
    async with LambdaClient(transport=FakeTransport({"echo": lambda event: event}), logger=logger, retry=Sulking()) as client:
        output = await client.invoke("echo", 7, timeout=Timeouts(total=5))
        assert isinstance(output, InvokeCommandOutput)
        assert output.json() == 7
        assert is_at_rest(client)
