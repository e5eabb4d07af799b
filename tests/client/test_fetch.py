"""`client.fetch`: requests to function URLs over the wire, their outputs, their errors and their verdicts."""

import asyncio
import datetime as dt
import email.utils
import gzip
import logging
import pickle
import time
import zlib
from typing import Any

import aiohttp
import pytest

from aiolambda import (
    AccessDeniedException,
    AiolambdaError,
    ConfigurationError,
    ConnectionLostError,
    DecodeError,
    Delivery,
    FetchCommand,
    HttpOutput,
    HttpStatusError,
    InvalidInputError,
    InvalidPayloadSizeError,
    LambdaClient,
    LambdaServiceException,
    Metadata,
    PayloadTooLargeError,
    SessionTransport,
    TooManyRequestsException,
)
from aiolambda.errors.service import ExpiredTokenException, InvalidSignatureException, RequestEntityTooLargeException
from aiolambda.operations.fetch_answers import explain
from aiolambda.testing import FakeTransport
from aiolambda.types.http import Headers, Request

from ..support.fetching import KEYS, REGION, WEB_ID, fetching_client, of_function, of_platform, signed
from ..support.servers import Connection, always, answer, raw_server
from ..support.sigv4_verifier import problem_of


def _in_turn(*answers: bytes) -> Any:
    """A script that gives the requests of all connections these answers, one after another."""
    left = list(answers)

    async def play(connection: Connection) -> None:
        while True:
            await connection.read_request()
            await connection.write(left.pop(0) if len(left) > 1 else left[0])

    return play


async def _error_of(data: bytes, method: str = "GET", **arguments: Any) -> AiolambdaError:
    async with raw_server(always(data)) as server, fetching_client() as client:
        with pytest.raises(AiolambdaError) as raised:
            await client.fetch(method=method, **signed(server), **arguments)
        assert len(server.requests) == 1
    return raised.value


async def test_an_answer_of_any_status_is_an_output() -> None:
    async with raw_server(always(of_function("404 Not Found", "Content-Type: application/json\r\n", b'{"a":1}'))) as server:
        async with fetching_client() as client:
            output = await client.fetch(**signed(server, "/orders/7"))
    assert isinstance(output, HttpOutput)
    assert (output.status_code, output.json(), output.is_success) == (404, {"a": 1}, False)
    assert output.metadata.request_id == "1-2"
    assert [attempt.delivery for attempt in output.metadata.history] == [Delivery.EXECUTED]
    with pytest.raises(HttpStatusError, match="HTTP 404 with 7 bytes") as raised:
        output.raise_for_status()
    assert (raised.value.status_code, raised.value.output, raised.value.delivery) == (404, output, Delivery.EXECUTED)
    assert '{"a"' not in str(raised.value)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "304 Not Modified", "500 Oops", "502 Bad", "429 Slow", "403 No"])
async def test_a_status_of_the_function_is_not_an_error(status: str) -> None:
    """A redirect is not followed, and neither 5xx nor 429 is sent again."""
    async with raw_server(always(of_function(status, "Location: /else\r\n", b""))) as server:
        async with fetching_client(idempotent=True) as client:
            output = await client.fetch(**signed(server))
        assert len(server.requests) == 1
    assert output.status_code == int(status[:3])


async def test_repeated_headers_and_cookies_are_kept() -> None:
    fields = "Set-Cookie: a=1; Path=/\r\nX-Other: z\r\nset-cookie: b=2; HttpOnly\r\nSET-COOKIE: =nameless\r\n"
    async with raw_server(always(of_function(headers=fields))) as server, fetching_client() as client:
        output = await client.fetch(**signed(server))
    assert output.headers["Set-Cookie"] == "a=1; Path=/"
    assert output.headers.get_all("set-cookie") == ["a=1; Path=/", "b=2; HttpOnly", "=nameless"]
    assert output.cookies == {"a": "1", "b": "2"}
    assert ("set-cookie", "b=2; HttpOnly") in output.headers.multi_items()
    assert pickle.loads(pickle.dumps(output)).headers.get_all("set-cookie") == output.headers.get_all("set-cookie")
    with pytest.raises(TypeError):
        output.headers["x"] = "y"  # type: ignore[index]


@pytest.mark.parametrize(
    ("method", "more"), [("GET", {}), ("POST", {"json": {"id": 7}}), ("PUT", {"content": "tea"}), ("patch", {})]
)
async def test_the_request_is_signed_and_whole(method: str, more: dict[str, Any]) -> None:
    async with raw_server(always(of_function())) as server, fetching_client() as client:
        for _ in range(3):  # the first, the one that is kept as a template, and one from the template
            await client.fetch(method=method, headers={"X-Team": "tea  time"}, **signed(server, "/a?b=c"), **more)
    for head, body in server.requests:
        assert problem_of(head, body, secret="secret", region=REGION) is None
        assert head.startswith(f"{method.upper()} /a?b=c HTTP/1.1\r\n".encode())
        assert body == {"POST": b'{"id":7}', "PUT": b"tea"}.get(method, b"")
        assert (b"content-type: application/json" in head) is ("json" in more)


_PATHS = ["/a", "/a//b/../c?d=e", "/%20?b=2&a=1&b=1", "?next=/a", "/\u00fc?q=caf\u00e9 au lait", "/a#part", "/a"]


@pytest.mark.parametrize("step", [None, "initialize", "build", "finalize"], ids=str)
async def test_requests_to_other_paths_are_signed_and_whole(step: Any) -> None:
    """All paths of a host share a template. A middleware parts the run that makes it."""

    async def tagged(call: Any, call_next: Any) -> Any:
        return await call_next(call)

    async with raw_server(always(of_function())) as server, fetching_client() as client:
        if step is not None:
            client.middleware_stack.add(tagged, step=step)
        for path in _PATHS:
            for params in (None, {"p": "x/y", "q": [1, "\u00fc"]}):
                await client.fetch(method="POST", content=b"tea", params=params, **signed(server, path))
        await client.fetch(method="POST", **signed(server, "/empty"))
    targets = [head.split(b" ", 2)[1].decode() for head, _ in server.requests]
    assert targets[:4] == ["/a", "/a?p=x%2Fy&q=1&q=%C3%BC", "/a//b/../c?d=e", "/a//b/../c?d=e&p=x%2Fy&q=1&q=%C3%BC"]
    assert targets[6:10:2] == ["/?next=/a", "/%C3%BC?q=caf%C3%A9%20au%20lait"]
    for head, body in server.requests:
        assert problem_of(head, body, secret="secret", region=REGION) is None
    assert [body for _, body in server.requests] == [b"tea"] * 14 + [b""]


async def test_wrong_parameters_are_refused_after_right_ones() -> None:
    async with raw_server(always(of_function())) as server, fetching_client() as client:
        for _ in range(3):
            await client.fetch(params={"page": 1}, **signed(server, "/a"))
        with pytest.raises(InvalidInputError, match="params has a value that is neither text nor a number"):
            await client.fetch(params={"page": object()}, **signed(server, "/a"))
        for headers in ({"x": ["y"]}, {"x": 1}, {1: "y"}):
            with pytest.raises(InvalidInputError, match="headers takes names and values that are strings"):
                await client.fetch(headers=headers, **signed(server, "/a"))
        with pytest.raises(InvalidInputError, match="sign must be True, False or 'auto'"):
            await client.fetch(**{**signed(server, "/a"), "sign": 1})
    assert len(server.requests) == 3


async def test_an_unsigned_request_stays_unsigned() -> None:
    """Also one to a function URL that follows the template of an earlier one."""
    fake, sent = FakeTransport(), list[dict[str, str]]()
    fake.add_url(_HOST, lambda event: event["rawPath"])

    async def noted(call: Any, call_next: Any) -> Any:
        output = await call_next(call)
        sent.append(dict(call.request.headers))
        return output

    async with LambdaClient(region=REGION, credentials=KEYS, transport=fake) as client:
        client.middleware_stack.add(noted, step="deserialize", priority="low")
        for path in ("/a", "/a", "/a", "/a", "/b", "/c"):
            await client.fetch(_HOST + path, sign=False)
            await client.fetch(_HOST + path, sign=False, params={"n": len(sent)})
    assert len(sent) == 12
    assert not [name for fields in sent for name in fields if name in {"authorization", "x-amz-date", "x-amz-security-token"}]


async def test_an_unsigned_request_needs_no_credentials() -> None:
    async def nobody() -> Any:
        raise AssertionError("asked for credentials")

    class Nobody:
        get_credentials = staticmethod(nobody)

    async with raw_server(always(answer())) as server:
        async with LambdaClient(region=REGION, credentials=Nobody()) as client:
            assert (await client.fetch(server.url, sign=False)).status_code == 200
    assert b"authorization" not in server.requests[0][0]
    assert b"x-amz-" not in server.requests[0][0]


async def test_a_foreign_host_gets_no_trace() -> None:
    async with raw_server(always(of_function())) as server, fetching_client() as client:

        async def traced(call: Any, call_next: Any) -> Any:
            call.trace_id = "Root=1-5759e988-bd862e3fe1be46a994272793"
            return await call_next(call)

        client.middleware_stack.add(traced)
        await client.fetch(server.url)
        await client.fetch(**signed(server))
    foreign, own = (head for head, _ in server.requests)
    assert b"x-amzn-trace-id" not in foreign
    assert b"x-amzn-trace-id: Root=1-" in own


# Errors of the platform

_403 = [
    (
        "InvalidSignatureException",
        "The request signature we calculated does not match",
        InvalidSignatureException,
        "signature: ",
    ),
    ("InvalidSignatureException", "Signature expired: a is now earlier than b", InvalidSignatureException, "clock: "),
    (
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
        LambdaServiceException,
        "token: ",
    ),
    ("ExpiredTokenException", "The security token included in the request is expired", ExpiredTokenException, "token: "),
    ("AccessDeniedException", "Forbidden. For troubleshooting see ...", AccessDeniedException, "permission: "),
]


@pytest.mark.parametrize(("code", "message", "kind", "cause"), _403, ids=[row[3][:-2] + row[0][:3] for row in _403])
async def test_403_names_its_cause(code: str, message: str, kind: type[AiolambdaError], cause: str) -> None:
    error = await _error_of(of_platform("403 Forbidden", code, message))
    assert isinstance(error, kind)
    assert isinstance(error, LambdaServiceException)
    assert cause in str(error)
    assert error.message == message
    assert (error.delivery, error.may_have_run) == (Delivery.REFUSED, False)


async def test_missing_permission_names_both_actions() -> None:
    text = str(await _error_of(of_platform("403 Forbidden", "AccessDeniedException", "Forbidden")))
    assert "lambda:InvokeFunctionUrl" in text
    assert "lambda:InvokeFunction for" in text


async def test_canonical_request_is_noted_at_debug_without_secrets(caplog: pytest.LogCaptureFixture) -> None:
    data = of_platform("403 Forbidden", "InvalidSignatureException", "does not match")
    more = {"headers": {"Cookie": "session=hidden-cookie", "X-Key": "hidden-key"}}
    assert not hasattr(await _error_of(data, **more), "__notes__")
    caplog.set_level(logging.DEBUG, "aiolambda")
    async with raw_server(always(data)) as server, fetching_client() as client:
        with pytest.raises(InvalidSignatureException) as raised:
            await client.fetch(f"{server.url}/a?key=hiddenquery%3D", sign=True, region=REGION, **more)
    (note,) = raised.value.__notes__
    assert "key=xxxxxxxxxxx%3D" in note
    assert "x-amz-security-token:<5 characters>" in note
    for text in (note, str(raised.value), caplog.text):
        assert "hidden" not in text
        assert KEYS.session_token not in [line.partition(":")[2] for line in text.splitlines()]


async def test_a_canonical_request_of_aws_is_not_shown() -> None:
    """Its lines have the query, the cookies and the session token."""
    quoted = "It does not match.\\n\\nThe Canonical String for this request should have been\\n'GET\\n/\\nkey=hidden\\n'"
    error = await _error_of(of_platform("403 Forbidden", "InvalidSignatureException", quoted))
    assert isinstance(error, InvalidSignatureException)
    assert error.message == "It does not match."
    assert str(error).startswith("It does not match; signature: ")
    assert "hidden" not in f"{error}{error!r}"


@pytest.mark.parametrize("host", ["url", "web"])
def test_a_refusal_names_its_actions_once(host: Any) -> None:
    refused = Metadata(http_status_code=403, request_id="1-2", attempts=1)
    error = AccessDeniedException("Forbidden.", metadata=refused, function_name="a.on.aws", delivery=Delivery.REFUSED)
    explain(error, Request("GET", "https://a.on.aws/", Headers({"authorization": "x"}), b""), kind=host, details=False)
    assert "the action to allow" not in str(error)
    assert str(error).count("lambda:InvokeFunctionUrl" if host == "url" else "lambda:InvokeWebFunctionEndpoint") == 1


async def test_a_failure_of_the_function_is_explained() -> None:
    error = await _error_of(of_platform("502 Bad Gateway", "InternalServerErrorException", "Internal Server Error"))
    assert "the function failed or timed out" in str(error)
    assert error.may_have_run


async def test_a_wrong_clock_is_corrected_once() -> None:
    date = email.utils.format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(hours=1))
    refusal = of_platform("403 Forbidden", "InvalidSignatureException", "Signature expired", f"Date: {date}\r\n")
    async with raw_server(_in_turn(refusal, of_function())) as server, fetching_client() as client:
        output = await client.fetch(method="POST", **signed(server))
        assert [one.delivery for one in output.metadata.history] == [Delivery.REFUSED, Delivery.EXECUTED]
    first, second = (head.split(b"x-amz-date: ")[1][:11] for head, _ in server.requests)
    assert first != second


async def test_a_throttle_is_retried_as_asked() -> None:
    throttle = of_platform("429 Too Many Requests", "TooManyRequestsException", "Rate exceeded", "Retry-After: 0\r\n")
    async with raw_server(_in_turn(throttle, throttle, of_function())) as server, fetching_client() as client:
        output = await client.fetch(method="POST", **signed(server), timeout=20)
    assert [one.delivery for one in output.metadata.history] == [Delivery.REFUSED] * 2 + [Delivery.EXECUTED]


async def test_a_throttle_without_time_left_is_raised() -> None:
    throttle = of_platform("429 Too Many Requests", "TooManyRequestsException", "Rate exceeded", "Retry-After: 60\r\n")
    async with raw_server(always(throttle)) as server, fetching_client() as client:
        with pytest.raises(TooManyRequestsException) as raised:
            await client.fetch(**signed(server), timeout=2)
    assert (raised.value.retry_after, raised.value.delivery) == (60, Delivery.REFUSED)


async def test_a_body_that_is_too_large_is_refused() -> None:
    error = await _error_of(of_platform("413 Too Large", "RequestEntityTooLargeException"), "POST", content=b"x")
    assert isinstance(error, RequestEntityTooLargeException)
    assert isinstance(error, PayloadTooLargeError)
    assert error.delivery is Delivery.REFUSED


@pytest.mark.parametrize("idempotent", [None, True], ids=["default", "idempotent"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
async def test_502_of_the_platform_is_unknown(method: str, idempotent: bool | None) -> None:
    """It stands for a function that failed, too: no method makes it safe to send again."""
    data = of_platform("502 Bad Gateway", "InternalServerErrorException", "Internal Server Error")
    async with raw_server(always(data)) as server, fetching_client() as client:
        with pytest.raises(LambdaServiceException) as raised:
            await client.fetch(method=method, **signed(server), idempotent=idempotent)
        assert len(server.requests) == (3 if idempotent else 1)
    assert raised.value.delivery is Delivery.UNKNOWN


@pytest.mark.parametrize("status", ["200 OK", "204 No Content", "302 Found"])
async def test_a_success_without_a_request_id_is_not_the_functions(status: str) -> None:
    error = await _error_of(answer(status, "", b""))
    assert isinstance(error, ConnectionLostError)
    assert "without a request id" in str(error)
    assert error.delivery is Delivery.UNKNOWN


@pytest.mark.parametrize("status", ["403 Forbidden", "429 Slow", "502 Bad Gateway"])
async def test_an_error_without_a_request_id_is_unknown(status: str) -> None:
    error = await _error_of(answer(status, "", b'{"message":"hidden"}'))
    assert isinstance(error, LambdaServiceException)
    assert "no request id of AWS, so it is not Lambda's" in str(error)
    assert "hidden" not in str(error)
    assert error.delivery is Delivery.UNKNOWN


async def test_error_of_a_web_endpoint_is_known_by_its_header() -> None:
    data = answer("504 Gateway Timeout", f"{WEB_ID}lambda-web-error-type: Runtime.RequestTimeout\r\n", b"")
    error = await _error_of(data)
    assert isinstance(error, LambdaServiceException)
    assert (error.code, error.delivery, error.request_id) == ("Runtime.RequestTimeout", Delivery.UNKNOWN, "3-4")
    refusal = answer("431 Too Large", f"{WEB_ID}lambda-web-error-type: Platform.HeaderLines\r\n", b"")
    assert (await _error_of(refusal)).delivery is Delivery.REFUSED


# The wire


async def test_head_has_no_body_and_keeps_its_connection() -> None:
    data = b"HTTP/1.1 200 OK\r\nx-amzn-requestid: 1\r\nContent-Length: 5000000000\r\n\r\n"
    async with raw_server(always(data)) as server, fetching_client() as client:
        for _ in range(3):
            output = await client.fetch(method="HEAD", **signed(server))
            assert (output.content, output.headers["content-length"]) == (b"", "5000000000")
        async with client.fetch_stream(method="HEAD", **signed(server)) as stream:
            assert await stream.read() == b""
        assert server.connections == 1


async def test_body_after_a_head_belongs_to_no_request() -> None:
    async with raw_server(always(of_function(body=b"not wanted"))) as server, fetching_client() as client:
        for _ in range(2):
            assert (await client.fetch(method="HEAD", **signed(server))).content == b""
        assert server.connections == 2


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
async def test_a_status_without_a_body_has_none(status: str) -> None:
    data = f"HTTP/1.1 {status}\r\nx-amzn-requestid: 1\r\n\r\n".encode()
    async with raw_server(always(data)) as server, fetching_client() as client:
        for _ in range(2):
            assert (await client.fetch(**signed(server))).content == b""
        assert server.connections == 1


_CUT = {
    "length": b"HTTP/1.1 200 OK\r\nx-amzn-requestid: 1\r\nContent-Length: 10\r\n\r\nabc",
    "chunks": b"HTTP/1.1 200 OK\r\nx-amzn-requestid: 1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    "no end": b"HTTP/1.1 200 OK\r\nx-amzn-requestid: 1\r\nConnection: close\r\n\r\nabc",
}


@pytest.mark.parametrize("data", _CUT.values(), ids=_CUT)
async def test_a_cut_body_is_an_error(data: bytes) -> None:
    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(data)

    async with raw_server(script) as server, fetching_client() as client:
        with pytest.raises(ConnectionLostError) as raised:
            await client.fetch(**signed(server))
        assert len(server.requests) == 1
    assert raised.value.delivery is Delivery.UNKNOWN


async def test_a_cancelled_fetch_closes_its_connection() -> None:
    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.until_client_closes()

    async with raw_server(script) as server, fetching_client() as client:
        task = asyncio.create_task(client.fetch(**signed(server)))
        while not server.requests:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        while not server.closed:
            await asyncio.sleep(0.01)
        assert client.stats.in_flight == 0
        assert len(server.requests) == 1


# Compressed bodies


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(b'{"a": 1}')),
        ("GZip", gzip.compress(b'{"a"') + gzip.compress(b": 1}")),
        ("deflate", zlib.compress(b'{"a": 1}')),
        ("deflate", zlib.compress(b'{"a": 1}', wbits=-15)),
        ("gzip, gzip", gzip.compress(gzip.compress(b'{"a": 1}'))),
        ("identity", b'{"a": 1}'),
    ],
    ids=["gzip", "two members", "deflate", "raw deflate", "twice", "identity"],
)
async def test_a_body_is_decompressed_on_request(coding: str, body: bytes) -> None:
    async with raw_server(always(of_function(headers=f"Content-Encoding: {coding}\r\n", body=body))) as server:
        async with fetching_client() as client:
            output = await client.fetch(**signed(server), headers={"Accept-Encoding": "gzip"})
    assert output.content == body
    assert output.decompress().json() == {"a": 1}
    if coding != "identity":
        with pytest.raises(DecodeError, match=r"output.decompress\(\)"):
            output.json()


def test_a_bomb_stays_within_its_bound() -> None:
    output = HttpOutput(status_code=200, headers={"content-encoding": "gzip"}, content=gzip.compress(bytes(10_000_000)))
    with pytest.raises(PayloadTooLargeError, match="more than 1,000 bytes"):
        output.decompress(limit=1000)
    assert len(output.decompress(limit=10_000_000).content) == 10_000_000


@pytest.mark.parametrize(
    ("coding", "body"),
    [("gzip", b"no"), ("br", b"no"), ("deflate", b"no"), ("gzip", gzip.compress(b"x" * 99)[:-9])],
    ids=["gzip", "unknown", "deflate", "cut"],
)
def test_a_damaged_body_is_a_decode_error(coding: str, body: bytes) -> None:
    with pytest.raises(DecodeError):
        HttpOutput(status_code=200, headers={"content-encoding": coding}, content=body).decompress()


# Inputs

_HOST = "https://abc.lambda-url.eu-west-1.on.aws"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"url": "abc.lambda-url.eu-west-1.on.aws/"}, "its scheme is missing"),
        ({"url": "ftp://host/"}, "not an http or https URL"),
        ({"url": "https://user:password@host/"}, "a user or a password"),
        ({"url": f"{_HOST}/\r\nX: y"}, "control character"),
        ({"url": f"{_HOST}/\ud800"}, "lone surrogate"),
        ({"url": 7}, "url must be a string"),
        ({"url": _HOST.replace("https", "http")}, "takes https only"),
        ({"url": "https://a.b.lambda-web.eu-west-1.on.aws:8443/"}, "takes no port"),
        ({"url": "https://a.b.lambda-web.on.aws/"}, "SigV4a"),
        ({"url": "https://a.b.lambda-web.global.on.aws/"}, "SigV4a"),
        ({"url": _HOST, "region": "*"}, "SigV4a"),
        ({"url": _HOST, "region": "us-east-1"}, "is in eu-west-1"),
        ({"url": "https://example.com", "sign": True}, "needs region"),
        ({"url": "https://example.com", "region": "us-east-1"}, "write sign=True"),
        ({"url": _HOST, "sign": "yes"}, "sign must be"),
        ({"url": _HOST, "method": "G T"}, "method of HTTP"),
        ({"url": _HOST, "method": "CONNECT"}, "method of HTTP"),
        ({"url": "https://a.b.lambda-web.eu-west-1.on.aws/", "method": "TRACE"}, "a web function takes"),
        ({"url": _HOST, "headers": {"a": "b\r\nc: d"}}, "HTTP cannot carry"),
        ({"url": _HOST, "headers": {"a b": "c"}}, "HTTP cannot carry"),
        ({"url": _HOST, "headers": {"a": 1}}, "strings"),
        ({"url": _HOST, "headers": [("a", "b")]}, "a mapping"),
        ({"url": _HOST, "headers": {"Transfer-Encoding": "chunked"}}, "transfer-encoding"),
        ({"url": _HOST, "headers": {"Host": "else"}}, "remove the header 'host'"),
        ({"url": _HOST, "headers": {"Expect": "100-continue"}}, "remove the header 'expect'"),
        ({"url": _HOST, "headers": {"Authorization": "Bearer x"}}, "sign=False"),
        ({"url": _HOST, "headers": {"A": "b", "a": "c"}}, "twice"),
        ({"url": _HOST, "headers": {"a": "b" * 40_000}}, "the limit is 32,768"),
        ({"url": _HOST, "json": 1, "content": b"2"}, "not both"),
        ({"url": _HOST, "content": {"a": 1}}, "json="),
        ({"url": _HOST, "json": object()}, "cannot be encoded"),
        ({"url": _HOST, "params": "a=b"}, "a mapping or pairs"),
        ({"url": _HOST, "params": {"a": object()}}, "neither text nor a number"),
    ],
)
async def test_a_wrong_input_is_refused_before_sending(arguments: dict[str, Any], text: str) -> None:
    async with fetching_client() as client:
        with pytest.raises(InvalidInputError) as raised:
            await client.fetch(**arguments)
    assert text in str(raised.value)
    assert raised.value.delivery is Delivery.NOT_DELIVERED
    assert "password" not in str(raised.value) or "a user or a password" in str(raised.value)


async def test_a_large_body_is_refused_for_functions_only() -> None:
    large = bytes(6 * 1024 * 1024 + 1)
    async with raw_server(always(answer())) as server, fetching_client() as client:
        with pytest.raises(InvalidPayloadSizeError):
            await client.fetch(_HOST, "POST", content=large)
        assert (await client.fetch(server.url, "POST", content=large)).status_code == 200


def test_the_repr_of_a_command_shows_no_secret() -> None:
    command = FetchCommand(url=f"{_HOST}/a?key=hidden", headers={"x": "hidden"}, params={"k": "hidden"}, json={"x": "hidden"})
    assert "hidden" not in repr(command)
    assert f"{_HOST}/a" in repr(command)


def _compressed(content: bytes, codings: str = "gzip") -> HttpOutput:
    return HttpOutput(status_code=200, headers={"content-encoding": codings}, content=content)


def test_many_members_are_decompressed_in_time() -> None:
    """What follows a member must not be copied for each: 6 MB of them would take half a minute."""
    started = time.process_time()
    assert _compressed(gzip.compress(b"a") * 200_000).decompress().content == b"a" * 200_000
    assert time.process_time() - started < 5


def test_an_empty_body_is_decompressed_to_itself() -> None:
    """A response to HEAD names the coding that one to GET has."""
    assert _compressed(b"").decompress().content == b""


def test_a_body_is_decompressed_to_its_limit() -> None:
    output = _compressed(gzip.compress(b"ab") + gzip.compress(b"c"))
    assert output.decompress(limit=3).content == b"abc"
    with pytest.raises(PayloadTooLargeError):
        output.decompress(limit=2)


@pytest.mark.parametrize("limit", [-1, -5, None], ids=repr)
def test_a_limit_below_zero_is_refused(limit: Any) -> None:
    with pytest.raises(ConfigurationError, match="limit must be"):
        _compressed(gzip.compress(b"a")).decompress(limit=limit)


def test_a_chain_of_codings_is_refused() -> None:
    with pytest.raises(DecodeError, match="has 6 content codings"):
        _compressed(b"a", ",".join(["gzip"] * 6)).decompress()


async def test_a_fetch_over_a_session_keeps_headers_and_heads() -> None:
    fields = "Set-Cookie: a=1\r\nset-cookie: b=2\r\n"
    data = f"HTTP/1.1 200 OK\r\nx-amzn-requestid: 1\r\n{fields}Content-Length: 0\r\n\r\n".encode()
    large = b"HTTP/1.1 200 OK\r\nx-amzn-requestid: 1\r\nContent-Length: 5000000000\r\n\r\n"
    async with raw_server(_in_turn(data, large)) as server, aiohttp.ClientSession() as session:
        async with fetching_client(transport=SessionTransport(session)) as client:
            output = await client.fetch(**signed(server))
            assert output.headers.get_all("set-cookie") == ["a=1", "b=2"]
            assert (await client.fetch(method="HEAD", **signed(server))).headers["content-length"] == "5000000000"


@pytest.mark.parametrize("region", ["", "Nope!!", "eu west"], ids=["empty", "marks", "space"])
async def test_only_a_region_is_signed_for(region: str) -> None:
    async with fetching_client() as client:
        with pytest.raises(InvalidInputError, match="is not a region") as raised:
            await client.fetch("http://127.0.0.1:1/", sign=True, region=region)
    assert raised.value.member == "region"


async def test_a_value_without_json_is_named() -> None:
    async with fetching_client() as client:
        with pytest.raises(InvalidInputError, match="^json cannot be encoded: object has no JSON form") as raised:
            await client.fetch("http://127.0.0.1:1/", json=object())
    assert raised.value.member == "json"
