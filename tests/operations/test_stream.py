"""Reading a streamed response."""

import asyncio
import base64

import pytest

from aiolambda import (
    ConfigurationError,
    Delivery,
    InvalidInputError,
    InvokeWithResponseStreamCommand,
    InvokeWithResponseStreamCommandInput,
    LambdaClient,
)
from aiolambda.operations import stream_events
from aiolambda.testing import FakeTransport

from ..support.servers import Connection
from ..support.streaming import (
    COMMAND,
    HEAD,
    LAST,
    chunk,
    chunked,
    complete,
    read,
    streamed,
    streaming,
    writes,
)


async def test_a_stream_has_head_chunks_and_log() -> None:
    report = "REPORT RequestId: a\tDuration: 1 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 99 MB"
    log = base64.b64encode(f"START\n{report}".encode()).decode()
    script = writes(HEAD, chunk(b"one"), chunk("zwei é".encode()), complete(log_result=log), LAST)
    async with streaming(script) as (server, client):
        async with client.stream("writer", {"topic": "tea"}, qualifier="live", log_type="Tail", tenant_id="blue") as stream:
            assert (stream.status_code, stream.executed_version, stream.content_type) == (200, "7", "text/plain")
            assert (stream.metadata.request_id, stream.completed, stream.log_tail, stream.report) == (
                "the-id",
                False,
                None,
                None,
            )
            assert await read(stream) == [b"one", "zwei é".encode()]
            assert stream.completed
            assert stream.log_tail is not None
            assert stream.log_tail.startswith("START\n")
            assert stream.report is not None
            assert (stream.report.billed_duration_ms, stream.report.max_memory_used_mb) == (2, 99)
            assert await read(stream) == []
    ((head, body),) = server.requests
    assert head.startswith(b"POST /2021-11-15/functions/writer/response-streaming-invocations?Qualifier=live HTTP/1.1\r\n")
    assert b"\r\nx-amz-log-type: Tail\r\n" in head
    assert b"\r\nx-amz-tenant-id: blue\r\n" in head
    assert body == b'{"topic":"tea"}'


async def test_chunk_is_read_before_the_rest_is_sent() -> None:
    read_first = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(HEAD + chunk(b"first"))
        await read_first.wait()
        await connection.write(chunk(b"second") + complete() + LAST)

    async with streaming(script) as (_, client), client.stream("writer") as stream:
        chunks = aiter(stream)
        assert await anext(chunks) == b"first"
        read_first.set()
        assert [chunk async for chunk in chunks] == [b"second"]


@pytest.mark.parametrize("pieces", [1, 3, 1000])
async def test_split_frames_are_joined(pieces: int) -> None:
    body = (
        b"".join(stream_events.chunk_event(payload) for payload in (b"a" * 5000, b"", b"b")) + stream_events.completion_event()
    )
    parts = [chunked(body[at : at + pieces]) for at in range(0, len(body), pieces)]
    async with streaming(writes(HEAD, *parts, LAST)) as (_, client), client.stream("writer") as stream:
        assert await read(stream) == [b"a" * 5000, b"b"]


async def test_a_stream_read_to_its_end_returns_its_connection() -> None:
    async with streaming(writes(streamed(b"1", b"2"))) as (server, client):
        for _ in range(5):
            async with client.stream("writer") as stream:
                assert await stream.read() == b"12"
        assert (server.connections, client.stats.in_flight, client.stats.done) == (1, 0, 5)


async def test_the_loop_that_reads_a_sent_stream_closes_it() -> None:
    async with streaming(writes(streamed(b"1", b"2"))) as (server, client):
        output = await client.send(COMMAND)
        assert (output.status_code, output.executed_version) == (200, "7")
        assert output.response_stream_content_type == "application/vnd.amazon.eventstream"
        assert client.stats.in_flight == 1
        assert await read(output.event_stream) == [b"1", b"2"]
        assert (output.event_stream.completed, client.stats.in_flight, server.connections) == (True, 0, 1)


async def test_stream_must_be_opened_by_its_block() -> None:
    async with streaming(writes(streamed(b"1"))) as (server, client):
        stream = client.stream("writer")
        for use in (stream.read(), read(stream)):
            with pytest.raises(ConfigurationError, match="async with client.stream"):
                await use
        with pytest.raises(ConfigurationError):
            _ = stream.status_code
        await stream.aclose()
        assert server.requests == []
        assert "not open" in repr(stream)


def test_invalid_json_text_is_refused_at_the_call() -> None:
    with pytest.raises(InvalidInputError, match="json.dumps"):
        LambdaClient(region="us-east-1").stream("writer", "tea")


async def test_dry_run_stream_is_empty() -> None:
    async with streaming(writes(b"HTTP/1.1 204 No Content\r\n\r\n")) as (server, client):
        command = InvokeWithResponseStreamCommand(function_name="writer", invocation_type="DryRun")
        output = await client.send(command)
        assert (output.status_code, await output.event_stream.read(), output.event_stream.completed) == (204, b"", True)
        assert output.metadata.history[0].delivery is Delivery.NOT_DELIVERED
        assert (client.stats.in_flight, b"x-amz-invocation-type: DryRun" in server.requests[0][0]) == (0, True)


@pytest.mark.parametrize("type_", ["Event", "Nothing"])
async def test_unstreamable_invocation_type_is_refused(type_: str) -> None:
    async with LambdaClient(transport=FakeTransport({})) as client:
        with pytest.raises(InvalidInputError, match="RequestResponse, DryRun"):
            await client.send(InvokeWithResponseStreamCommand(function_name="writer", invocation_type=type_))  # type: ignore[call-overload]


def test_stream_command_accepts_api_member_names() -> None:
    command = InvokeWithResponseStreamCommand.from_api({"FunctionName": "f", "Payload": b"{}", "LogType": "Tail"})
    assert command.input == InvokeWithResponseStreamCommandInput(function_name="f", payload=b"{}", log_type="Tail")
    with pytest.raises(InvalidInputError, match="no member 'DurableExecutionName'"):
        InvokeWithResponseStreamCommand.from_api({"FunctionName": "f", "DurableExecutionName": "x"})
    with pytest.raises(TypeError):
        InvokeWithResponseStreamCommand(command.input, function_name="f")  # type: ignore[call-overload]
    assert "{}" not in repr(command)
