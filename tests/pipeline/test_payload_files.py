"""A payload that is an open file: read once, in a thread, and refused before anything is sent if it cannot be read."""

import asyncio
import concurrent.futures
import gzip
import io
import os
import threading
import traceback
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest

from aiolambda import (
    Call,
    CallNext,
    Delivery,
    InvalidInputError,
    InvalidPayloadSizeError,
    InvocationTimeoutError,
    InvokeCommand,
    LambdaClient,
    NoRetry,
    PayloadLimits,
)
from aiolambda.pipeline import payload_file
from aiolambda.testing import FakeTransport
from aiolambda.threads import Threads
from aiolambda.types.http import Headers, Request, Response

LIMIT = 1000


class AtOnce(NoRetry):
    """Tries again without a pause."""

    def pause(self, failure: object, /) -> float | None:
        return 0.0


class Throttling(FakeTransport):
    """Throttles the first requests of each function."""

    def __init__(self, throttles: int = 0) -> None:
        super().__init__({"f": lambda event: event})
        self.throttles = throttles

    async def send(self, request: Request, /) -> Response:
        response = await super().send(request)
        if len(self.calls) > self.throttles:
            return response
        headers = {"x-amzn-errortype": "TooManyRequestsException", "retry-after": "0"}
        return Response(429, Headers(headers), b'{"Reason":"CallerRateLimitExceeded"}')


@asynccontextmanager
async def client_of(transport: FakeTransport, **settings: Any) -> AsyncGenerator[LambdaClient]:
    limits = PayloadLimits(request_response=LIMIT, event=LIMIT // 2)
    async with LambdaClient(transport=transport, limits=limits, retry=AtOnce(), **settings) as client:
        yield client


async def bodies_of(send: Callable[[LambdaClient], Any], *, throttles: int = 0) -> list[bytes]:
    """The payloads of the requests that were sent."""
    transport = Throttling(throttles)
    async with client_of(transport) as client:
        await send(client)
    return [call.payload for call in transport.calls]


async def refusal(payload: object, **members: Any) -> InvalidInputError:
    transport = Throttling()
    async with client_of(transport) as client:
        with pytest.raises(InvalidInputError) as raised:
            await client.send(InvokeCommand(function_name="f", payload=payload, **members))
        assert client.stats.in_flight == 0
    error = raised.value
    assert transport.calls == []
    assert (error.member, error.delivery, error.function_name) == ("payload", Delivery.NOT_DELIVERED, "f")
    assert "SECRET" not in "".join(traceback.format_exception(error))
    assert all(b"SECRET" not in repr(frame.f_locals).encode() for frame, _ in traceback.walk_tb(error.__traceback__))
    return error


@attrs.define
class Odd:
    """Something with a `read` that is no file of Python's; it notes how it was read."""

    content: Any
    asked: list[int] = attrs.field(factory=list[int])
    threads: list[str] = attrs.field(factory=list[str])

    def opened(self) -> "OddFile":
        return OddFile(self)


class OddFile:
    def __init__(self, odd: Odd) -> None:
        self.odd = odd

    def read(self, size: int) -> Any:
        self.odd.asked.append(size)
        self.odd.threads.append(threading.current_thread().name)
        content, self.odd.content = self.odd.content, b""
        if isinstance(content, Exception):
            raise content
        return content


async def test_file_is_sent_from_its_position(tmp_path: Path) -> None:
    path = tmp_path / "order.json"
    path.write_bytes(b'xx{"id": 7}')
    with path.open("rb") as file, path.open("rb", buffering=0) as unbuffered, gzip.open(tmp_path / "order.gz", "wb") as zipped:
        file.seek(2)
        unbuffered.seek(2)
        zipped.write(b"[1]")
        zipped.close()
        with gzip.open(tmp_path / "order.gz") as unzipped:
            for opened, sent in (
                (file, b'{"id": 7}'),
                (unbuffered, b'{"id": 7}'),
                (unzipped, b"[1]"),
                (io.BytesIO(b"2"), b"2"),
            ):
                assert await bodies_of(lambda client, opened=opened: client.invoke("f", opened)) == [sent]


@pytest.mark.parametrize("kind", ["event", "stream", "dry run"])
async def test_every_kind_of_call_takes_a_file(kind: str) -> None:
    async def send(client: LambdaClient) -> None:
        file = io.BytesIO(b"[1]")
        if kind == "event":
            await client.invoke_event("f", file)
        elif kind == "dry run":
            await client.dry_run("f", file)
        else:
            async with client.stream("f", file) as stream:
                await stream.read()

    assert await bodies_of(send) == [b"[1]"]


async def test_a_pipe_is_read_until_it_is_closed() -> None:
    read_end, write_end = os.pipe()

    async def write(client: LambdaClient) -> None:
        call = asyncio.create_task(client.invoke("f", file))
        for piece in (b"[1,", b"2]"):
            os.write(write_end, piece)
            await asyncio.sleep(0.01)
        os.close(write_end)
        await call

    with os.fdopen(read_end, "rb", buffering=0) as file:
        assert await bodies_of(write) == [b"[1,2]"]


async def test_file_is_read_in_a_thread_of_the_package() -> None:
    asyncio.get_running_loop().set_default_executor(busy := concurrent.futures.ThreadPoolExecutor(1))
    go_on = threading.Event()
    busy.submit(go_on.wait)
    odd = Odd(b"[1]")
    try:
        assert await asyncio.wait_for(bodies_of(lambda client: client.invoke("f", odd.opened())), 10) == [b"[1]"]
    finally:
        go_on.set()
    assert {name.split(" ")[0] for name in odd.threads} == {"aiolambda"}


async def test_retry_does_not_read_the_file_again() -> None:
    odd = Odd(b"[1]")
    bodies = await bodies_of(lambda client: client.invoke("f", odd.opened(), timeout=30), throttles=3)
    assert bodies == [b"[1]"] * 4
    assert odd.asked == [LIMIT + 1, LIMIT + 1 - 3]


async def qualified(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
    call.input = attrs.evolve(call.input, qualifier="live")
    return await call_next(call)


@pytest.mark.parametrize("is_changed", [False, True])
async def test_command_with_a_read_file_can_be_resent(is_changed: bool) -> None:
    odd = Odd(b"[1]")
    command = InvokeCommand(function_name="f", payload=odd.opened())
    transport = Throttling()
    async with client_of(transport) as client:
        if is_changed:  # by a middleware, which leaves the payload
            client.middleware_stack.add(qualified)
        for _ in range(2):
            assert (await client.send(command)).payload == b"[1]"
    assert [call.payload for call in transport.calls] == [b"[1]", b"[1]"]


@pytest.mark.parametrize("journal", [None, "run.db"])
async def test_throttled_map_item_reads_its_file_once(journal: str | None, tmp_path: Path) -> None:
    async def send(client: LambdaClient) -> None:
        path = None if journal is None else tmp_path / journal
        items = client.map("f", ["a"], payload=lambda _: Odd(b"[1]").opened(), key=str, journal=path, concurrency=1)
        async with items as run:
            assert [result.value() async for result in run] == [[1]]

    assert await bodies_of(send, throttles=2) == [b"[1]"] * 3


async def test_journal_without_key_refuses_a_file(tmp_path: Path) -> None:
    async def send(client: LambdaClient) -> None:
        async with client.map("f", [io.BytesIO(b"[1]")], journal=tmp_path / "run.db") as run:
            (result,) = [result async for result in run]
        assert isinstance(result.error, InvalidInputError)
        assert "key= in a map with a journal" in str(result.error)

    assert await bodies_of(send) == []


async def test_a_middleware_may_set_a_file_as_payload() -> None:
    async def fill(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        call.input = attrs.evolve(call.input, payload=io.BytesIO(b"[1]"))
        return await call_next(call)

    async def send(client: LambdaClient) -> None:
        client.middleware_stack.add(fill, step="serialize", priority="high")
        command = InvokeCommand(function_name="f", payload=b"")
        await client.send(command)
        assert command.input.payload == b""

    assert await bodies_of(send) == [b"[1]"]


@pytest.mark.parametrize("text", [io.StringIO("SECRET"), Odd("SECRET").opened(), Odd("").opened()])
async def test_text_mode_file_is_refused(text: Any) -> None:
    assert "payload is a file that is open in text mode; open it in binary mode ('rb')" in str(await refusal(text))
    if isinstance(text, io.StringIO):
        assert text.tell() == 0


async def test_closed_or_write_only_file_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "order").open("wb") as file:
        assert "payload is a file that is not open for reading" in str(await refusal(file))
    assert "payload is a file that is closed" in str(await refusal(file))
    closed_later = io.BytesIO()
    closed_later.close()
    assert "payload is a file that is closed" in str(await refusal(closed_later))


async def test_file_at_its_end_is_refused(tmp_path: Path) -> None:
    file = io.BytesIO(b"SECRET")
    file.read()
    assert "is at its end, and has nothing left to read; seek(0)" in str(await refusal(file))
    assert await bodies_of(lambda client: client.invoke("f", io.BytesIO())) == [b""]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (OSError(5, "Input/output error", "SECRET"), "cannot be read: Input/output error"),
        (ValueError("SECRET"), "cannot be read: ValueError"),
        (StopIteration("SECRET"), "cannot be read: StopIteration"),
        (None, "returned NoneType instead of bytes when it was read"),
        (7, "returned int instead of bytes when it was read"),
    ],
)
async def test_file_read_error_is_a_refusal(content: Any, says: str) -> None:
    assert f"payload is a file that {says}" in str(await refusal(Odd(content).opened()))


async def test_async_file_is_refused() -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(b"SECRET")
    assert "is asynchronous; await its read(), and pass the bytes" in str(await refusal(reader))


async def test_file_is_read_only_up_to_the_limit(tmp_path: Path) -> None:
    with (tmp_path / "huge").open("w+b") as file:
        file.truncate(1 << 40)
        for kind, limit in (("RequestResponse", LIMIT), ("Event", LIMIT // 2)):
            file.seek(0)
            error = await refusal(file, invocation_type=kind)
            assert isinstance(error, InvalidPayloadSizeError)
            assert (error.size, error.limit) == (None, limit)
            assert f"payload is a file with more than {limit:,} bytes, which is the limit" in str(error)
            assert file.tell() <= limit + 1
    assert await bodies_of(lambda client: client.invoke("f", io.BytesIO(b"1" * LIMIT))) == [b"1" * LIMIT]


async def test_file_returning_too_much_is_too_large() -> None:
    assert isinstance(await refusal(Odd(b"x" * (LIMIT + 1)).opened()), InvalidPayloadSizeError)


async def test_timeout_holds_while_a_pipe_is_silent() -> None:
    read_end, write_end = os.pipe()
    transport = Throttling()
    with os.fdopen(read_end, "rb", buffering=0) as file:
        async with client_of(transport) as client:
            with pytest.raises(InvocationTimeoutError) as raised:
                await client.invoke("f", file, timeout=0.05)
            assert not raised.value.may_have_run
        os.close(write_end)
    assert transport.calls == []


@attrs.frozen
class Permission:
    read: bool

    def write(self) -> bool:
        return not self.read


@attrs.frozen
class Document:
    id: int

    def read(self, size: int) -> bytes:
        raise AssertionError("this is a value, and no file")


async def test_value_with_a_read_attribute_is_encoded() -> None:
    assert await bodies_of(lambda client: client.invoke("f", Permission(read=True))) == [b'{"read":true}']
    assert await bodies_of(lambda client: client.invoke("f", Document(7))) == [b'{"id":7}']


async def test_concurrent_send_of_one_file_is_refused() -> None:
    """Two readers of a pipe would each send a part."""
    reader, writer = os.pipe()
    transport = Throttling()
    with open(reader, "rb") as file:  # noqa: PTH123 - a descriptor, and no path
        command = InvokeCommand(function_name="f", payload=file)
        async with client_of(transport) as client:
            first = asyncio.create_task(client.send(command))
            while not command._has_begun_reading:
                await asyncio.sleep(0)
            with pytest.raises(InvalidInputError, match="another send of this command"):
                await client.send(command)
            with open(writer, "wb") as end:  # noqa: PTH123 - as above
                end.write(b'{"whole": 1}')
            assert (await first).json() == {"whole": 1}
            assert (await client.send(command)).json() == {"whole": 1}
    assert [call.payload for call in transport.calls] == [b'{"whole": 1}'] * 2


async def test_interrupted_file_read_is_not_resumed() -> None:
    reader, writer = os.pipe()
    transport = Throttling()
    with open(reader, "rb") as file, open(writer, "wb") as end:  # noqa: PTH123 - descriptors, and no paths
        command = InvokeCommand(function_name="f", payload=file)
        async with client_of(transport) as client:
            with pytest.raises(InvocationTimeoutError):
                await client.send(command, timeout=0.05)
            with pytest.raises(InvalidInputError, match="another send of this command"):
                await client.send(command)
        end.close()
    assert transport.calls == []


async def test_failed_thread_start_refuses_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    # a thread of an earlier test may still run in the shared instance, and would read the file
    monkeypatch.setattr(payload_file, "_THREADS", Threads("payload files", most=1))
    async with client_of(Throttling()) as client:
        monkeypatch.setattr(threading.Thread, "start", fails)
        with pytest.raises(InvalidInputError, match="cannot be read: no thread can be started"):
            await client.send(InvokeCommand(function_name="f", payload=io.BytesIO(b"{}")))
