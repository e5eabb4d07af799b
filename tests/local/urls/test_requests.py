"""Requests at function URLs: what the function gets, what the client gets, and what the endpoint knows of it."""

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from aiolambda import ConfigurationError, ConnectionLostError, InvocationTimeoutError, StreamError, TooManyRequestsException
from aiolambda.local import DurableConfig, FunctionUrl, LocalEndpoint
from aiolambda.testing import FunctionFailure

from ...support.local import becomes_true, function, serving
from ...support.url_requests import UrlAnswer, send, send_to

OPEN = FunctionUrl(auth_type="NONE")
MIB = 1024 * 1024


@pytest.fixture
async def endpoint() -> AsyncIterator[LocalEndpoint]:
    async with LocalEndpoint(region="eu-west-1") as endpoint:
        endpoint.add("echo", lambda event: event, url=OPEN)
        yield endpoint


async def echoed(endpoint: LocalEndpoint, target: str = "", **options: Any) -> Any:
    answer = await send(endpoint.function_url("echo"), target, **options)
    assert answer.status == 200, answer.body
    return answer.json()


async def answered(endpoint: LocalEndpoint, result: object, **options: Any) -> UrlAnswer:
    endpoint.add("web", lambda _: result, url=OPEN)
    return await send(endpoint.function_url("web"), **options)


# What the function gets


@pytest.mark.parametrize(
    "target",
    ["", "/", "/a/b", "/a%2Fb", "/a%252Fb", "//a", "/a/./b/../c", "/..", "/a+b", "/:a@b(c)", "/%E2%98%83", "/a;b=c"],
    ids=str,
)
async def test_path_reaches_the_function_as_sent(endpoint: LocalEndpoint, target: str) -> None:
    event = await echoed(endpoint, f"{target}?q=%20+&q")
    assert (event["rawPath"], event["rawQueryString"]) == (target or "/", "q=%20+&q")


async def test_bytes_in_a_path_reach_the_function(endpoint: LocalEndpoint) -> None:
    target = "/☃".encode()
    request = b"GET /_url/echo%b HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % target
    answer = await send_to(endpoint.url, request)
    assert answer.status == 400 or answer.json()["rawPath"] == "/☃"


async def test_empty_query_is_none(endpoint: LocalEndpoint) -> None:
    event = await echoed(endpoint, "/?")
    assert event["rawQueryString"] == ""
    assert "queryStringParameters" not in event


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"], ids=str)
async def test_each_method_reaches_the_function(endpoint: LocalEndpoint, method: str) -> None:
    assert (await echoed(endpoint, method=method))["requestContext"]["http"]["method"] == method


async def test_head_has_no_body(endpoint: LocalEndpoint) -> None:
    endpoint.add("echo", lambda event: {"statusCode": 200, "body": event["requestContext"]["http"]["method"]})
    answer = await send(endpoint.function_url("echo"), method="HEAD")
    assert (answer.status, answer.header("content-length"), answer.whole) == (200, "4", True)


async def test_repeated_headers_and_cookies_are_joined(endpoint: LocalEndpoint) -> None:
    request = (
        f"GET /_url/echo HTTP/1.1\r\nHost: {endpoint.url[7:]}\r\nX-A: 1\r\nx-a: 2\r\nCookie: a=1; b=2\r\nCookie: c=3\r\n"
        "X-Empty:\r\nUser-Agent: test/1\r\n\r\n"
    )
    event = (await send_to(endpoint.url, request.encode())).json()
    headers = event["headers"]
    assert (headers["x-a"], headers["x-empty"], headers["user-agent"]) == ("1,2", "", "test/1")
    assert event["cookies"] == ["a=1", "b=2", "c=3"]
    assert event["requestContext"]["http"]["userAgent"] == "test/1"


async def test_event_names_the_endpoint(endpoint: LocalEndpoint) -> None:
    event = await echoed(endpoint)
    context, headers = event["requestContext"], event["headers"]
    assert (context["domainName"], context["domainPrefix"], context["apiId"]) == (
        "echo.lambda-url.eu-west-1.localhost",
        "echo",
        "echo",
    )
    port = endpoint.url.rpartition(":")[2]
    assert (headers["x-forwarded-proto"], headers["x-forwarded-port"]) == ("http", port)
    assert (context["http"]["sourceIp"], headers["x-forwarded-for"]) == ("127.0.0.1", "127.0.0.1")


async def test_ids_are_the_same_everywhere(endpoint: LocalEndpoint) -> None:
    endpoint.add("ids", lambda event, context: [context.aws_request_id, event], url=OPEN)
    answer = await send(endpoint.function_url("ids"), headers={"X-Amzn-Trace-Id": "Root=1-5759e988-bd862e3fe1be46a994272793"})
    request_id, event = answer.json()
    assert answer.header("x-amzn-requestid") == request_id == event["requestContext"]["requestId"]
    assert event["headers"]["x-amzn-trace-id"] == "Root=1-5759e988-bd862e3fe1be46a994272793"
    assert str(answer.header("x-amzn-trace-id")).startswith("Root=1-5759e988-bd862e3fe1be46a994272793")


async def test_expected_continue_is_sent(endpoint: LocalEndpoint) -> None:
    host, port = endpoint.url[7:].split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"POST /_url/echo HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n"
        b"Expect: 100-continue\r\n\r\n"
    )
    async with asyncio.timeout(10):
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"hi")
        assert b" 200 " in await reader.readline()
    writer.close()
    await writer.wait_closed()
    assert json.loads(endpoint.executions[-1].payload)["body"] == "hi"


async def test_chunked_body_is_collected(endpoint: LocalEndpoint) -> None:
    request = (
        b"POST /_url/echo HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    )
    event = (await send_to(endpoint.url, request)).json()
    assert (event["body"], event["headers"]["content-length"]) == ("abc", "3")
    assert "transfer-encoding" not in event["headers"]


async def test_compressed_body_stays_compressed(endpoint: LocalEndpoint) -> None:
    event = await echoed(endpoint, method="POST", body=b"\x1f\x8bx", headers={"Content-Encoding": "gzip"})
    assert base64.b64decode(event["body"]) == b"\x1f\x8bx"


async def test_binary_body_goes_both_ways(endpoint: LocalEndpoint) -> None:
    def mirror(event: Any) -> Any:
        return {
            "statusCode": 200,
            "headers": {"content-type": "image/png"},
            "body": event["body"],
            "isBase64Encoded": event["isBase64Encoded"],
        }

    endpoint.add("mirror", mirror, url=OPEN)
    every_byte = bytes(range(256))
    answer = await send(endpoint.function_url("mirror"), method="POST", body=every_byte, headers={"Content-Type": "image/png"})
    assert (answer.body, answer.header("content-type")) == (every_byte, "image/png")


# What the client gets


async def test_cookies_are_fields_of_their_own(endpoint: LocalEndpoint) -> None:
    answer = await answered(endpoint, {"statusCode": 302, "headers": {"location": "/x"}, "cookies": ["a=1", "b=2, 3"]})
    assert (answer.status, answer.header("location"), answer.cookies) == (302, "/x", ["a=1", "b=2, 3"])


@pytest.mark.parametrize("status", [204, 304], ids=str)
async def test_some_statuses_have_no_body(endpoint: LocalEndpoint, status: int) -> None:
    answer = await answered(endpoint, {"statusCode": status, "body": "not sent"})
    assert (answer.status, answer.whole) == (status, True)


async def test_any_status_of_the_function_is_passed_on(endpoint: LocalEndpoint) -> None:
    answer = await answered(endpoint, {"statusCode": 503, "body": "later"})
    assert (answer.status, answer.body, answer.code) == (503, b"later", None)


async def test_failure_of_the_function_is_a_502(endpoint: LocalEndpoint) -> None:
    def fail(event: Any) -> Any:
        raise ValueError("secret")

    endpoint.add("web", fail, url=OPEN)
    answer = await send(endpoint.function_url("web"))
    assert (answer.status, answer.body) == (502, b"Internal Server Error")
    assert answer.code == "InternalServerErrorException"
    assert answer.header("x-amzn-requestid") == endpoint.executions[-1].request_id
    assert endpoint.executions[-1].error_type == "ValueError"


async def test_malformed_result_is_a_502_and_logged(endpoint: LocalEndpoint, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "aiolambda.local.urls"):
        answer = await answered(endpoint, {"statusCode": 200, "body": {"secret": 1}})
    assert (answer.status, answer.body) == (502, b"Internal Server Error")
    assert "function 'web' is not an HTTP response: its body must be a string, not dict" in caplog.text
    assert "secret" not in caplog.text


async def test_too_large_requests_are_refused(endpoint: LocalEndpoint) -> None:
    text = {"Content-Type": "text/plain"}
    answer = await send(endpoint.function_url("echo"), method="POST", headers={**text, "Content-Length": str(6 * MIB + 1)})
    assert (answer.status, answer.code) == (413, "RequestEntityTooLargeException")
    encoded = await send(endpoint.function_url("echo"), method="POST", body=bytes(5 * MIB))
    assert (encoded.status, encoded.code) == (413, "RequestEntityTooLargeException")
    fits = await send(endpoint.function_url("echo"), method="POST", body=b"x" * (5 * MIB), headers=text)
    assert fits.status == 200
    assert len(endpoint.executions) == 1


async def test_header_of_invoke_changes_nothing(endpoint: LocalEndpoint) -> None:
    headers = {"X-Amz-Invocation-Type": "Event", "Content-Type": "text/plain"}
    assert (await echoed(endpoint, method="POST", body=b"x" * (2 * MIB), headers=headers))["body"] == "x" * (2 * MIB)


@pytest.mark.parametrize(
    "path", ["unknown", "", "a.b", "echo:", "%0d%0a", "%F0%9F%98%80", "..%2Fecho", "x" * 300], ids=range(8)
)
async def test_unknown_names_are_refused(endpoint: LocalEndpoint, path: str) -> None:
    answer = await send_to(endpoint.url, f"GET /_url/{path}/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    assert answer.status in (400, 403, 404)
    assert answer.code is not None
    assert endpoint.executions == []


# Scripted failures, and what is known afterwards


async def test_scripted_answers_are_those_of_a_url(endpoint: LocalEndpoint) -> None:
    endpoint.fail("echo", TooManyRequestsException, times=1)
    answer = await send(endpoint.function_url("echo"))
    assert (answer.status, answer.code) == (429, "TooManyRequestsException")
    assert (await send(endpoint.function_url("echo"))).status == 200


async def test_scripted_function_failure_is_a_502(endpoint: LocalEndpoint) -> None:
    endpoint.fail("echo", FunctionFailure.timed_out(after=3))
    assert (await send(endpoint.function_url("echo"))).status == 502


@pytest.mark.parametrize("runs", [False, True], ids=["before", "after"])
async def test_connection_is_lost_without_an_answer(endpoint: LocalEndpoint, runs: bool) -> None:
    endpoint.fail("echo", ConnectionLostError, runs=runs)
    with pytest.raises(asyncio.IncompleteReadError):
        await send(endpoint.function_url("echo"))
    assert len(endpoint.executions) == runs


async def test_body_is_cut_as_the_script_says(endpoint: LocalEndpoint) -> None:
    endpoint.fail("echo", StreamError)
    answer = await send(endpoint.function_url("echo"))
    assert (answer.status, answer.whole) == (200, False)


async def test_silence_lasts_until_the_endpoint_is_reset(endpoint: LocalEndpoint) -> None:
    endpoint.fail("echo", InvocationTimeoutError)
    asking = asyncio.create_task(send(endpoint.function_url("echo")))
    await becomes_true(lambda: endpoint.calls)
    assert not asking.done()
    async with asyncio.timeout(10):
        while not asking.done():  # the request may not be silent yet
            endpoint.reset()
            await asyncio.sleep(0.01)
    with pytest.raises(asyncio.IncompleteReadError):
        await asking


async def test_delays_apply(endpoint: LocalEndpoint) -> None:
    endpoint.delay("echo", 0.2)
    began = asyncio.get_running_loop().time()
    await echoed(endpoint)
    assert asyncio.get_running_loop().time() - began >= 0.2


async def test_calls_and_executions_are_recorded(endpoint: LocalEndpoint) -> None:
    await echoed(endpoint, "/a?b=1", method="POST", body=b"hi", headers={"Content-Type": "text/plain", "X-A": "1"})
    (call,) = endpoint.calls
    assert (call.function_name, call.qualifier, call.payload) == ("echo", None, b"hi")
    assert call.url == f"{endpoint.function_url('echo')}a?b=1"
    assert (call.headers["x-a"], call.streamed) == ("1", False)
    (execution,) = endpoint.executions
    assert json.loads(execution.payload)["rawPath"] == "/a"
    assert execution.request_id == call.request_id


async def test_client_that_leaves_stops_no_function(endpoint: LocalEndpoint) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    async def slow(event: Any) -> str:
        loop.call_soon_threadsafe(begun.set)
        await asyncio.sleep(0.2)
        loop.call_soon_threadsafe(ended.set)
        return "done"

    endpoint.add("slow", slow, url=OPEN)
    asking = asyncio.create_task(send(endpoint.function_url("slow")))
    async with asyncio.timeout(10):
        await begun.wait()
        asking.cancel()
        await ended.wait()
        await endpoint.wait_idle()
    assert endpoint.executions[-1].error_type is None


async def test_close_answers_requests_in_flight() -> None:
    async with LocalEndpoint() as endpoint:
        begun = asyncio.Event()
        loop = asyncio.get_running_loop()

        async def hang(event: Any) -> None:
            loop.call_soon_threadsafe(begun.set)
            await asyncio.sleep(60)

        endpoint.add("hang", hang, url=OPEN)
        asking = asyncio.create_task(send(endpoint.function_url("hang")))
        async with asyncio.timeout(10):
            await begun.wait()
            await endpoint.close()
            answer = await asking
    assert (answer.status, answer.code) == (500, "ServiceException")


async def test_half_a_request_runs_nothing(endpoint: LocalEndpoint) -> None:
    host, port = endpoint.url[7:].split(":")
    for request in (
        b"POST /_url/echo HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10\r\n\r\nhalf",
        b"POST /_url/echo HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nha",
        b"GET /_url/echo HTTP/1.1\r\nHos",
    ):
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(request)
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    await echoed(endpoint)
    await endpoint.wait_idle()
    assert len(endpoint.executions) == 1


@pytest.mark.parametrize(
    "request_", [b"\0\xff\r\n\r\n", b"GET /_url/echo\r\n\r\n", b"BREW /_url/echo HTTP/1.1\r\nHost: a\r\n\r\n"], ids=range(3)
)
async def test_nonsense_is_refused(endpoint: LocalEndpoint, request_: bytes) -> None:
    assert (await send_to(endpoint.url, request_)).status in (400, 403)
    assert endpoint.executions == []


# Hosts, aliases, and functions in processes


def at_host(label: str, target: str = "/", region: str = "eu-west-1") -> bytes:
    return f"GET {target} HTTP/1.1\r\nHost: {label}.lambda-url.{region}.localhost:1\r\n\r\n".encode()


async def test_host_names_the_function(endpoint: LocalEndpoint) -> None:
    event = (await send_to(endpoint.url, at_host("ECHO", "/2015-03-31/functions/x/invocations"))).json()
    assert event["rawPath"] == "/2015-03-31/functions/x/invocations"
    assert event["requestContext"]["domainName"] == "echo.lambda-url.eu-west-1.localhost"
    assert event["headers"]["x-forwarded-port"] == "1"


async def test_host_of_another_region_is_not_found(endpoint: LocalEndpoint) -> None:
    answer = await send_to(endpoint.url, at_host("echo", region="us-east-2"))
    assert (answer.status, answer.code) == (404, "ResourceNotFoundException")


async def test_alias_has_a_url_of_its_own(endpoint: LocalEndpoint) -> None:
    endpoint.add("orders", lambda _, context: context.invoked_function_arn, url=OPEN)
    endpoint.add("orders:live", lambda event, context: [context.invoked_function_arn, event["requestContext"]["domainName"]])
    arn = "arn:aws:lambda:eu-west-1:000000000000:function:orders"
    assert (await send(endpoint.function_url("orders"))).json() == arn
    expected = [f"{arn}:live", "orders--live.lambda-url.eu-west-1.localhost"]
    assert (await send(endpoint.function_url("orders:live"))).json() == expected
    assert (await send_to(endpoint.url, at_host("orders--live"))).json() == expected
    assert endpoint.calls[-1].qualifier == "live"


def test_url_needs_a_started_endpoint() -> None:
    endpoint = LocalEndpoint()
    endpoint.add("orders", lambda event: event)
    with pytest.raises(ConfigurationError, match="before it is started"):
        endpoint.function_url("orders")
    with pytest.raises(ConfigurationError, match="no function 'order'; did you mean orders"):
        endpoint.function_url("order")


def test_wrong_urls_are_explained(tmp_path: Path) -> None:
    endpoint = LocalEndpoint()
    with pytest.raises(ConfigurationError, match="url must be a FunctionUrl; got"):
        endpoint.add("orders", lambda event: event, url="NONE")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="LocalFunction has its own url"):
        endpoint.add(function(), url=OPEN)  # type: ignore[call-overload]
    with pytest.raises(ConfigurationError, match="the url of function 'app' must be a FunctionUrl, or None"):
        function(url="NONE")


async def test_removed_function_has_no_url(endpoint: LocalEndpoint) -> None:
    endpoint.remove("echo")
    endpoint.add("echo", lambda event: event)
    assert (await send(f"{endpoint.url}/_url/echo/")).status == 403


HANDLERS = """\
import time

def handler(event, context):
    path = event["rawPath"]
    if path == "/sleep":
        time.sleep(30)
    if path == "/exit":
        raise SystemExit(3)
    if path == "/large":
        return "x" * 7_000_000
    return {"statusCode": 200, "headers": {"x-version": context.function_version}, "body": path}
"""


async def test_functions_in_processes_have_urls(tmp_path: Path) -> None:
    (tmp_path / "web.py").write_text(HANDLERS)
    served = [
        function("web", "web.handler", root=tmp_path, url=OPEN, versions={"1": tmp_path}, aliases={"live": "1"}),
        function("brief", "web.handler", root=tmp_path, url=OPEN, timeout=0.5),
        function("none", "web.handler", root=tmp_path, url=OPEN, concurrency=0),
    ]
    async with LocalEndpoint(served) as endpoint:
        url = endpoint.function_url("web")
        answer = await send(url, "/a%2Fb")
        assert (answer.status, answer.body, answer.header("x-version")) == (200, b"/a%2Fb", "$LATEST")
        assert (await send(endpoint.function_url("web:live"))).header("x-version") == "1"
        assert [(await send(url, path)).status for path in ("/exit", "/large")] == [502, 502]
        assert (await send(endpoint.function_url("brief"), "/sleep")).status == 502
        throttled = await send(endpoint.function_url("none"))
        assert (throttled.status, throttled.code) == (429, "TooManyRequestsException")
        assert [run.error_type for run in endpoint.executions] == [
            None,
            None,
            "Runtime.ExitError",
            "Function.ResponseSizeTooLarge",
            "Sandbox.Timedout",
        ]


async def test_executions_are_shown_to_people() -> None:
    async with serving(function("app", url=OPEN)) as invoke:
        await send(invoke.endpoint.function_url("app"))
        async with invoke.session.get(f"{invoke.endpoint.url}/_local/executions") as response:
            shown = await response.json()
    assert shown["totals"]["runs"] == 1
    assert shown["executions"][0]["function_name"] == "app"


async def test_reload_changes_the_url_at_once(tmp_path: Path) -> None:
    file = tmp_path / "web.py"
    file.write_text("def handler(event, context):\n    return 'old'\n")
    served = function("web", "web.handler", root=tmp_path, url=OPEN)
    async with LocalEndpoint([served], reload=True) as endpoint:
        assert (await send(endpoint.function_url("web"))).json() == "old"
        file.write_text("def handler(event, context):\n    return 'newer'\n")
        assert (await send(endpoint.function_url("web"))).json() == "newer"


async def test_url_of_a_durable_function_begins_no_execution() -> None:
    here = Path(__file__).parent
    config = DurableConfig(execution_timeout=60)
    durable = function("orders", url=OPEN, durable=config, versions={"1": here}, aliases={"live": "1"})
    async with LocalEndpoint([durable]) as endpoint:
        answer = await send(endpoint.function_url("orders:live"), body=b"{}", method="POST")
        assert (answer.status, endpoint.executions) == (400, [])
        assert b"use Invoke" in answer.body
