"""Which 2xx answers are Lambda's: at AWS's own hosts, at others, for every kind of invocation; and what the rest becomes."""

from contextlib import AbstractAsyncContextManager
from typing import Any

import attrs
import pytest

from aiolambda import (
    Call,
    CallNext,
    ConnectionLostError,
    Credentials,
    Delivery,
    InvokeCommand,
    LambdaClient,
    LambdaServiceException,
    NoRetry,
    Request,
    Response,
    StreamedResponse,
)
from aiolambda.protocol.endpoints import is_aws_url
from aiolambda.protocol.success_response import EVENT_STREAM

from ..support import suites
from ..support.servers import always, answer, raw_server

KEYS = Credentials("AKIDEXAMPLE", "top secret")
AWS = "https://lambda.us-east-1.amazonaws.com"
PRIVATE_LINK = "https://vpce-0123-abcd.lambda.eu-west-1.vpce.amazonaws.com"
ELSEWHERE = "http://127.0.0.1:1"
ID = {"x-amzn-requestid": "the-id"}
JSON = {"content-type": "application/json"}


@attrs.define
class Answering:
    """A transport that gives one answer to everything, and counts how often it was asked."""

    response: Response
    asked: int = 0

    async def send(self, request: Request, /) -> Response:
        self.asked += 1
        return self.response

    def stream(self, request: Request, /) -> AbstractAsyncContextManager[StreamedResponse]:
        raise NotImplementedError

    async def close(self) -> None:
        pass


async def outcome_of(endpoint_url: str, kind: Any, status: int, headers: dict[str, str], body: bytes = b"{}") -> Delivery | str:
    """The verdict on an answer, or the text of what was raised of it."""
    transport = Answering(Response(status, headers, body))
    settings: dict[str, Any] = {"region": "us-east-1", "credentials": KEYS, "retry": NoRetry()}
    async with LambdaClient(endpoint_url=endpoint_url, transport=transport, **settings) as client:
        try:
            output = await client.send(InvokeCommand(function_name="orders", invocation_type=kind))
        except ConnectionLostError as raised:
            error, failed = raised, client.stats.failed
        else:
            return output.metadata.history[0].delivery
    verdict = Delivery.NOT_DELIVERED if kind == "DryRun" else Delivery.UNKNOWN  # nothing runs, whoever answered
    assert (error.delivery, failed, transport.asked) == (verdict, {verdict: 1}, 1)
    assert [(attempt.delivery, attempt.status_code) for attempt in error.history] == [(Delivery.UNKNOWN, status)]
    assert error.request_id == headers.get("x-amzn-requestid")
    return str(error)


RIGHT = {None: (200, Delivery.EXECUTED), "Event": (202, Delivery.ACCEPTED), "DryRun": (204, Delivery.NOT_DELIVERED)}


@pytest.mark.parametrize("endpoint", [AWS, PRIVATE_LINK, ELSEWHERE])
@pytest.mark.parametrize("kind", RIGHT)
@pytest.mark.parametrize("status", [200, 201, 202, 203, 204, 205, 206, 207, 226, 299])
async def test_each_kind_of_invocation_has_one_status(endpoint: str, kind: str | None, status: int) -> None:
    outcome = await outcome_of(endpoint, kind, status, ID | JSON)
    expected, verdict = RIGHT[kind]
    if status == expected:
        assert outcome is verdict
    elif status == 200 and endpoint == ELSEWHERE:
        assert outcome is Delivery.EXECUTED, "an emulator runs an Event and a DryRun, and says 200"
    else:
        said = (
            f"the answer is not Lambda's: it is HTTP {status}, and Lambda answers with {expected} ({kind or 'RequestResponse'})"
        )
        assert str(outcome).startswith(said)
        assert "Check endpoint_url and the proxy settings" in str(outcome)


@pytest.mark.parametrize("endpoint", [AWS, PRIVATE_LINK, ELSEWHERE])
@pytest.mark.parametrize("kind", RIGHT)
@pytest.mark.parametrize("page", ["text/html", "Text/HTML; charset=utf-8", " text/html;x", "application/xhtml+xml"])
async def test_html_page_is_never_a_response(endpoint: str, kind: str | None, page: str) -> None:
    for status in {200, RIGHT[kind][0]}:
        outcome = await outcome_of(endpoint, kind, status, ID | {"content-type": page}, b"<html>log in</html>")
        assert f"the answer is not Lambda's: it is HTTP {status} with a page (" in str(outcome)
        assert "a proxy on the way may have sent it" in str(outcome)
        assert "log in" not in str(outcome)


@pytest.mark.parametrize("endpoint", [AWS, PRIVATE_LINK])
@pytest.mark.parametrize("kind", RIGHT)
async def test_aws_response_needs_a_request_id(endpoint: str, kind: str | None) -> None:
    outcome = await outcome_of(endpoint, kind, RIGHT[kind][0], JSON)
    assert "it has no x-amzn-requestid, which every answer of AWS has; a proxy on the way may have sent it" in str(outcome)
    assert await outcome_of(endpoint, kind, RIGHT[kind][0], {"X-Amzn-RequestId": "the-id"} | JSON) is RIGHT[kind][1]
    assert await outcome_of(ELSEWHERE, kind, RIGHT[kind][0], JSON) is RIGHT[kind][1]


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate, gzip", "x" * 300])
async def test_unrequested_content_encoding_is_refused(encoding: str) -> None:
    outcome = await outcome_of(ELSEWHERE, None, 200, JSON | {"content-encoding": encoding}, b"\x1f\x8b")
    assert f"its body is encoded ({encoding[:100]!r}), although the request did not ask for that" in str(outcome)


@pytest.mark.parametrize("encoding", ["", "identity", " Identity "])
async def test_identity_content_encoding_is_accepted(encoding: str) -> None:
    assert await outcome_of(ELSEWHERE, None, 200, JSON | {"content-encoding": encoding}) is Delivery.EXECUTED


async def test_requested_content_encoding_is_kept() -> None:
    async def asks(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        call.request.headers["Accept-Encoding"] = "gzip"
        return await call_next(call)

    transport = Answering(Response(200, {"content-encoding": "gzip"}, b"\x1f\x8b"))
    async with LambdaClient(region="us-east-1", credentials=KEYS, endpoint_url=ELSEWHERE, transport=transport) as client:
        client.middleware_stack.add(asks, step="build")
        assert (await client.invoke("orders")).payload == b"\x1f\x8b"


async def test_event_stream_is_not_a_payload() -> None:
    outcome = await outcome_of(AWS, None, 200, ID | {"content-type": EVENT_STREAM})
    assert "it is HTTP 200 with an event stream in place of a payload" in str(outcome)


@pytest.mark.parametrize("content_type", ["application/octet-stream", "text/plain; charset=utf-8", "image/png", ""])
async def test_other_content_types_are_payloads(content_type: str) -> None:
    assert await outcome_of(AWS, None, 200, ID | {"content-type": content_type}) is Delivery.EXECUTED


async def test_html_page_is_never_a_function_error() -> None:
    headers = ID | {"content-type": "text/html", "x-amz-function-error": "Unhandled"}
    assert "with a page (text/html)" in str(await outcome_of(AWS, None, 200, headers))


async def test_sent_invocation_type_decides() -> None:
    """A middleware may have made another kind of a request; what counts is what Lambda was asked for."""

    async def queues(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        call.request.headers["X-Amz-Invocation-Type"] = "Event"
        return await call_next(call)

    async with LambdaClient(region="us-east-1", credentials=KEYS, transport=Answering(Response(202, ID))) as client:
        client.middleware_stack.add(queues, step="build")
        output = await client.send(InvokeCommand(function_name="orders"))
    assert output.metadata.history[0].delivery is Delivery.ACCEPTED


async def test_middleware_sees_the_refused_response() -> None:
    seen: list[Response | None] = []

    async def looks(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        try:
            return await call_next(call)
        finally:
            seen.append(call.response)

    page = Response(200, {"content-type": "text/html"}, b"<html>")
    async with LambdaClient(region="us-east-1", credentials=KEYS, transport=Answering(page)) as client:
        client.middleware_stack.add(looks, step="deserialize")
        with pytest.raises(ConnectionLostError):
            await client.invoke("orders")
    assert seen == [page]


@pytest.mark.parametrize("idempotent", [False, True])
async def test_html_page_is_retried_only_if_idempotent(idempotent: bool) -> None:
    page = answer(headers="Content-Type: text/html\r\n", body=b"<html>")
    async with raw_server(always(page)) as server:
        async with LambdaClient(region="us-east-1", credentials=KEYS, endpoint_url=server.url) as client:
            with pytest.raises(ConnectionLostError, match="may have run") as caught:
                await client.invoke("orders", idempotent=idempotent)
    assert len(server.requests) == caught.value.attempts == (3 if idempotent else 1)


# What is no success

PAGE = {"content-type": "text/html"}


@pytest.mark.parametrize(
    ("status", "headers", "verdict", "says"),
    [
        (302, PAGE | {"location": "https://portal.example/?token=SECRET"}, Delivery.UNKNOWN, "which points to portal.example"),
        (307, {"location": "http://[::1"}, Delivery.UNKNOWN, "HTTP 307; Lambda does not redirect: check endpoint_url"),
        (304, {}, Delivery.UNKNOWN, "HTTP 304; Lambda does not redirect"),
        (403, PAGE, Delivery.REFUSED, "a proxy or a load balancer on the way may have sent this page"),
        (404, PAGE, Delivery.REFUSED, "a proxy or a load balancer on the way may have sent this page"),
        (408, PAGE, Delivery.UNKNOWN, "a proxy or a load balancer on the way may have sent this page"),
        (500, PAGE, Delivery.UNKNOWN, "a proxy or a load balancer on the way may have sent this page"),
        (502, PAGE, Delivery.UNKNOWN, "a proxy or a load balancer on the way may have sent this page"),
        (504, PAGE, Delivery.UNKNOWN, "a proxy or a load balancer on the way may have sent this page"),
    ],
)
async def test_proxy_page_keeps_the_delivery_of_its_status(
    status: int, headers: dict[str, str], verdict: Delivery, says: str
) -> None:
    body = b"<!DOCTYPE html>\n<html><Error><Code>TooManyRequestsException</Code><Message>m</Message></Error></html>"
    transport = Answering(Response(status, headers, body))
    async with LambdaClient(region="us-east-1", credentials=KEYS, transport=transport, retry=NoRetry()) as client:
        with pytest.raises(LambdaServiceException) as caught:
            await client.invoke("orders")
    assert (caught.value.code, caught.value.delivery) == (f"HTTP{status}", verdict)
    assert says in str(caught.value)
    assert "SECRET" not in str(caught.value)


# Whose host it is


@pytest.mark.parametrize("url", [AWS, PRIVATE_LINK, f"{AWS}.", f"{AWS}:443/x?y", "https://LAMBDA.us-east-1.API.AWS/"])
def test_aws_suffix_makes_an_aws_url(url: str) -> None:
    assert is_aws_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:4566",
        "https://lambda.us-east-1.amazonaws.com.example",
        "https://fakeamazonaws.com",
        "https://amazonaws.com.localhost/amazonaws.com",
        "https://example.com/?.amazonaws.com",
        "http://127.0.0.1",
        "http://[::1]:3",
        "http://[",
        "",
    ],
)
def test_other_host_is_not_an_aws_url(url: str) -> None:
    assert not is_aws_url(url)


def test_suite_endpoints_are_aws_urls() -> None:
    cases = suites.load("endpoints-lambda/endpoint-tests-1.json")["testCases"]
    urls = [case["expect"]["endpoint"]["url"] for case in cases if "endpoint" in case["expect"]]
    assert len(urls) > 50
    others = [url for url in urls if not is_aws_url(url)]
    assert others == [url for url in urls if "example.com" in url]
    suffixes = [
        partition["outputs"][name]
        for partition in suites.load("endpoints-lambda/partitions.json")["partitions"]
        for name in ("dnsSuffix", "dualStackDnsSuffix")
    ]
    assert all(is_aws_url(f"https://lambda.here.{suffix}/") for suffix in suffixes)
