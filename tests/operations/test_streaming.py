"""Streams: chunks as they come, an end that is proven, and nothing left behind however one is left."""

import asyncio
import base64
import contextlib
import gc
import json
import pickle
import ssl
import time
import tracemalloc
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import pytest
import trustme

from aiolambda import (
    AiolambdaError,
    Call,
    CallNext,
    ClientClosedError,
    ConfigurationError,
    ConnectionLostError,
    Delivery,
    FunctionError,
    HttpPrelude,
    InvalidInputError,
    InvocationTimeoutError,
    InvokeWithResponseStreamCommand,
    InvokeWithResponseStreamCommandInput,
    LambdaClient,
    PayloadTooLargeError,
    QueueTimeoutError,
    ResourceNotFoundException,
    ResponseLimits,
    ResponseStream,
    SseEvent,
    StandardRetry,
    StreamError,
    Timeouts,
    TransportError,
)
from aiolambda.operations import stream_events
from aiolambda.protocol import eventstream
from aiolambda.testing import FakeTransport
from aiolambda.types.http import Response

from ..support import virtual
from ..support.servers import Connection, Script, answer
from ..support.streaming import (
    HEAD,
    LAST,
    chunk,
    chunked,
    complete,
    ends,
    event,
    resets,
    settled,
    stalls,
    streamed,
    streaming,
    tasks_of_others,
    writes,
    writes_late,
)

COMMAND = InvokeWithResponseStreamCommand(function_name="writer", payload=b"{}")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context


async def read(stream: ResponseStream) -> list[bytes]:
    return [chunk async for chunk in stream]


# --- what a reader sees ----------------------------------------------------------------------------------------------


async def test_a_stream_has_the_head_of_the_answer_the_chunks_and_the_log() -> None:
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


async def test_a_chunk_is_there_before_the_rest_has_been_sent() -> None:
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
async def test_frames_that_come_in_pieces_come_out_whole(pieces: int) -> None:
    body = (
        b"".join(stream_events.chunk_event(payload) for payload in (b"a" * 5000, b"", b"b")) + stream_events.completion_event()
    )
    parts = [chunked(body[at : at + pieces]) for at in range(0, len(body), pieces)]
    async with streaming(writes(HEAD, *parts, LAST)) as (_, client), client.stream("writer") as stream:
        assert await read(stream) == [b"a" * 5000, b"b"]


async def test_a_stream_that_was_read_to_its_end_gives_its_connection_back() -> None:
    async with streaming(writes(streamed(b"1", b"2"))) as (server, client):
        for _ in range(5):
            async with client.stream("writer") as stream:
                assert await stream.read() == b"12"
        assert (server.connections, client.stats.in_flight, client.stats.executed) == (1, 0, 5)


async def test_send_gives_an_open_stream_which_the_loop_that_reads_it_closes() -> None:
    async with streaming(writes(streamed(b"1", b"2"))) as (server, client):
        output = await client.send(COMMAND)
        assert (output.status_code, output.executed_version) == (200, "7")
        assert output.response_stream_content_type == "application/vnd.amazon.eventstream"
        assert client.stats.in_flight == 1
        assert await read(output.event_stream) == [b"1", b"2"]
        assert (output.event_stream.completed, client.stats.in_flight, server.connections) == (True, 0, 1)


async def test_a_stream_is_opened_by_its_block_only() -> None:
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


def test_text_that_is_no_json_is_refused_where_the_call_stands() -> None:
    with pytest.raises(InvalidInputError, match="json.dumps"):
        LambdaClient(region="us-east-1").stream("writer", "tea")


async def test_a_dry_run_of_a_stream_is_an_empty_one() -> None:
    async with streaming(writes(b"HTTP/1.1 204 No Content\r\n\r\n")) as (server, client):
        command = InvokeWithResponseStreamCommand(function_name="writer", invocation_type="DryRun")
        output = await client.send(command)
        assert (output.status_code, await output.event_stream.read(), output.event_stream.completed) == (204, b"", True)
        assert output.metadata.history[0].delivery is Delivery.NOT_DELIVERED
        assert (client.stats.in_flight, b"x-amz-invocation-type: DryRun" in server.requests[0][0]) == (0, True)


@pytest.mark.parametrize("type_", ["Event", "Nothing"])
async def test_a_type_that_cannot_be_streamed_is_refused(type_: str) -> None:
    async with LambdaClient(transport=FakeTransport({})) as client:
        with pytest.raises(InvalidInputError, match="RequestResponse, DryRun"):
            await client.send(InvokeWithResponseStreamCommand(function_name="writer", invocation_type=type_))  # type: ignore[call-overload]


def test_the_command_takes_the_member_names_of_the_api() -> None:
    command = InvokeWithResponseStreamCommand.from_api({"FunctionName": "f", "Payload": b"{}", "LogType": "Tail"})
    assert command.input == InvokeWithResponseStreamCommandInput(function_name="f", payload=b"{}", log_type="Tail")
    with pytest.raises(InvalidInputError, match="no member 'DurableExecutionName'"):
        InvokeWithResponseStreamCommand.from_api({"FunctionName": "f", "DurableExecutionName": "x"})
    with pytest.raises(TypeError):
        InvokeWithResponseStreamCommand(command.input, function_name="f")  # type: ignore[call-overload]
    assert "{}" not in repr(command)


# --- the texts in it -------------------------------------------------------------------------------------------------


def writer(*pieces: bytes) -> LambdaClient:
    """A client whose function writes these pieces."""

    async def write(event: object) -> AsyncGenerator[bytes]:
        for piece in pieces:
            yield piece

    return LambdaClient(transport=FakeTransport({"writer": write}))


async def test_a_character_that_two_chunks_share_stays_whole() -> None:
    text = "añ𝄞z"
    async with writer(*(bytes([byte]) for byte in text.encode())) as client, client.stream("writer") as stream:
        assert [part async for part in stream.iter_text()] == list(text)


@pytest.mark.parametrize("data", [[b"ok\xff"], [b"ok", b"\xc3"]], ids=["wrong", "cut"])
@pytest.mark.parametrize("way", ["iter_text", "iter_lines"])
async def test_what_is_no_utf8_is_an_error(data: list[bytes], way: str) -> None:
    async with writer(*data) as client, client.stream("writer") as stream:
        with pytest.raises(UnicodeDecodeError):
            async for _ in getattr(stream, way)():
                pass
        assert client.stats.in_flight == 1 - stream.completed


@pytest.mark.parametrize("size", [1, 2, 5, 100])
async def test_lines_come_without_their_ends_wherever_they_are_cut(size: int) -> None:
    data = "first\nsecond\r\n\r\nthird\rfourth\r\nné".encode()
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    async with writer(*pieces) as client, client.stream("writer") as stream:
        assert [line async for line in stream.iter_lines()] == ["first", "second", "", "third", "fourth", "né"]


async def test_a_line_is_there_as_soon_as_it_has_ended() -> None:
    go_on = asyncio.Event()

    async def write(event: object) -> AsyncGenerator[bytes]:
        yield b"one\ntw"
        await go_on.wait()
        yield b"o\n"

    async with LambdaClient(transport=FakeTransport({"writer": write})) as client, client.stream("writer") as stream:
        lines = stream.iter_lines()
        assert await anext(lines) == "one"
        go_on.set()
        assert [line async for line in lines] == ["two"]


async def test_json_lines_are_values_and_an_empty_line_is_none() -> None:
    async with writer(b'{"a":1}\n\n[2', b"]\r\n", b'"x"') as client, client.stream("writer") as stream:
        assert [value async for value in stream.iter_json_lines()] == [{"a": 1}, [2], "x"]
    async with writer(b"{}\nno\n") as client, client.stream("writer") as stream:
        with pytest.raises(ValueError, match="Expecting value"):
            _ = [value async for value in stream.iter_json_lines()]


async def test_server_sent_events_are_read_as_the_standard_says() -> None:
    first = "\ufeff: a comment\nevent: note\nid: 7\ndata: one\ndata:two\n\n"
    data = f"{first}data\n\nretry: 5\n\nid\nevent:\ndata:  x\r\n\r\ndata: lost"
    pieces = [data.encode()[at : at + 3] for at in range(0, len(data.encode()), 3)]
    async with writer(*pieces) as client, client.stream("writer") as stream:
        assert [event async for event in stream.iter_sse()] == [
            SseEvent(event="note", data="one\ntwo", id="7"),
            SseEvent(data="", id="7"),
            SseEvent(data=" x"),
        ]


def http(head: bytes) -> bytes:
    return HEAD.replace(b"text/plain", b"application/vnd.awslambda.http-integration-response") + chunk(head)


async def test_the_head_of_an_http_answer_is_there_when_the_block_begins_and_no_part_of_the_body() -> None:
    prelude = json.dumps({"statusCode": 201, "headers": {"x-a": "1"}, "cookies": ["a=b"]}).encode()
    go_on = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(http(prelude[:9]) + chunk(prelude[9:] + b"\0\0\0"))
        await connection.write(chunk(b"\0" * 5))
        await go_on.wait()
        await connection.write(chunk(b"body\0") + complete() + LAST)

    async with streaming(script) as (_, client), client.stream("writer") as stream:
        assert stream.http == HttpPrelude(status_code=201, headers={"x-a": "1"}, cookies=["a=b"])
        go_on.set()
        assert await read(stream) == [b"body\0"]


async def test_without_a_block_the_head_is_there_with_the_first_chunk() -> None:
    async with streaming(writes(http(b"{}" + b"\0" * 8 + b"body"), complete(), LAST)) as (_, client):
        stream = (await client.send(COMMAND)).event_stream
        assert stream.http is None
        assert await read(stream) == [b"body"]
        assert stream.http == HttpPrelude()


async def test_a_head_in_a_thousand_pieces_is_read_in_no_time() -> None:
    head = b'{"headers":{"a":"' + b"x" * 200_000 + b'"}}' + b"\0" * 8
    pieces = b"".join(stream_events.chunk_event(head[at : at + 10]) for at in range(0, len(head), 10))
    script = writes(http(b""), chunked(pieces), complete(), LAST)
    async with streaming(script) as (_, client), client.stream("writer") as stream:
        assert stream.http is not None
        assert len(stream.http.headers["a"]) == 200_000


async def test_thousands_of_small_events_let_others_have_their_turn() -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    frames = chunked(stream_events.chunk_event(b"12") * 20_000)
    async with streaming(writes(HEAD + frames + complete() + LAST)) as (_, client), client.stream("writer") as stream:
        await asyncio.sleep(0.1)  # all of it has come
        task = asyncio.create_task(others())
        assert len(await stream.read()) == 40_000
        task.cancel()
    assert turns >= 30  # 2 MB of frames, 64 KiB a turn


@pytest.mark.parametrize(
    "head",
    [
        b"{}",
        b"[]" + b"\0" * 8,
        b"\0" * 8,
        b'{"headers":[1]}' + b"\0" * 8,
        b'{"statusCode":"no"}' + b"\0" * 8,
        b'{"statusCode":1e999}' + b"\0" * 8,
        b'{"cookies":"a"}' + b"\0" * 8,
    ],
)
async def test_a_head_that_cannot_be_read_is_an_error(head: bytes) -> None:
    async with streaming(writes(http(head), complete(), LAST)) as (_, client):
        with pytest.raises(StreamError, match="head"):
            async with client.stream("writer") as stream:
                pytest.fail(repr(stream))
        assert client.stats.in_flight == 0


async def test_read_stops_at_its_limit() -> None:
    async with streaming(writes(streamed(b"12345", b"67890"))) as (_, client):
        async with client.stream("writer") as stream:
            assert await stream.read(limit=10) == b"1234567890"
        async with client.stream("writer") as stream:
            with pytest.raises(PayloadTooLargeError, match="more than 9 bytes") as raised:
                await stream.read(limit=9)
        assert (raised.value.limit, raised.value.function_name, raised.value.delivery) == (9, "writer", Delivery.EXECUTED)
        async with client.stream("writer") as stream:
            assert await stream.read(limit=None) == b"1234567890"


# --- its ends --------------------------------------------------------------------------------------------------------

EXCEPTION = event({":message-type": "exception", ":exception-type": "Throttled"}, b'{"message":"too much"}')
ERROR = event({":message-type": "error", ":error-code": "InternalFailure", ":error-message": "it broke"})
DAMAGED = bytearray(stream_events.chunk_event(b"2"))
DAMAGED[-1] ^= 1

BAD_ENDS: dict[str, tuple[list[bytes], Script | None, str]] = {
    "no completion": ([LAST], None, "ended without InvokeComplete"),
    "in a frame": ([chunked(stream_events.chunk_event(b"2")[:20]), LAST], None, "ended in the middle of an event"),
    "fin": ([], ends, "connection to .* ended in the middle of the answer"),
    "reset": ([], resets, "connection to .* ended in the middle of the answer"),
    "fin behind the completion": ([complete()], ends, "ended in the middle of the answer"),
    "bad chunk": ([], writes_late(b"zz\r\n"), "connection to .* ended in the middle of the answer"),
    "damaged": ([chunked(bytes(DAMAGED))], stalls, "the stream is damaged: the checksum of a message is wrong"),
    "more behind": ([complete(), chunk(b"2"), LAST], None, "bytes came after InvokeComplete"),
    "more in the same piece": (
        [chunked(stream_events.completion_event() + b"12345"), LAST],
        None,
        "5 bytes came after InvokeComplete",
    ),
    "exception": ([EXCEPTION], stalls, "Lambda ended the stream with Throttled: too much"),
    "error": ([ERROR], stalls, "Lambda ended the stream with InternalFailure: it broke"),
    "nameless error": ([event({":message-type": "error"})], stalls, "Lambda ended the stream with an error"),
    "no type": ([event({})], stalls, "neither event, exception nor error"),
    "completion is no json": ([event(dict(stream_events._COMPLETION_HEADERS), b"{")], stalls, "InvokeComplete cannot be read"),
    "completion of another shape": (
        [event(dict(stream_events._COMPLETION_HEADERS), b"[]")],
        stalls,
        "InvokeComplete cannot be read",
    ),
    "members of another type": (
        [event(dict(stream_events._COMPLETION_HEADERS), b'{"ErrorCode":{"a":1}}')],
        stalls,
        "InvokeComplete cannot be read",
    ),
}


@pytest.mark.parametrize("end", BAD_ENDS)
async def test_every_other_end_is_an_error_with_a_text_of_its_own(end: str) -> None:
    pieces, then, text = BAD_ENDS[end]
    async with streaming(writes(HEAD, chunk(b"one"), *pieces, then=then)) as (server, client):
        chunks = []
        with pytest.raises(StreamError, match=text) as raised:
            async with client.stream("writer") as stream:
                async for chunk_ in stream:
                    chunks.append(chunk_)  # noqa: PERF401 - what came before the error is looked at
        error = raised.value
        assert chunks == [b"one"]
        assert (error.received_bytes, error.received_chunks, stream.completed) == (3, 1, False)
        assert (error.function_name, error.request_id, error.delivery) == ("writer", "the-id", Delivery.EXECUTED)
        assert "function 'writer', request id the-id, 3 bytes in 1 chunks had come" in str(error)
        assert b"one" not in str(error).encode()
        assert pickle.loads(pickle.dumps(error)).received_bytes == 3
        with pytest.raises(StreamError):
            await anext(aiter(stream))
        await settled(client, server, open_connections=server.connections - server.closed if then is None else 0)
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("content_type", "says"),
    [
        ("text/html", r"HTTP 200 with a page \(text/html\); a proxy on the way may have sent it"),
        ("application/json; charset=utf-8", "HTTP 200 with 'application/json' in place of an event stream"),
    ],
)
async def test_an_answer_that_is_no_stream_is_not_lambdas(content_type: str, says: str) -> None:
    for body in (b"<html>" * 10, b"{}", b""):
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        async with streaming(writes(head + body)) as (server, client):
            with pytest.raises(ConnectionLostError, match=says) as raised:
                async with client.stream("writer"):
                    pass
            assert raised.value.delivery is Delivery.UNKNOWN
            assert [(attempt.delivery, attempt.status_code) for attempt in raised.value.history] == [(Delivery.UNKNOWN, 200)]
            await settled(client, server, open_connections=server.connections - server.closed)
            assert len(server.requests) == 1


async def test_a_middlewares_answer_that_is_no_stream_says_what_it_is() -> None:
    async def answers(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        call.response = Response(200, {"content-type": "text/plain"}, b"no frames at all")

    async with LambdaClient(transport=FakeTransport({})) as client:
        client.middleware_stack.add_relative_to(answers, relation="after", to_middleware="deserializerMiddleware")
        async with client.stream("writer") as stream:
            with pytest.raises(StreamError, match="no event stream, but text/plain"):
                await stream.read()


@pytest.mark.parametrize(
    ("members", "kind", "error_type", "message"),
    [
        (
            {"error_code": "Unhandled", "error_details": '{"errorType":"E","errorMessage":"m","stackTrace":["a\\n"]}'},
            "Unhandled",
            "E",
            "m",
        ),
        ({"error_code": "Handled", "error_details": '{"errorType":"E","errorMessage":"m"}'}, "Handled", "E", "m"),
        (
            {"error_code": "Sandbox.Timedout", "error_details": "Task timed out"},
            "Unhandled",
            "Sandbox.Timedout",
            "Task timed out",
        ),
        ({"error_code": "Runtime.ExitError", "error_details": '{"errorMessage":"m"}'}, "Unhandled", "Runtime.ExitError", "m"),
        ({"error_code": "Unhandled"}, "Unhandled", None, None),
        ({"error_details": "only details"}, "Unhandled", None, "only details"),
        ({"error_details": "[1]"}, "Unhandled", None, "[1]"),
    ],
)
async def test_a_function_that_failed_on_the_way_is_a_function_error_behind_all_that_it_wrote(
    members: dict[str, str], kind: str, error_type: str | None, message: str | None
) -> None:
    async with streaming(writes(HEAD, chunk(b"one"), complete(**members, log_result="bG9n"), LAST)) as (server, client):
        async with client.stream("writer") as stream:
            chunks = aiter(stream)
            assert await anext(chunks) == b"one"
            with pytest.raises(FunctionError) as raised:
                await anext(chunks)
            assert (stream.completed, stream.log_tail) == (False, "log")
        error = raised.value
        assert (error.kind, error.error_type, error.error_message, error.output) == (kind, error_type, message, None)
        assert (error.function_name, error.request_id, error.delivery) == ("writer", "the-id", Delivery.EXECUTED)
        async with client.stream("writer") as stream:
            with pytest.raises(FunctionError):
                await stream.read()
        assert (server.connections, client.stats.in_flight) == (1, 0)  # the answer was read to its end


async def test_an_event_of_a_later_version_is_passed_over() -> None:
    later = event({":message-type": "event", ":event-type": "Progress"}, b"{}")
    async with streaming(writes(HEAD, later, chunk(b"1"), later, complete(), LAST)) as (_, client):
        async with client.stream("writer") as stream:
            assert await read(stream) == [b"1"]


async def test_a_complete_answer_is_one_although_the_connection_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiolambda.operations.stream_reader._FAREWELL", 0.05)
    async with streaming(writes(HEAD, chunk(b"1"), complete(), then=stalls)) as (server, client):
        async with client.stream("writer") as stream:
            assert await read(stream) == [b"1"]
            assert stream.completed
        await settled(client, server)


async def end_of_a_stream(client: LambdaClient) -> str:
    try:
        async with client.stream("writer") as stream:
            data = await stream.read()
    except AiolambdaError as error:
        return f"{type(error).__name__}, {error.delivery}"
    return f"{data!r}, {'completed' if stream.completed else 'not completed'}"


@pytest.mark.parametrize("over_tls", [False, True], ids=["tcp", "tls"])
async def test_an_answer_that_is_cut_anywhere_never_ends_well(
    over_tls: bool, authority: trustme.CA, server_tls: ssl.SSLContext
) -> None:
    whole = streamed(b"one", b"two", b"three")
    outcomes: dict[str, int] = {}

    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(whole[: connection.number])
        connection.writer.close()

    with authority.cert_pem.tempfile() as bundle:
        tls = server_tls if over_tls else None
        async with streaming(script, tls=tls, ca_bundle=bundle if over_tls else None) as (server, client):
            for cut in range(1, len(whole) + 1):
                outcome = await end_of_a_stream(client)
                assert server.connections == cut
                outcomes[outcome] = outcomes.get(outcome, 0) + 1
            await settled(client, server)
    assert outcomes == {
        "ConnectionLostError, unknown": len(HEAD) - 1,
        "StreamError, executed": len(whole) - len(HEAD),
        "b'onetwothree', completed": 1,
    }


@pytest.mark.parametrize("framing", ["length", "close"])
@pytest.mark.parametrize("over_tls", [False, True], ids=["tcp", "tls"])
async def test_an_answer_of_another_framing_that_is_cut_never_ends_well(
    framing: str, over_tls: bool, authority: trustme.CA, server_tls: ssl.SSLContext
) -> None:
    """One that ends with its connection is none at all, whole or cut."""
    body = b"".join(map(stream_events.chunk_event, (b"one", b"two"))) + stream_events.completion_event()
    length = f"Content-Length: {len(body)}\r\n" if framing == "length" else "Connection: close\r\n"
    whole = f"HTTP/1.1 200 OK\r\nContent-Type: {stream_events.CONTENT_TYPE}\r\n{length}\r\n".encode() + body
    cuts = iter(range(len(whole) - len(body), len(whole) + 1))

    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(whole[: next(cuts)])
        connection.writer.close()

    with authority.cert_pem.tempfile() as bundle:
        tls = server_tls if over_tls else None
        async with streaming(script, tls=tls, ca_bundle=bundle if over_tls else None) as (_, client):
            outcomes = [await end_of_a_stream(client) for _ in range(len(body) + 1)]
    if framing == "length":
        assert outcomes == ["StreamError, executed"] * len(body) + ["b'onetwo', completed"]
    else:
        assert set(outcomes) == {"ConnectionLostError, unknown"}


@pytest.mark.parametrize("status", ["202 Accepted", "203 Non-Authoritative", "206 Partial Content"])
async def test_a_stream_with_another_good_status_is_not_lambdas(status: str) -> None:
    head = HEAD.replace(b"200 OK", status.encode())
    async with streaming(writes(head + chunk(b"1") + complete() + LAST)) as (server, client):
        with pytest.raises(ConnectionLostError, match=f"HTTP {status[:3]}, and Lambda answers with 200"):
            async with client.stream("writer"):
                pass
        await settled(client, server)


async def test_an_answer_without_a_body_is_not_lambdas() -> None:
    async with streaming(writes(b"HTTP/1.1 204 No Content\r\n\r\n")) as (_, client):
        with pytest.raises(ConnectionLostError, match="HTTP 204, and Lambda answers with 200"):
            async with client.stream("writer"):
                pass


async def test_a_middleware_that_answers_with_a_whole_body_has_it_read_as_a_stream() -> None:
    async def answers(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        body = stream_events.chunk_event(b"1") + (stream_events.completion_event() if "whole" in call.function_name else b"")
        call.response = Response(200, {"content-type": stream_events.CONTENT_TYPE}, body)

    async with LambdaClient(transport=FakeTransport({})) as client:
        client.middleware_stack.add_relative_to(answers, relation="after", to_middleware="deserializerMiddleware")
        async with client.stream("whole") as stream:
            assert await stream.read() == b"1"
        async with client.stream("cut") as stream:
            with pytest.raises(StreamError, match="without InvokeComplete"):
                await stream.read()


@pytest.mark.parametrize("then", [ends, stalls, resets])
async def test_a_function_that_failed_is_what_is_told_however_the_connection_ends(
    then: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aiolambda.operations.stream_reader._FAREWELL", 0.05)
    failed = complete(error_code="Unhandled", error_details='{"errorType":"E","errorMessage":"m"}')
    async with streaming(writes(HEAD, chunk(b"1"), failed, then=then)) as (server, client):
        with pytest.raises(FunctionError, match="E: m"):
            async with client.stream("writer") as stream:
                await stream.read()
        await settled(client, server)


# --- leaving it ------------------------------------------------------------------------------------------------------

ENDLESS = writes(HEAD, chunk(b"1"), chunk(b"2"), then=stalls)


async def leaves_the_block(client: LambdaClient) -> None:
    async with client.stream("writer") as stream:
        async for _ in stream:
            break


async def raises_in_the_block(client: LambdaClient) -> None:
    with contextlib.suppress(KeyError):
        async with client.stream("writer") as stream:
            await anext(aiter(stream))
            raise KeyError


async def enters_and_leaves(client: LambdaClient) -> None:
    async with client.stream("writer"):
        pass


async def breaks_without_a_block(client: LambdaClient) -> None:
    async for _ in (await client.send(COMMAND)).event_stream:
        break


async def breaks_lines_without_a_block(client: LambdaClient) -> None:
    async for _ in (await client.send(COMMAND)).event_stream.iter_text():
        break


async def closes(client: LambdaClient) -> None:
    await (await client.send(COMMAND)).event_stream.aclose()


async def is_cancelled_in_a_read(client: LambdaClient) -> None:
    entered = asyncio.Event()

    async def reads() -> None:
        async with client.stream("writer") as stream:
            entered.set()
            await stream.read()

    reading = asyncio.create_task(reads())
    await entered.wait()
    await asyncio.sleep(0.01)
    reading.cancel()
    await asyncio.wait([reading])


async def is_cancelled_without_a_block(client: LambdaClient) -> None:
    output = await client.send(COMMAND)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(output.event_stream.read(), 0.05)


@pytest.mark.parametrize("over_tls", [False, True], ids=["tcp", "tls"])
@pytest.mark.parametrize(
    "leave",
    [
        leaves_the_block,
        raises_in_the_block,
        enters_and_leaves,
        breaks_without_a_block,
        breaks_lines_without_a_block,
        closes,
        is_cancelled_in_a_read,
        is_cancelled_without_a_block,
    ],
)
async def test_a_stream_that_is_left_early_ends_its_connection_and_frees_its_slot(
    leave: Callable[[LambdaClient], Awaitable[None]], over_tls: bool, authority: trustme.CA, server_tls: ssl.SSLContext
) -> None:
    with authority.cert_pem.tempfile() as bundle:
        tls = server_tls if over_tls else None
        settings = {"ca_bundle": bundle} if over_tls else {}
        async with streaming(ENDLESS, tls=tls, max_concurrency=1, **settings) as (server, client):
            for _ in range(3):
                await leave(client)
            await settled(client, server)
            assert server.connections == 3


async def test_a_read_that_is_given_up_in_a_block_loses_nothing() -> None:
    go_on = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(HEAD + chunk(b"1"))
        await go_on.wait()
        await connection.write(chunk(b"2") + complete() + LAST)

    async with streaming(script) as (_, client), client.stream("writer") as stream:
        assert await anext(aiter(stream)) == b"1"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await anext(aiter(stream))
        go_on.set()
        assert await stream.read() == b"2"


@pytest.mark.parametrize("fake", [False, True], ids=["socket", "fake"])
async def test_a_stream_that_is_closed_while_another_task_reads_it_ends_the_read(fake: bool) -> None:
    async def write(event: object) -> AsyncGenerator[bytes]:
        yield b"1"
        await asyncio.get_running_loop().create_future()

    async with contextlib.AsyncExitStack() as stack:
        if fake:
            client = await stack.enter_async_context(LambdaClient(transport=FakeTransport({"writer": write})))
        else:
            _, client = await stack.enter_async_context(streaming(ENDLESS))
        for closes_client in (False, True):
            stream = (await client.send(COMMAND)).event_stream
            reading = asyncio.create_task(stream.read())
            await asyncio.sleep(0.02)
            await (client.close(grace=0) if closes_client else stream.aclose())
            with pytest.raises((StreamError, ClientClosedError), match="closed"):
                await reading
            assert client.stats.in_flight == 0


async def test_a_read_of_a_fake_that_is_given_up_loses_nothing() -> None:
    go_on = asyncio.Event()

    async def write(event: object) -> AsyncGenerator[bytes]:
        yield b"1"
        await go_on.wait()
        yield b"2"

    async with LambdaClient(transport=FakeTransport({"writer": write})) as client, client.stream("writer") as stream:
        assert await anext(aiter(stream)) == b"1"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await anext(aiter(stream))
        go_on.set()
        assert await stream.read() == b"2"


async def test_a_second_reader_without_a_block_does_not_close_the_stream_of_the_first() -> None:
    go_on = asyncio.Event()

    async def write(event: object) -> AsyncGenerator[bytes]:
        await go_on.wait()
        yield b"1"

    async with LambdaClient(transport=FakeTransport({"writer": write})) as client:
        stream = (await client.send(COMMAND)).event_stream
        reading = asyncio.create_task(stream.read())
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="one reader at a time"):
            await stream.read()
        go_on.set()
        assert await reading == b"1"


async def test_a_stream_is_entered_once() -> None:
    async with writer(b"1") as client:
        stream = client.stream("writer")
        both = await asyncio.gather(*(stream.__aenter__() for _ in range(2)), return_exceptions=True)
        assert [type(outcome) for outcome in both] == [ResponseStream, ConfigurationError]
        await stream.aclose()
        assert client.stats.in_flight == 0


async def test_a_stream_that_was_closed_is_not_read_on() -> None:
    async with streaming(ENDLESS) as (_, client), client.stream("writer") as stream:
        assert await anext(aiter(stream)) == b"1"
        await stream.aclose()
        await stream.aclose()
        with pytest.raises(StreamError, match="closed before its end"):
            await stream.read()


async def test_a_second_reader_is_told_so_and_does_not_disturb_the_first() -> None:
    go_on = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(HEAD)
        await go_on.wait()
        await connection.write(chunk(b"1") + complete() + LAST)

    async with streaming(script) as (_, client), client.stream("writer") as stream:
        reading = asyncio.create_task(stream.read())
        await asyncio.sleep(0.01)
        with pytest.raises(RuntimeError, match="one reader at a time"):
            await stream.read()
        go_on.set()
        assert await reading == b"1"


@pytest.mark.parametrize("count", [200])
async def test_many_streams_at_once_half_of_them_left_early_leave_nothing_behind(count: int) -> None:
    tasks = tasks_of_others()
    async with streaming(writes(streamed(*[b"x" * 100] * 20)), max_concurrency=count) as (server, client):

        async def one(number: int) -> int:
            async with client.stream("writer") as stream:
                size = 0
                async for chunk_ in stream:
                    size += len(chunk_)
                    if number % 2 and size >= 500:
                        break
                return size

        sizes = await asyncio.gather(*(one(number) for number in range(count)))
        assert sizes == [500 if number % 2 else 2000 for number in range(count)]
        await settled(client, server, open_connections=server.connections - server.closed)
    gc.collect()
    assert tasks_of_others() == tasks
    assert not [found for found in gc.get_objects() if isinstance(found, ResponseStream)]


# --- its limits ------------------------------------------------------------------------------------------------------


async def test_the_read_limit_holds_until_the_head_and_not_beyond() -> None:
    async def script(connection: Connection) -> None:
        await connection.read_request()
        if connection.number == 1:
            await connection.until_client_closes()
        await connection.write(HEAD)
        await asyncio.sleep(0.2)
        await connection.write(chunk(b"1"))
        await asyncio.sleep(0.2)
        await connection.write(complete() + LAST)

    async with streaming(script) as (_, client):
        with pytest.raises(InvocationTimeoutError) as raised:
            async with client.stream("writer", timeout=Timeouts(read=0.1)):
                pass
        assert (raised.value.exceeded, raised.value.stage, raised.value.delivery) == ("read", "wait", Delivery.UNKNOWN)
        async with client.stream("writer", timeout=Timeouts(read=0.1)) as stream:
            assert await read(stream) == [b"1"]


async def test_the_idle_limit_is_the_longest_silence_between_chunks() -> None:
    async with streaming(ENDLESS) as (server, client):
        with pytest.raises(InvocationTimeoutError) as raised:
            async with client.stream("writer", timeout=Timeouts(idle=0.05)) as stream:
                await read(stream)
        error = raised.value
        assert (error.exceeded, error.stage, error.delivery) == ("idle", "receive", Delivery.EXECUTED)
        assert (error.function_name, error.attempts, error.history[0].status_code) == ("writer", 1, 200)
        await settled(client, server)


@pytest.mark.parametrize("reads", [True, False])
async def test_the_total_limit_covers_the_stream_and_waits_for_no_reader(reads: bool) -> None:
    async with streaming(ENDLESS, max_concurrency=1) as (server, client):
        async with client.stream("writer", timeout=0.1) as stream:
            if not reads:
                await settled(client, server)
            with pytest.raises(InvocationTimeoutError) as raised:
                await read(stream)
        error = raised.value
        assert (error.exceeded, error.stage, error.delivery) == ("total", "receive", Delivery.EXECUTED)
        assert (error.function_name, error.attempts) == ("writer", 1)
        await settled(client, server)


async def test_the_total_limit_of_a_stream_that_has_ended_ends_nothing() -> None:
    async with streaming(writes(streamed(b"1"))) as (_, client):
        async with client.stream("writer", timeout=0.05) as stream:
            await stream.read()
        await asyncio.sleep(0.08)
        assert stream.completed
        assert not client._lifetime._endings


async def test_limits_of_a_stream_hold_in_virtual_time() -> None:
    async def write(event: dict[str, Any]) -> AsyncGenerator[bytes]:
        for pause in event["pauses"]:
            await asyncio.sleep(pause)
            yield b"."

    async def main() -> None:
        async with LambdaClient(transport=FakeTransport({"writer": write}), timeout=Timeouts(total=1000, idle=60)) as client:
            async with client.stream("writer", {"pauses": [59, 59, 59]}) as stream:
                assert await stream.read() == b"..."
            began = asyncio.get_running_loop().time()
            with pytest.raises(InvocationTimeoutError, match="60 s") as raised:
                async with client.stream("writer", {"pauses": [61]}) as stream:
                    await stream.read()
            assert (raised.value.exceeded, asyncio.get_running_loop().time() - began) == ("idle", 60)
            with pytest.raises(InvocationTimeoutError) as raised:
                async with client.stream("writer", {"pauses": [59] * 100}) as stream:
                    await stream.read()
            assert (raised.value.exceeded, raised.value.elapsed, client.stats.in_flight) == ("total", 1000, 0)

    await asyncio.to_thread(virtual.run, main())


async def test_an_idle_limit_and_a_close_in_one_turn_of_the_loop_end_every_stream() -> None:
    async with streaming(ENDLESS) as (server, client):
        limits = Timeouts(idle=0.2)
        streams = [(await client.send(COMMAND, timeout=limits)).event_stream for _ in range(3)]
        reading = [asyncio.create_task(stream.read()) for stream in streams]
        await asyncio.sleep(0.05)
        closing = asyncio.create_task(client.close(grace=0.15))
        await asyncio.sleep(0)
        time.sleep(0.4)  # both moments pass
        await closing
        outcomes = await asyncio.gather(*reading, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} <= {InvocationTimeoutError, ClientClosedError}
        await settled(client, server)


async def test_a_stream_holds_its_slot_and_a_call_inside_its_block_is_ended_by_the_queue_limit() -> None:
    async with streaming(ENDLESS, max_concurrency=1) as (_, client):
        async with client.stream("writer") as stream:
            assert await anext(aiter(stream)) == b"1"
            with pytest.raises(QueueTimeoutError):
                await client.invoke("writer", timeout=Timeouts(queue=0.05))
        assert client.stats.in_flight == 0


# --- the client's end ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reads", [True, False])
async def test_closing_the_client_cuts_a_stream_with_an_error_of_its_own(reads: bool) -> None:
    async with streaming(ENDLESS) as (server, client):
        stream = (await client.send(COMMAND)).event_stream
        reading = asyncio.create_task(stream.read()) if reads else None
        await asyncio.sleep(0.02)
        await client.close(grace=0)
        with pytest.raises(ClientClosedError) as raised:
            await (reading or stream.read())
        assert (raised.value.delivery, raised.value.function_name) == (Delivery.EXECUTED, "writer")
        await settled(client, server)


async def test_closing_the_client_lets_a_stream_end_that_has_time() -> None:
    go_on = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(HEAD + chunk(b"1"))
        await go_on.wait()
        await connection.write(chunk(b"2") + complete() + LAST)

    async with streaming(script) as (_, client):
        stream = (await client.send(COMMAND)).event_stream
        closing = asyncio.create_task(client.close(grace=None))
        await asyncio.sleep(0.02)
        assert not closing.done()
        go_on.set()
        assert await stream.read() == b"12"
        await closing


async def test_a_stream_that_begins_in_the_moment_of_the_close_does_not_keep_it_waiting() -> None:
    began = asyncio.Event()

    async def late(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        output = await call_next(call)
        began.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(10)
        return output

    async with streaming(ENDLESS) as (server, client), asyncio.timeout(5):
        client.middleware_stack.add(late)
        sending = asyncio.create_task(client.send(COMMAND))
        await began.wait()
        await client.close(grace=0)
        with pytest.raises(ClientClosedError):
            await (await sending).event_stream.read()
        await settled(client, server)


# --- the stack, retries and delivery ---------------------------------------------------------------------------------


async def test_a_stream_goes_through_the_middlewares_of_the_client_and_of_its_command() -> None:
    seen: list[str] = []

    async def note(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        seen.append(call.command_name)
        call.request.headers["x-team"] = "tea"
        output = await call_next(call)
        assert isinstance(call.response, Response)
        assert (call.response.status, call.response.body, call.response.stream is not None) == (200, b"", True)
        return output

    async with streaming(writes(streamed(b"1"))) as (server, client):
        client.middleware_stack.add(note, step="build")
        command = InvokeWithResponseStreamCommand(function_name="writer")
        command.middleware_stack.add(note, step="deserialize")
        await (await client.send(command)).event_stream.read()
        assert seen == ["InvokeWithResponseStreamCommand"] * 2
        assert b"x-team: tea" in server.requests[0][0]


async def test_a_middleware_that_sends_again_waits_for_no_slot_of_its_own() -> None:
    async def twice(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        await call_next(call)
        return await call_next(call)

    async with streaming(writes(streamed(b"1")), max_concurrency=1) as (server, client), asyncio.timeout(5):
        client.middleware_stack.add(twice, step="finalize")
        output = await client.send(COMMAND)
        assert await output.event_stream.read() == b"1"
        assert (len(server.requests), output.metadata.attempts, client.stats.in_flight) == (2, 2, 0)


async def test_a_middleware_that_does_not_hand_the_stream_on_leaves_nothing_open() -> None:
    async def instead(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        await call_next(call)
        return "something else"

    async with streaming(ENDLESS, max_concurrency=1) as (server, client):
        command = InvokeWithResponseStreamCommand(function_name="writer")
        command.middleware_stack.add(instead)
        for _ in range(2):
            assert await client.send(command) == "something else"
        await settled(client, server)


@pytest.mark.parametrize("which", [0, 1])
async def test_of_two_requests_at_a_time_the_stream_that_is_handed_on_is_read_and_the_other_is_closed(which: int) -> None:
    async def hedges(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        return (await asyncio.gather(call_next(call), call_next(call)))[which]

    async with streaming(writes(streamed(b"1")), max_concurrency=2) as (_, client):
        client.middleware_stack.add(hedges, step="finalize")
        for _ in range(3):
            output = await client.send(COMMAND)
            assert client.stats.in_flight == 1
            assert await output.event_stream.read() == b"1"
            assert client.stats.in_flight == 0


@pytest.mark.parametrize("step", ["initialize", "finalize", "deserialize"])
async def test_a_middleware_that_raises_over_an_open_stream_leaves_nothing_open(step: Any) -> None:
    async def breaks(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        await call_next(call)
        raise KeyError("no")

    async with streaming(ENDLESS, max_concurrency=1) as (server, client):
        client.middleware_stack.add(breaks, step=step)
        for _ in range(2):
            with pytest.raises(KeyError):
                await client.send(COMMAND)
        await settled(client, server)


async def test_a_missing_function_is_an_error_where_the_block_begins() -> None:
    body = b'{"Type":"User","Message":"Function not found"}'
    script = writes(answer("404 Not Found", "x-amzn-ErrorType: ResourceNotFoundException\r\n", body))
    async with streaming(script) as (server, client):
        for _ in range(2):
            with pytest.raises(ResourceNotFoundException, match="Function not found"):
                async with client.stream("writer"):
                    pytest.fail("the block has begun")
        assert (server.connections, client.stats.in_flight) == (1, 0)


async def test_what_comes_before_the_answer_is_retried_as_the_delivery_table_says() -> None:
    throttle = answer("429 Too Many Requests", "x-amzn-ErrorType: TooManyRequestsException\r\nRetry-After: 0\r\n")
    outcomes = [throttle, b"", answer("503 Oops"), streamed(b"1")]

    async def script(connection: Connection) -> None:
        while True:
            await connection.read_request()
            outcome = outcomes[len(connection.server.requests) - 1]
            await connection.write(outcome)
            if not outcome:
                return

    retry = StandardRetry(max_attempts=5, max_backoff=0.01)
    async with streaming(script, retry=retry) as (server, client):
        async with client.stream("writer", idempotent=True) as stream:
            assert await stream.read() == b"1"
            assert [attempt.status_code for attempt in stream.metadata.history] == [429, None, 503, 200]
        outcomes[:] = [b""] * 10
        server.requests.clear()
        with pytest.raises(TransportError) as raised:
            async with client.stream("writer"):
                pass
        assert (raised.value.delivery, len(server.requests)) == (Delivery.UNKNOWN, 1)


@pytest.mark.parametrize("end", ["fin", "damaged", "exception", "no completion"])
async def test_once_the_answer_has_begun_nothing_is_sent_again(end: str) -> None:
    pieces, then, _ = BAD_ENDS[end]
    script = writes(HEAD, chunk(b"one"), *pieces, then=then)
    async with streaming(script, retry=StandardRetry(), idempotent=True) as (server, client):
        with pytest.raises(StreamError):
            async with client.stream("writer") as stream:
                await stream.read()
        assert len(server.requests) == 1


@pytest.mark.parametrize("then", [stalls, ends])
async def test_an_error_whose_body_does_not_come_is_a_failure_of_its_attempt(then: Script) -> None:
    head = b"HTTP/1.1 500 Oops\r\nContent-Length: 100\r\n\r\nhalf"
    async with streaming(writes(head, then=then)) as (server, client):
        with pytest.raises(TransportError) as raised:
            async with client.stream("writer", timeout=Timeouts(read=0.1)):
                pass
        assert raised.value.delivery is Delivery.UNKNOWN
        await settled(client, server)


async def test_an_error_that_never_ends_is_cut_off() -> None:
    head = b"HTTP/1.1 500 Oops\r\nContent-Length: 100000000\r\n\r\n"
    limits = ResponseLimits(body=1_000_000)
    async with streaming(writes(head, b"x" * 5_000_000, then=stalls), response_limits=limits) as (server, client):
        with pytest.raises(ConnectionLostError, match=r"more than 1,000,000 bytes.*ResponseLimits\(body=") as raised:
            async with client.stream("writer"):
                pass
        assert raised.value.delivery is Delivery.UNKNOWN
        await settled(client, server)


async def test_an_error_as_long_as_it_may_be_is_read_whole() -> None:
    head = b"HTTP/1.1 500 Oops\r\nContent-Length: 1000000\r\n\r\n"
    limits = ResponseLimits(body=1_000_000)
    async with streaming(writes(head, b"x" * 1_000_000), response_limits=limits) as (server, client):
        with pytest.raises(AiolambdaError, match="HTTP 500"):
            async with client.stream("writer"):
                pass
        await settled(client, server, open_connections=1)


# --- backpressure and memory -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("over_tls", [False, True], ids=["tcp", "tls"])
async def test_a_reader_that_stops_stops_the_sender(over_tls: bool, authority: trustme.CA, server_tls: ssl.SSLContext) -> None:
    frame = chunk(bytes(64 * 1024))
    sent = 0

    async def script(connection: Connection) -> None:
        nonlocal sent
        await connection.read_request()
        await connection.write(HEAD)
        while sent < 1000:
            await connection.write(frame)
            sent += 1
        await connection.write(complete() + LAST)

    async def quiet() -> int:
        """What has been sent, once nothing more is."""
        before = -1
        while before != sent:
            before = sent
            await asyncio.sleep(0.1)
        return sent

    with authority.cert_pem.tempfile() as bundle:
        tls = server_tls if over_tls else None
        settings = {"ca_bundle": bundle} if over_tls else {}
        async with streaming(script, tls=tls, **settings) as (_, client), client.stream("writer") as stream:
            assert len(await anext(aiter(stream))) == 64 * 1024
            stopped = await quiet()
            assert stopped < 300  # 19 MB, most of it in the kernel's buffers
            assert len(await stream.read()) == 999 * 64 * 1024
            assert sent == 1000


async def test_a_long_stream_takes_no_more_memory_than_a_short_one() -> None:
    frame = chunk(bytes(64 * 1024)) * 4

    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(HEAD)
        for _ in range(160):  # 40 MB; 200 MB are sent in benchmarks/streaming.py
            await connection.write(frame)
        await connection.write(complete() + LAST)

    async with streaming(script) as (_, client), client.stream("writer") as stream:
        tracemalloc.start()
        try:
            size = 0
            async for chunk_ in stream:
                size += len(chunk_)
            assert tracemalloc.get_traced_memory()[1] < 8_000_000
        finally:
            tracemalloc.stop()
        assert size == 160 * 4 * 64 * 1024


async def test_a_frame_beyond_the_limit_is_refused_by_its_first_bytes() -> None:
    whole = eventstream.encode({}, b"x" * eventstream.LONGEST_PAYLOAD)
    lengths = (len(whole) + 1).to_bytes(4) + bytes(4)
    prelude = lengths + eventstream.crc32(lengths).to_bytes(4)
    async with streaming(writes(HEAD, chunked(prelude), then=stalls)) as (_, client), client.stream("writer") as stream:
        with pytest.raises(StreamError, match="25,165,825 of payload"):
            await stream.read()


# --- the fake transport ----------------------------------------------------------------------------------------------


def counting(event: Any) -> Any:
    yield b"a"
    yield "é"
    if event.get("fail"):
        raise ValueError("broken")


async def counting_too(event: Any) -> AsyncGenerator[Any]:
    for piece in counting(event):
        yield piece


@pytest.mark.parametrize("handler", [counting, counting_too])
async def test_a_handler_that_is_a_generator_streams_and_is_joined_for_a_plain_invocation(handler: Any) -> None:
    transport = FakeTransport({"writer": handler})
    async with LambdaClient(transport=transport) as client:
        async with client.stream("writer", {}) as stream:
            assert await read(stream) == [b"a", "é".encode()]
            assert stream.content_type is None
        assert (await client.invoke("writer", {})).text() == "aé"
        for use in (client.invoke("writer", {"fail": 1}), read_all(client, {"fail": 1})):
            with pytest.raises(FunctionError, match="ValueError: broken") as raised:
                await use
            assert "counting" in "".join(raised.value.stack_trace)
        with pytest.raises(ResourceNotFoundException):
            await read_all(client, {}, "nobody")
    assert [call.json() for call in transport.calls] == [{}, {}, {"fail": 1}, {"fail": 1}, {}]


async def read_all(client: LambdaClient, payload: object, name: str = "writer") -> bytes:
    async with client.stream(name, payload) as stream:
        return await stream.read()


@pytest.mark.parametrize("kind", [StopIteration, StopAsyncIteration])
async def test_a_handler_that_raises_what_generators_end_with_has_that_in_its_answer(kind: type[Exception]) -> None:
    def stops(event: object) -> None:
        raise kind("over")

    async with LambdaClient(transport=FakeTransport({"stops": stops})) as client:
        for use in (client.invoke("stops"), read_all(client, {}, "stops")):
            with pytest.raises(FunctionError) as raised:
                await use
            assert (raised.value.error_type, raised.value.error_message) == (kind.__name__, "over")


async def test_what_a_generator_must_not_yield_is_a_function_error() -> None:
    async with LambdaClient(transport=FakeTransport({"writer": lambda _: (piece for piece in [{"a": 1}])})) as client:
        with pytest.raises(FunctionError, match="bytes or text, not dict") as raised:
            await read_all(client, {})
    assert raised.value.error_type == "Runtime.MarshalError"


async def test_a_fake_that_is_left_early_ends_its_handler() -> None:
    ended = asyncio.Event()

    async def write(event: object) -> AsyncGenerator[bytes]:
        try:
            while True:
                yield b"."
        finally:
            ended.set()

    async with LambdaClient(transport=FakeTransport({"writer": write})) as client:
        await leaves_the_block(client)
        assert (ended.is_set(), client.stats.in_flight) == (True, 0)
