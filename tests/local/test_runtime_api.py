"""The rules of the Runtime API, tested with runtimes that break them."""

import asyncio
import base64
import io
import os
import time
from contextlib import asynccontextmanager

import aiohttp
import pytest

from aiolambda.local.runtime.invocations import Invocation
from aiolambda.local.runtime.runtime_api import RuntimeApiServer

INVOCATION = Invocation(request_id="8f507cfc-3f56", payload=b'{"a": 1}', function_arn="arn:x", trace_id="Root=1-2")


async def admitted(**settings):
    """A Runtime API that admits this process, which plays the runtime, and its address."""
    api = RuntimeApiServer(**settings)
    address = api.start()
    await api.admit(os.getsid(0))
    return api, address


class Runtime:
    """A runtime client that sends any request."""

    def __init__(self, address, session):
        self.url = f"http://{address}/2018-06-01/runtime"
        self.session = session

    async def next(self):
        async with self.session.get(f"{self.url}/invocation/next") as response:
            return response.status, response.headers, await response.read()

    async def post(self, path, body=b"", **headers):
        async with self.session.post(f"{self.url}/{path}", data=body, headers=headers) as response:
            return response.status, await response.json()


@asynccontextmanager
async def api_and_runtime():
    api, address = await admitted()
    async with aiohttp.ClientSession() as session:
        try:
            yield api, Runtime(address, session)
        finally:
            await api.close()


async def test_next_returns_the_whole_invocation():
    invocation = Invocation(
        request_id="1-2",
        payload=b"[1]",
        function_arn="arn:x",
        trace_id="Root=1",
        client_context='{"custom": 1}',
        tenant_id="blue",
    )
    async with api_and_runtime() as (api, runtime):
        answer = api.dispatch(invocation, deadline := time.time() + 3)
        status, headers, body = await runtime.next()
        assert await runtime.post("invocation/1-2/response", b"[2]") == (202, {"status": "OK"})
    assert (status, body, headers["Content-Type"]) == (200, b"[1]", "application/json")
    assert {name: value for name, value in headers.items() if name.startswith("Lambda-Runtime")} == {
        "Lambda-Runtime-Aws-Request-Id": "1-2",
        "Lambda-Runtime-Deadline-Ms": str(int(deadline * 1000)),
        "Lambda-Runtime-Invoked-Function-Arn": "arn:x",
        "Lambda-Runtime-Trace-Id": "Root=1",
        "Lambda-Runtime-Client-Context": '{"custom": 1}',
        "Lambda-Runtime-Aws-Tenant-Id": "blue",
    }
    assert (answer.result().payload, answer.result().error_type) == (b"[2]", None)


@pytest.mark.parametrize("path", ["invocation/somebody-else/response", "invocation/somebody-else/error"])
async def test_response_to_an_unknown_request_is_refused(path):
    async with api_and_runtime() as (api, runtime):
        answer = api.dispatch(INVOCATION, 0)
        await runtime.next()
        status, body = await runtime.post(path, b"{}")
        assert not answer.done()
    assert (status, body["errorType"]) == (400, "InvalidRequestID")


async def test_an_invocation_is_answered_once():
    async with api_and_runtime() as (api, runtime):
        answer = api.dispatch(INVOCATION, 0)
        await runtime.next()
        statuses = [(await runtime.post(f"invocation/{INVOCATION.request_id}/response", body))[0] for body in (b"1", b"2")]
    assert statuses == [202, 400]
    assert answer.result().payload == b"1"


async def test_next_before_the_response_is_refused():
    async with api_and_runtime() as (api, runtime):
        api.dispatch(INVOCATION, 0)
        await runtime.next()
        assert (await runtime.next())[0] == 403


async def test_function_error_keeps_its_bytes_and_type():
    async with api_and_runtime() as (api, runtime):
        answer = api.dispatch(INVOCATION, 0)
        await runtime.next()
        headers = {"Lambda-Runtime-Function-Error-Type": "Tea.Cold"}
        assert (await runtime.post(f"invocation/{INVOCATION.request_id}/error", b'{ "a":1}', **headers))[0] == 202
    assert (answer.result().payload, answer.result().error_type) == (b'{ "a":1}', "Tea.Cold")


async def test_an_error_without_a_type_is_an_error():
    async with api_and_runtime() as (api, runtime):
        answer = api.dispatch(INVOCATION, 0)
        await runtime.next()
        await runtime.post(f"invocation/{INVOCATION.request_id}/error")
    assert answer.result().error_type == "Function.Unknown"


async def test_init_error_marks_the_runtime_as_failed():
    async with api_and_runtime() as (api, runtime):
        assert (await runtime.post("init/error", b'{"errorType": "A"}', **{"Lambda-Runtime-Function-Error-Type": "A"}))[
            0
        ] == 202
        assert api.ready.result() is not None
        assert api.ready.result().error_type == "A"
        assert (await runtime.post("init/error"))[0] == 403


async def test_oversized_response_ends_the_invocation():
    async with api_and_runtime() as (api, runtime):
        answer = api.dispatch(INVOCATION, 0)
        await runtime.next()

        async def body():
            for _ in range(7):
                yield b"x" * 1_000_000

        status, content = await runtime.post(f"invocation/{INVOCATION.request_id}/response", body())
    assert (status, content["errorType"]) == (413, "RequestEntityTooLarge")
    assert answer.result().error_type == "Function.ResponseSizeTooLarge"


class Collected:
    """A writer that collects the pieces."""

    def __init__(self):
        self.content_type = None
        self.pieces = []

    async def begin(self, content_type):
        self.content_type = content_type

    async def write(self, piece):
        self.pieces.append(piece)


STREAMING = (
    b"POST /2018-06-01/runtime/invocation/1/response HTTP/1.1\r\nHost: x\r\n"
    b"Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\nContent-Type: text/tea\r\n"
    b"Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n\r\n"
)
NEXT = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n"


async def told(data, *, writer=None, ends=False, **settings):
    """Send these bytes as the runtime, and return the response head and the result of the invocation."""
    api, address = await admitted(**settings)
    reader, connection = await asyncio.open_connection(*address.rsplit(":", 1))
    invocation = Invocation(request_id="1", payload=b"{}", function_arn="arn:x", trace_id="Root=1", writer=writer)
    try:
        answer = api.dispatch(invocation, 0)
        connection.write(NEXT)
        assert (await reader.readuntil(b"\r\n\r\n{}")).startswith(b"HTTP/1.1 200 OK\r\n")
        connection.write(data)
        if ends:
            connection.write_eof()
        said = await reader.readuntil(b"\r\n\r\n")
        return said, answer.result() if answer.done() else None
    finally:
        connection.close()
        await connection.wait_closed()
        await api.close()


async def test_streamed_response_reaches_its_writer():
    writer = Collected()
    body = base64.b64encode(b'{"errorType":"Tea.Cold"}')
    trailers = b"Lambda-Runtime-Function-Error-Type: Tea.Cold\r\nLambda-Runtime-Function-Error-Body: " + body + b"\r\n"
    said, answer = await told(STREAMING + b"3\r\none\r\n5;a=b\r\nthree\r\n0\r\n" + trailers + b"\r\n", writer=writer)
    assert said.startswith(b"HTTP/1.1 202 ")
    assert (writer.content_type, writer.pieces) == ("text/tea", [b"one", b"three"])
    assert (answer.payload, answer.error_type) == (b'{"errorType":"Tea.Cold"}', "Tea.Cold")


async def test_streamed_response_without_writer_is_collected():
    for trailers, error_type in ((b"", None), (b"Lambda-Runtime-Function-Error-Type: E\r\n", "E")):
        _, answer = await told(STREAMING + b"3\r\none\r\n1\r\n2\r\n0\r\n" + trailers + b"\r\n")
        assert (answer.payload, answer.error_type) == (b"" if error_type else b"one2", error_type)


async def test_incomplete_streamed_response_is_truncated():
    writer = Collected()
    said, answer = await told(STREAMING + b"3\r\none\r\n5\r\nth", writer=writer, ends=True)
    assert said.startswith(b"HTTP/1.1 202 ")
    assert (writer.pieces[0], answer.error_type) == (b"one", "Runtime.TruncatedResponse")


async def test_streamed_response_over_the_limit_is_an_error():
    writer = Collected()
    _, answer = await told(STREAMING + b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n", writer=writer, streamed_response_limit=4)
    assert (writer.pieces, answer.error_type) == ([b"one"], "Function.ResponseSizeTooLarge")


POST = b"POST /2018-06-01/runtime/invocation/1/response HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
RESPONSE = b"/2018-06-01/runtime/invocation/1/response"


def with_length(length):
    return POST + b"Content-Length: " + length + b"\r\n\r\n[2222222222222222]"


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"POST " + RESPONSE + b"\r\nHost: x\r\n\r\n",
        b"POST " + RESPONSE + b" XXX\r\nHost: x\r\n\r\n",
        b"POST " + RESPONSE + b" http/1.1\r\nHost: x\r\n\r\n",
        b"POST " + RESPONSE + b" HTTP/1.1 \r\nHost: x\r\n\r\n",
        b"POST " + RESPONSE + b" HTTP/\xd9\xa1.1\r\nHost: x\r\n\r\n",
        b"POST  " + RESPONSE + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST\t" + RESPONSE + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"P(ST " + RESPONSE + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST " + RESPONSE + b"\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST invocation HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST " + RESPONSE + b" HTTP/1.1\nHost: x\n\n",
        b"\r\n\r\n" + POST + b"\r\n",
        POST + b"no colon\r\n\r\n",
        POST + b": no name\r\n\r\n",
        POST + b"X : a space before the colon\r\n\r\n",
        POST + b"X: folded\r\n more\r\n\r\n",
        POST + b"X: folded\r\n\tmore\r\n\r\n",
        POST + b"X: bare\nY: LF\r\n\r\n",
        POST + b"X: bare\rY: CR\r\n\r\n",
        POST + b"X: a NUL\x00\r\n\r\n",
        POST + b"X\x00: a NUL\r\n\r\n",
        POST + b"N\xc3\xa4me: x\r\n\r\n",
        POST + b"Host: y\r\n\r\n",
        b"POST " + RESPONSE + b" HTTP/1.1\r\n\r\n",
        *map(
            with_length,
            [b"many", b"-1", b"+5", b"0x5", b"0b1", b"1_0", b"1e1", b"5 5", b"5, 5", b"5;", b"", b"\xd9\xa5", b"\xb2"],
        ),
        with_length(b"9" * 16),
        POST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\n[222]",
        POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[222]\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n5\r\n[222]\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[222]\r\n0\r\n\r\n",
        *(
            CHUNKED + size + b"\r\n[222]\r\n0\r\n\r\n"
            for size in (b"zz", b"0x5", b"+5", b"-5", b" 5", b"5 ", b"0_5", b"", b";a", b"\xd9\xa5")
        ),
        *(
            CHUNKED + b"5" + extension + b"\r\n[222]\r\n0\r\n\r\n"
            for extension in (b";", b"; ", b";a=", b";a b", b';a="', b";\x00", b",a")
        ),
        CHUNKED + b"f" * 16 + b"\r\n[222]\r\n0\r\n\r\n",
        CHUNKED + b"5;a=" + b"x" * 70_000 + b"\r\n[222]\r\n0\r\n\r\n",
        CHUNKED + b"5\r\nhelloWORLD\r\n0\r\n\r\n",
        CHUNKED + b"5\n[222]\r\n0\r\n\r\n",
        CHUNKED + b"5\r\n[222]\n0\r\n\r\n",
        CHUNKED + b"5\r\n[222]\r\n0\r\nno colon\r\n\r\n",
        CHUNKED + b"5\r\n[222]\r\n0\r\nX : y\r\n\r\n",
        CHUNKED + b"0\r\n" + b"X: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n" * 3000 + b"\r\n",
        POST + b"X: " + b"x" * 70_000 + b"\r\n\r\n",
        POST + b"X: y\r\n" * 300 + b"\r\n",
    ],
)
async def test_invalid_http_is_refused(data):
    said, answer = await told(data)
    assert said.startswith(b"HTTP/1.1 400 ")
    assert b"Connection: close" in said
    assert answer is None


@pytest.mark.parametrize(
    "coding", [b"xchunked", b"chunked, gzip", b"gzip, chunked", b"identity", b"chunked;q=1", b"chunked,", b""]
)
async def test_unknown_transfer_coding_is_refused(coding):
    said, answer = await told(POST + b"Transfer-Encoding: " + coding + b"\r\n\r\n5\r\n[222]\r\n0\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 501 ")
    assert answer is None


@pytest.mark.parametrize("version", [b"1.0", b"2.0", b"0.9"])
async def test_unsupported_http_version_is_refused(version):
    said, answer = await told(POST.replace(b"1.1", version) + b"\r\n")
    assert said.startswith(b"HTTP/1.1 505 ")
    assert answer is None


@pytest.mark.parametrize(
    "data",
    [
        POST + b"Content-Length: 5\r\n\r\n[222]",
        POST + b"content-length:\t005 \r\n\r\n[222]",
        POST + b"X: \xe9\r\nX:\r\nContent-Length: 5\r\n\r\n[222]",
        b"\r\n" + POST + b"Content-Length: 5\r\n\r\n[222]",
        CHUNKED + b"5\r\n[222]\r\n0\r\n\r\n",
        CHUNKED + b"05\r\n[222]\r\n000\r\n\r\n",
        CHUNKED.replace(b"chunked", b"Chunked") + b'2;a;b=c ; d="e \\" f"\r\n[2\r\n3\r\n22]\r\n0;g\r\nX: y\r\n\r\n',
    ],
)
async def test_all_legal_http_forms_are_read(data):
    said, answer = await told(data)
    assert said.startswith(b"HTTP/1.1 202 ")
    assert answer.payload == b"[222]"


async def test_bytes_after_a_broken_stream_are_not_a_request():
    init_error = b"POST /2018-06-01/runtime/init/error HTTP/1.1\r\nHost: x\r\n\r\n"
    said, answer = await told(STREAMING + b"3\r\none\r\n0x5\r\n" + init_error, writer=Collected())
    assert said.startswith(b"HTTP/1.1 202 ")
    assert b"Connection: close" in said
    assert answer.error_type == "Runtime.TruncatedResponse"


@pytest.mark.parametrize("connection", [b"close", b"Close", b"keep-alive, close", b"TE,close"])
async def test_connection_close_is_echoed(connection):
    said, _ = await told(POST + b"Connection: " + connection + b"\r\nContent-Length: 2\r\n\r\n[]")
    assert said.startswith(b"HTTP/1.1 202 ")
    assert b"Connection: close" in said


async def test_expect_continue_is_answered():
    said, _ = await told(POST + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n[]")
    assert said == b"HTTP/1.1 100 Continue\r\n\r\n"


@pytest.mark.parametrize("line", [b"GET /2018-06-01/runtime/nothing", b"HEAD /2018-06-01/runtime/invocation/next", b"PUT /x"])
async def test_unknown_path_is_not_found(line):
    said, _ = await told(line + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 404 ")
    assert b"Connection: close" in said


def test_repr_hides_payload_and_context():
    invocation = Invocation(
        request_id="1",
        payload=b"secret",
        function_arn="arn:x",
        trace_id="t",
        client_context='{"token": "secret"}',
        tenant_id="secret",
    )
    assert "secret" not in repr(invocation)


async def test_short_streamed_response_keeps_its_content_type():
    writer = Collected()
    streamed = STREAMING.replace(b"Transfer-Encoding: chunked", b"Content-Length: 3")
    said, answer = await told(streamed + b"one", writer=writer)
    assert said.startswith(b"HTTP/1.1 202 ")
    assert (writer.content_type, writer.pieces, answer.payload) == ("text/tea", [b"one"], b"")


async def test_response_waits_for_a_poll_that_came_with_it():
    api, address = await admitted()
    reader, connection = await asyncio.open_connection(*address.rsplit(":", 1))
    try:
        first = api.dispatch(INVOCATION, 0)
        connection.write(NEXT)
        await reader.readuntil(INVOCATION.payload)
        respond = POST.replace(b"/1/", f"/{INVOCATION.request_id}/".encode()) + b"Content-Length: 2\r\n\r\n[]"
        connection.write(respond + NEXT)
        assert (await first).payload == b"[]"
        api.dispatch(INVOCATION, 0)
        both = await reader.read(65_536)
    finally:
        connection.close()
        await connection.wait_closed()
        await api.close()
    assert both.startswith(b"HTTP/1.1 202 Accepted\r\n")
    assert both.count(b"HTTP/1.1 200 OK\r\n") == 1
    assert both.endswith(INVOCATION.payload)


async def test_later_poll_replaces_the_one_before():
    async with api_and_runtime() as (api, runtime):
        before = asyncio.create_task(runtime.next())
        async with asyncio.timeout(5):
            while not api.ready.done():
                await asyncio.sleep(0)
            after = asyncio.create_task(runtime.next())
            assert (await before)[0] == 410
            api.dispatch(INVOCATION, 0)
            assert (await after)[2] == INVOCATION.payload


async def test_long_response_arrives_whole():
    body = b'"' + b"x" * 3_000_000 + b'"'
    async with api_and_runtime() as (api, runtime):
        answer = api.dispatch(INVOCATION, 0)
        await runtime.next()
        assert (await runtime.post(f"invocation/{INVOCATION.request_id}/response", io.BytesIO(body)))[0] == 202
        assert (await answer).payload == body


async def test_runtime_that_leaves_in_a_long_response_is_truncated():
    for reset in (False, True):
        writer = Collected()
        api, address = await admitted()
        reader, connection = await asyncio.open_connection(*address.rsplit(":", 1))
        invocation = Invocation(request_id="1", payload=b"{}", function_arn="arn:x", trace_id="Root=1", writer=writer)
        try:
            answer = api.dispatch(invocation, 0)
            connection.write(NEXT)
            await reader.readuntil(b"{}")
            connection.write(STREAMING + b"3\r\none\r\n")
            async with asyncio.timeout(5):
                while not writer.pieces:
                    await asyncio.sleep(0)
                if reset:
                    connection.transport.abort()
                else:
                    connection.close()
                assert (await answer).error_type == "Runtime.TruncatedResponse"
        finally:
            connection.close()
            await api.close()
