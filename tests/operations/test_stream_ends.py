"""How a stream ends: complete, cut short, damaged, with an error."""

import pickle
import ssl
from typing import Any

import pytest
import trustme

from aiolambda import (
    AiolambdaError,
    Call,
    CallNext,
    ConnectionLostError,
    Delivery,
    FunctionError,
    InvokeWithResponseStreamCommand,
    LambdaClient,
    StreamError,
)
from aiolambda.operations import stream_events
from aiolambda.operations.stream import InvokeWithResponseStreamOperation
from aiolambda.testing import FakeTransport
from aiolambda.types.http import Response

from ..support import THOROUGH
from ..support.servers import Connection, Script
from ..support.streaming import (
    BAD_ENDS,
    HEAD,
    LAST,
    chunk,
    complete,
    ends,
    event,
    read,
    resets,
    settled,
    stalls,
    streamed,
    streaming,
    writes,
)


@pytest.mark.parametrize("end", BAD_ENDS)
async def test_each_bad_end_has_its_own_error(end: str) -> None:
    pieces, then, text = BAD_ENDS[end]
    async with streaming(writes(HEAD, chunk(b"one"), *pieces, then=then)) as (server, client):
        chunks = []
        with pytest.raises(StreamError, match=text) as raised:
            async with client.stream("writer") as stream:
                async for chunk_ in stream:
                    chunks.append(chunk_)  # noqa: PERF401 - the chunks before the error are asserted
        error = raised.value
        assert chunks == [b"one"]
        assert (error.received_bytes, error.received_chunks, stream.completed) == (3, 1, False)
        assert (error.function_name, error.request_id, error.delivery) == ("writer", "the-id", Delivery.EXECUTED)
        assert "function 'writer', request id the-id, received 3 bytes in 1 chunks" in str(error)
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
async def test_response_without_event_stream_is_refused(content_type: str, says: str) -> None:
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


async def test_a_middlewares_answer_of_another_type_is_named() -> None:
    async def answers(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        return Response(200, {"content-type": "text/plain"}, b"no frames at all")

    async with LambdaClient(transport=FakeTransport({})) as client:
        client.middleware_stack.add_relative_to(answers, relation="after", to_middleware="deserializerMiddleware")
        async with client.stream("writer") as stream:
            with pytest.raises(StreamError, match="not an event stream, but text/plain"):
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
async def test_a_function_error_comes_after_all_chunks(
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


async def test_unknown_event_is_ignored() -> None:
    later = event({":message-type": "event", ":event-type": "Progress"}, b"{}")
    async with streaming(writes(HEAD, later, chunk(b"1"), later, complete(), LAST)) as (_, client):
        async with client.stream("writer") as stream:
            assert await read(stream) == [b"1"]


class HurriedCommand(InvokeWithResponseStreamCommand):
    """Waits a twentieth of a second for the end of an answer that is complete."""

    operation = InvokeWithResponseStreamOperation(end_limit=0.05)


async def test_a_complete_answer_needs_no_end_of_connection() -> None:
    async with streaming(writes(HEAD, chunk(b"1"), complete(), then=stalls)) as (server, client):
        async with (await client.send(HurriedCommand(function_name="writer"))).event_stream as stream:
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


def some_cuts(start: int, end: int) -> list[int]:
    """Places to cut an answer, the end included: all of them, or every seventh."""
    return sorted({*range(start, end, 1 if THOROUGH else 7), end})


@pytest.mark.parametrize("over_tls", [False, True], ids=["tcp", "tls"])
async def test_truncated_stream_is_never_complete(over_tls: bool, authority: trustme.CA, server_tls: ssl.SSLContext) -> None:
    whole = streamed(b"one", b"two", b"three")
    cuts = some_cuts(1, len(whole))

    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(whole[: cuts[connection.number - 1]])
        connection.writer.close()

    with authority.cert_pem.tempfile() as bundle:
        tls = server_tls if over_tls else None
        async with streaming(script, tls=tls, ca_bundle=bundle if over_tls else None) as (server, client):
            outcomes = [await end_of_a_stream(client) for _ in cuts]
            assert server.connections == len(cuts)
            await settled(client, server)
    expected = {cut: "ConnectionLostError, unknown" if cut < len(HEAD) else "StreamError, executed" for cut in cuts}
    expected[len(whole)] = "b'onetwothree', completed"
    assert outcomes == list(expected.values())


@pytest.mark.parametrize("framing", ["length", "close"])
@pytest.mark.parametrize("over_tls", [False, True], ids=["tcp", "tls"])
async def test_a_cut_answer_of_other_framing_is_an_error(
    framing: str, over_tls: bool, authority: trustme.CA, server_tls: ssl.SSLContext
) -> None:
    """One that ends with its connection is none at all, whole or cut."""
    body = b"".join(map(stream_events.chunk_event, (b"one", b"two"))) + stream_events.completion_event()
    length = f"Content-Length: {len(body)}\r\n" if framing == "length" else "Connection: close\r\n"
    whole = f"HTTP/1.1 200 OK\r\nContent-Type: {stream_events.CONTENT_TYPE}\r\n{length}\r\n".encode() + body
    cuts = some_cuts(len(whole) - len(body), len(whole))
    left = iter(cuts)

    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(whole[: next(left)])
        connection.writer.close()

    with authority.cert_pem.tempfile() as bundle:
        tls = server_tls if over_tls else None
        async with streaming(script, tls=tls, ca_bundle=bundle if over_tls else None) as (_, client):
            outcomes = [await end_of_a_stream(client) for _ in cuts]
    if framing == "length":
        assert outcomes == ["StreamError, executed"] * (len(cuts) - 1) + ["b'onetwo', completed"]
    else:
        assert set(outcomes) == {"ConnectionLostError, unknown"}


@pytest.mark.parametrize("status", ["202 Accepted", "203 Non-Authoritative", "206 Partial Content"])
async def test_stream_with_another_2xx_status_is_refused(status: str) -> None:
    head = HEAD.replace(b"200 OK", status.encode())
    async with streaming(writes(head + chunk(b"1") + complete() + LAST)) as (server, client):
        with pytest.raises(ConnectionLostError, match=f"HTTP {status[:3]}, and Lambda answers with 200"):
            async with client.stream("writer"):
                pass
        await settled(client, server)


async def test_stream_response_without_body_is_refused() -> None:
    async with streaming(writes(b"HTTP/1.1 204 No Content\r\n\r\n")) as (_, client):
        with pytest.raises(ConnectionLostError, match="HTTP 204, and Lambda answers with 200"):
            async with client.stream("writer"):
                pass


async def test_a_middlewares_whole_body_is_read_as_a_stream() -> None:
    async def answers(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        body = stream_events.chunk_event(b"1") + (stream_events.completion_event() if "whole" in call.function_name else b"")
        return Response(200, {"content-type": stream_events.CONTENT_TYPE}, body)

    async with LambdaClient(transport=FakeTransport({})) as client:
        client.middleware_stack.add_relative_to(answers, relation="after", to_middleware="deserializerMiddleware")
        async with client.stream("whole") as stream:
            assert await stream.read() == b"1"
        async with client.stream("cut") as stream:
            with pytest.raises(StreamError, match="without InvokeComplete"):
                await stream.read()


@pytest.mark.parametrize("then", [ends, stalls, resets])
async def test_a_failed_function_is_told_however_the_connection_ends(then: Script) -> None:
    failed = complete(error_code="Unhandled", error_details='{"errorType":"E","errorMessage":"m"}')
    async with streaming(writes(HEAD, chunk(b"1"), failed, then=then)) as (server, client):
        with pytest.raises(FunctionError, match="E: m"):
            async with (await client.send(HurriedCommand(function_name="writer"))).event_stream as stream:
                await stream.read()
        await settled(client, server)
