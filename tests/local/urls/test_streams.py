"""Function URLs with the invoke mode `RESPONSE_STREAM`: heads that functions write, chunks as they come, and failures."""

import asyncio
import json
import logging
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp.test_utils import make_mocked_request

from aiolambda import ConnectionLostError, StreamError, TooManyRequestsException
from aiolambda.emulation.function_responses import FunctionResponse
from aiolambda.local import FunctionUrl, LocalEndpoint
from aiolambda.local.runtime.invocations import InvocationResult
from aiolambda.local.urls.answers import Answers
from aiolambda.local.urls.stream import StreamingUrlResponse
from aiolambda.testing import FunctionFailure

from ...support.local import function
from ...support.url_requests import UrlAnswer, send

STREAMED = FunctionUrl(auth_type="NONE", invoke_mode="RESPONSE_STREAM")
BUFFERED = FunctionUrl(auth_type="NONE")
END = b"\0" * 8
HEAD = json.dumps(
    {"statusCode": 201, "headers": {"X-A": "1", "content-type": "text/plain"}, "cookies": ["a=1", "b=2"]}
).encode()
WEB = """\
import json, time

HEAD = json.dumps({"statusCode": 201, "headers": {"content-type": "text/plain"}, "cookies": ["a=1", "b=2"]}).encode() + bytes(8)

def stream(event, context):
    if event["rawPath"] != "/plain":
        yield HEAD
    for number in range(3):
        yield f"{number},"
        if event["rawPath"] == "/fail":
            raise ValueError("on the way")
        if event["rawPath"] == "/sleep":
            time.sleep(30)

def whole(event, context):
    return {"statusCode": 201, "body": "x"}
"""


@pytest.fixture
async def endpoint() -> AsyncIterator[LocalEndpoint]:
    async with LocalEndpoint() as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("streams")
    (folder / "web.py").write_text(WEB)
    return folder


async def streamed(endpoint: LocalEndpoint, *pieces: bytes | str | Exception, **options: Any) -> UrlAnswer:
    def handler(event: Any) -> Iterator[bytes | str]:
        for piece in pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    endpoint.add("web", handler, url=STREAMED)
    return await send(endpoint.function_url("web"), **options)


async def test_head_of_the_function_is_that_of_the_answer(endpoint: LocalEndpoint) -> None:
    answer = await streamed(endpoint, HEAD + END, b"one", "zwei é")
    assert (answer.status, answer.body, answer.whole) == (201, "onezwei é".encode(), True)
    assert (answer.header("x-a"), answer.header("content-type"), answer.cookies) == ("1", "text/plain", ["a=1", "b=2"])
    assert answer.header("transfer-encoding") == "chunked"
    assert answer.header("x-amzn-requestid") == endpoint.executions[-1].request_id


async def test_body_may_follow_the_head_at_once(endpoint: LocalEndpoint) -> None:
    answer = await streamed(endpoint, HEAD + END + b"a" + END + b"b")
    assert (answer.status, answer.body) == (201, b"a" + END + b"b")


@pytest.mark.parametrize("pieces", [(b"plain", b" text"), (b'{"a": 1}',), (END + b"x",), ()], ids=range(4))
async def test_stream_without_a_head_is_the_body(endpoint: LocalEndpoint, pieces: tuple[bytes, ...]) -> None:
    answer = await streamed(endpoint, *pieces)
    assert (answer.status, answer.body, answer.whole) == (200, b"".join(pieces), True)
    assert answer.header("content-type") == "application/octet-stream"


async def test_failure_on_the_way_cuts_the_body(endpoint: LocalEndpoint) -> None:
    answer = await streamed(endpoint, HEAD + END, b"one", ValueError("secret"))
    assert (answer.status, answer.body, answer.whole) == (201, b"one", False)


async def test_failure_before_the_first_piece_is_a_502(endpoint: LocalEndpoint) -> None:
    answer = await streamed(endpoint, ValueError("secret"))
    assert (answer.status, answer.body, answer.whole) == (502, b"Internal Server Error", True)


async def test_malformed_head_is_a_502_and_logged(endpoint: LocalEndpoint, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "aiolambda.local.urls"):
        answer = await streamed(endpoint, b'{"statusCode": "secret"}' + END, b"body")
    assert (answer.status, answer.body) == (502, b"Internal Server Error")
    assert "its member statusCode must be a number" in caplog.text
    assert "secret" not in caplog.text


async def test_head_request_gets_no_body(endpoint: LocalEndpoint) -> None:
    answer = await streamed(endpoint, HEAD + END, b"body", method="HEAD")
    assert (answer.status, answer.whole) == (201, True)


async def test_status_without_a_body_has_none(endpoint: LocalEndpoint) -> None:
    answer = await streamed(endpoint, b'{"statusCode": 204}' + END, b"body")
    assert (answer.status, answer.whole) == (204, True)


async def test_scripted_failures_act_on_streams(endpoint: LocalEndpoint) -> None:
    pieces = (HEAD + END + b"a", b"b", b"c")
    await streamed(endpoint, *pieces)
    endpoint.fail("web", TooManyRequestsException, times=1)
    assert (await streamed(endpoint, *pieces)).status == 429
    endpoint.fail("web", FunctionFailure("OrderError"), chunks=2, times=1)
    answer = await streamed(endpoint, *pieces)
    assert (answer.status, answer.body, answer.whole) == (201, b"ab", False)
    for error in (StreamError, ConnectionLostError):
        endpoint.fail("web", error, chunks=2, times=1, **({} if error is StreamError else {"runs": True}))
        answer = await streamed(endpoint, *pieces)
        assert (answer.status, answer.body, answer.whole) == (201, b"ab", False)
    endpoint.fail("web", ConnectionLostError, runs=True, times=1)
    with pytest.raises(asyncio.IncompleteReadError):
        await streamed(endpoint, *pieces)
    assert (await streamed(endpoint, *pieces)).whole


async def test_chunk_arrives_while_the_function_runs(endpoint: LocalEndpoint) -> None:
    loop, go_on = asyncio.get_running_loop(), asyncio.Event()

    async def handler(event: Any) -> AsyncIterator[bytes]:
        yield HEAD + END + b"one"
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(go_on.wait(), loop))
        yield b"two"

    endpoint.add("web", handler, url=STREAMED)
    parts = urlsplit(endpoint.function_url("web"))
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    async with asyncio.timeout(10):
        writer.write(f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(8) == b"3\r\none\r\n"
        go_on.set()
        assert await reader.readexactly(8) == b"3\r\ntwo\r\n"
        assert await reader.readexactly(5) == b"0\r\n\r\n"
    writer.close()
    await writer.wait_closed()


async def test_client_that_leaves_stops_no_stream(endpoint: LocalEndpoint) -> None:
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()

    async def handler(event: Any) -> AsyncIterator[bytes]:
        yield b"x" * 100_000
        loop.call_soon_threadsafe(begun.set)
        for _ in range(20):
            await asyncio.sleep(0.01)
            yield b"x" * 100_000

    endpoint.add("web", handler, url=STREAMED)
    asking = asyncio.create_task(send(endpoint.function_url("web")))
    async with asyncio.timeout(10):
        await begun.wait()
        asking.cancel()
        await endpoint.wait_idle()
    assert len(endpoint.executions[-1].response) == 2_100_000
    assert endpoint.executions[-1].error_type is None


@pytest.mark.parametrize("op", [lambda: {"statusCode": 201, "body": "x"}, lambda: "text"], ids=["object", "text"])
async def test_whole_result_is_the_body_of_a_stream(endpoint: LocalEndpoint, op: Callable[[], Any]) -> None:
    endpoint.add("web", lambda _: op(), url=STREAMED)
    answer = await send(endpoint.function_url("web"))
    assert (answer.status, answer.json(), answer.header("content-type")) == (200, op(), "application/json")


async def test_stream_at_a_buffered_url_is_collected(endpoint: LocalEndpoint, caplog: pytest.LogCaptureFixture) -> None:
    def handler(event: Any) -> Iterator[str]:
        yield '{"statusCode": 201,'
        yield '"body": "x"}'

    endpoint.add("web", handler, url=BUFFERED)
    answer = await send(endpoint.function_url("web"))
    assert (answer.status, answer.body) == (201, b"x")
    endpoint.add("web", lambda _: iter_of(HEAD + END, b"body"), url=BUFFERED)
    with caplog.at_level(logging.WARNING, "aiolambda.local.urls"):
        assert (await send(endpoint.function_url("web"))).status == 502
    assert 'invoke_mode="RESPONSE_STREAM"' in caplog.text


def iter_of(*pieces: bytes) -> Iterator[bytes]:
    yield from pieces


async def test_functions_in_processes_stream(folder: Path) -> None:
    served = [
        function("stream", "web.stream", root=folder, url=STREAMED),
        function("brief", "web.stream", root=folder, url=STREAMED, timeout=0.5),
        function("whole", "web.whole", root=folder, url=STREAMED),
    ]
    async with LocalEndpoint(served) as endpoint:
        url = endpoint.function_url("stream")
        answer = await send(url)
        assert (answer.status, answer.body, answer.whole, answer.cookies) == (201, b"0,1,2,", True, ["a=1", "b=2"])
        plain = await send(url, "/plain")
        assert (plain.status, plain.body, plain.header("content-type")) == (200, b"0,1,2,", "application/octet-stream")
        failed = await send(url, "/fail")
        assert (failed.status, failed.body, failed.whole) == (201, b"0,", False)
        late = await send(endpoint.function_url("brief"), "/sleep")
        assert (late.status, late.body, late.whole) == (201, b"0,", False)
        whole = await send(endpoint.function_url("whole"))
        assert (whole.status, whole.json(), whole.header("content-type")) == (
            200,
            {"statusCode": 201, "body": "x"},
            "application/json",
        )


def response_to(target: str = "/") -> StreamingUrlResponse:
    return StreamingUrlResponse(Answers(request=make_mocked_request("GET", target), headers=()))


async def test_stream_that_ends_in_its_head_is_malformed() -> None:
    """Runtimes of other languages announce the head by its type, and may send it in pieces."""
    stream = response_to()
    await stream.begin("application/vnd.awslambda.http-integration-response; v=1")
    for byte in HEAD:
        await stream.write(bytes([byte]))
    assert not stream.begun
    response = await stream.end(InvocationResult(response=FunctionResponse(b""), log_tail=b""))
    assert response.status == 502
    assert stream.problem == "it ended within its head"


async def test_head_without_an_end_is_given_up() -> None:
    stream = response_to()
    await stream.begin("application/vnd.awslambda.http-integration-response")
    for _ in range(3):
        await stream.write(b"x" * 500_000)
    assert stream.problem == "its head has no end"


RUNTIME = """\
import http.client, json, os

api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
head = json.dumps({"statusCode": 202, "headers": {"content-type": "text/html"}, "cookies": ["a=1"]}).encode() + bytes(8)
while True:
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    response = api.getresponse()
    request_id, event = response.headers["Lambda-Runtime-Aws-Request-Id"], json.load(response)
    pieces = [head[:5], head[5:-3], head[-3:] + b"<p>", b"hello"] if event["rawPath"] == "/page" else [b"text"]
    type = "application/vnd.awslambda.http-integration-response" if event["rawPath"] == "/page" else "text/event-stream"
    headers = {"Content-Type": type, "Lambda-Runtime-Function-Response-Mode": "streaming", "Transfer-Encoding": "chunked"}
    url = f"/2018-06-01/runtime/invocation/{request_id}/response"
    api.request("POST", url, iter(pieces), headers, encode_chunked=True)
    api.getresponse().read()
"""


async def test_runtime_announces_the_head_by_its_type(tmp_path: Path) -> None:
    (tmp_path / "runtime.py").write_text(RUNTIME)
    served = function("web", "x", root=tmp_path, url=STREAMED, runtime=(sys.executable, str(tmp_path / "runtime.py")))
    async with LocalEndpoint([served]) as endpoint:
        page = await send(endpoint.function_url("web"), "/page")
        assert (page.status, page.body, page.header("content-type"), page.cookies) == (
            202,
            b"<p>hello",
            "text/html",
            ["a=1"],
        )
        events = await send(endpoint.function_url("web"))
        assert (events.status, events.body, events.header("content-type")) == (200, b"text", "text/event-stream")


async def test_close_cuts_streams_in_flight(folder: Path) -> None:
    async with LocalEndpoint([function("stream", "web.stream", root=folder, url=STREAMED)], keep_records=False) as endpoint:
        parts = urlsplit(endpoint.function_url("stream"))
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        async with asyncio.timeout(20):
            writer.write(f"GET {parts.path}sleep HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
            await reader.readuntil(b"2\r\n0,\r\n")
            await endpoint.close()
            assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
