"""Who may call a function URL: signatures, web pages of other origins, and names that are not of this machine."""

import datetime as dt
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest

from aiolambda import Credentials
from aiolambda.local import FunctionUrl, LocalEndpoint, UrlCors
from aiolambda.protocol.sigv4 import Signer, payload_hash

from ...support.url_requests import UrlAnswer, send

PAGE = "http://localhost:5173"
CORS = UrlCors(allow_origins=[PAGE], allow_methods=["GET"])
REBOUND = {"Host": "rebound.example"}
FOREIGN = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}
PREFLIGHT = {"Origin": PAGE, "Access-Control-Request-Method": "GET"}


@pytest.fixture
async def endpoint() -> AsyncIterator[LocalEndpoint]:
    async with LocalEndpoint(region="eu-west-1") as endpoint:
        endpoint.add("echo", lambda event: event)
        yield endpoint


@pytest.fixture
async def unverified() -> AsyncIterator[LocalEndpoint]:
    async with LocalEndpoint(verify_signatures=False) as endpoint:
        endpoint.add("echo", lambda event: event)
        yield endpoint


async def signed(
    endpoint: LocalEndpoint,
    target: str = "/",
    *,
    method: str = "GET",
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    sent_body: bytes | None = None,
    keys: Credentials | None = None,
    region: str = "eu-west-1",
    service: str = "lambda",
    sent_target: str | None = None,
) -> UrlAnswer:
    url = endpoint.function_url("echo")
    parts = urlsplit(url)
    path, _, query = f"{parts.path.rstrip('/')}{target}".partition("?")
    fields = {"host": parts.netloc, **(headers or {})}
    signer = Signer(region, service)
    fields |= signer.sign(
        method, path, query, fields, payload_hash(body), keys or endpoint.credentials, dt.datetime.now(dt.UTC)
    )
    content = body if sent_body is None else sent_body
    if content:
        fields["content-length"] = str(len(content))
    return await send(url, target if sent_target is None else sent_target, method=method, headers=fields, body=content)


# Signatures


@pytest.mark.parametrize(
    "target",
    ["/", "/a%20b", "/a(b):c", "//a/./b/../c", "/%2F", "/a?x=abc%3D%3D", "/?q=a%20b&a=1", "/?flag", "/?a=2&a=1", "/?a=+"],
    ids=str,
)
async def test_signed_requests_come_in(endpoint: LocalEndpoint, target: str) -> None:
    answer = await signed(endpoint, target)
    assert answer.status == 200, answer.body
    iam = answer.json()["requestContext"]["authorizer"]["iam"]
    assert iam["accessKey"] == endpoint.credentials.access_key_id
    assert "authorization" not in answer.json()["headers"]


async def test_body_is_signed(endpoint: LocalEndpoint) -> None:
    assert (await signed(endpoint, method="PUT", body=b"x" * 1000)).status == 200
    changed = await signed(endpoint, method="PUT", body=b"x", sent_body=b"y")
    assert (changed.status, changed.code) == (403, "InvalidSignatureException")


async def test_declared_hash_must_be_that_of_the_body(endpoint: LocalEndpoint) -> None:
    hashed = {"x-amz-content-sha256": payload_hash(b"x")}
    assert (await signed(endpoint, method="POST", body=b"x", headers=hashed)).status == 200
    wrong = await signed(endpoint, method="POST", body=b"x", headers=hashed, sent_body=b"y")
    assert (wrong.status, wrong.code) == (403, "InvalidSignatureException")
    unsigned = await signed(endpoint, method="POST", body=b"x", headers={"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})
    assert (unsigned.status, unsigned.code) == (403, "InvalidSignatureException")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"sent_target": "/other"}, "InvalidSignatureException"),
        ({"sent_target": "/?a=1"}, "InvalidSignatureException"),
        ({"region": "us-east-1"}, "InvalidSignatureException"),
        ({"service": "execute-api"}, "InvalidSignatureException"),
        ({"keys": Credentials("AKIDOTHER", "secret")}, "UnrecognizedClientException"),
    ],
    ids=["path", "query", "region", "service", "key"],
)
async def test_wrong_signatures_are_refused(endpoint: LocalEndpoint, changes: dict[str, Any], code: str) -> None:
    answer = await signed(endpoint, **changes)
    assert (answer.status, answer.code) == (403, code)
    assert endpoint.executions == []


@pytest.mark.parametrize("authorization", [None, "Bearer x", "AWS4-HMAC-SHA256 nonsense", "é"], ids=range(4))
async def test_requests_without_a_signature_are_refused(endpoint: LocalEndpoint, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = await send(endpoint.function_url("echo"), headers=headers)
    assert answer.status == 403
    assert answer.code == ("AccessDeniedException" if authorization is None else "InvalidSignatureException")
    assert endpoint.executions == []
    assert answer.header("x-amzn-requestid") is not None


async def test_unsigned_request_is_told_where_to_read(endpoint: LocalEndpoint) -> None:
    answer = await send(endpoint.function_url("echo"))
    assert answer.json()["Message"].startswith("Forbidden. For troubleshooting Function URL authorization issues")


async def test_unverified_endpoint_accepts_unsigned_requests(unverified: LocalEndpoint) -> None:
    event = (await send(unverified.function_url("echo"))).json()
    assert event["requestContext"]["authorizer"]["iam"]["accessKey"] == "LOCAL"


async def test_open_url_ignores_a_signature(endpoint: LocalEndpoint) -> None:
    endpoint.add("echo", lambda event: event, url=FunctionUrl(auth_type="NONE"))
    event = (await send(endpoint.function_url("echo"), headers={"Authorization": "AWS4-HMAC-SHA256 nonsense"})).json()
    assert event["headers"]["authorization"] == "AWS4-HMAC-SHA256 nonsense"
    assert "authorizer" not in event["requestContext"]


# Web pages


def opened(endpoint: LocalEndpoint, cors: UrlCors | None, auth_type: Any = "NONE") -> str:
    endpoint.add("echo", lambda event: event, url=FunctionUrl(auth_type=auth_type, cors=cors))
    return endpoint.function_url("echo")


async def test_page_of_an_allowed_origin_may_read(endpoint: LocalEndpoint) -> None:
    url = opened(endpoint, CORS)
    preflight = await send(url, method="OPTIONS", headers=PREFLIGHT)
    assert (preflight.status, preflight.header("access-control-allow-methods")) == (200, "GET")
    assert preflight.header("access-control-allow-origin") == PAGE
    assert endpoint.executions == []
    answer = await send(url, headers={"Origin": PAGE, "Sec-Fetch-Site": "cross-site"})
    assert (answer.status, answer.header("access-control-allow-origin")) == (200, PAGE)


async def test_errors_can_be_read_by_the_page(endpoint: LocalEndpoint) -> None:
    url = opened(endpoint, CORS, "AWS_IAM")
    answer = await send(url, headers={"Origin": PAGE})
    assert (answer.status, answer.header("access-control-allow-origin")) == (403, PAGE)


async def test_page_of_another_origin_gets_no_headers(endpoint: LocalEndpoint) -> None:
    url = opened(endpoint, CORS)
    preflight = await send(url, method="OPTIONS", headers=PREFLIGHT | FOREIGN)
    assert preflight.header("access-control-allow-origin") is None
    assert endpoint.executions == []


async def test_configuration_wins_over_the_function(endpoint: LocalEndpoint) -> None:
    headers = {"Access-Control-Allow-Origin": "*", "vary": "accept"}
    endpoint.add("echo", lambda _: {"statusCode": 200, "headers": headers}, url=FunctionUrl(auth_type="NONE", cors=CORS))
    answer = await send(endpoint.function_url("echo"), headers={"Origin": PAGE})
    found = [value for name, value in answer.fields if name.lower() == "access-control-allow-origin"]
    assert found == [PAGE]
    assert [value for name, value in answer.fields if name.lower() == "vary"] == ["accept", "Origin"]


async def test_without_configuration_the_function_decides(endpoint: LocalEndpoint) -> None:
    url = opened(endpoint, None)
    preflight = await send(url, method="OPTIONS", headers=PREFLIGHT)
    assert preflight.json()["requestContext"]["http"]["method"] == "OPTIONS"
    assert (await send(url, headers=FOREIGN)).status == 200


async def test_open_url_refuses_rebound_names(endpoint: LocalEndpoint) -> None:
    answer = await send(opened(endpoint, UrlCors(allow_origins=["*"])), headers=REBOUND)
    assert (answer.status, answer.code) == (403, "AccessDeniedException")
    assert endpoint.executions == []


async def test_unverified_url_refuses_pages_of_others(unverified: LocalEndpoint) -> None:
    url = opened(unverified, None, "AWS_IAM")
    assert [(await send(url, headers=headers)).status for headers in (FOREIGN, REBOUND)] == [403, 403]
    url = opened(unverified, CORS, "AWS_IAM")
    assert [(await send(url, headers=headers)).status for headers in (FOREIGN, REBOUND | {"Origin": PAGE})] == [403, 403]
    assert unverified.executions == []
    allowed = await send(url, headers={"Origin": PAGE, "Sec-Fetch-Site": "cross-site"})
    assert (allowed.status, allowed.header("access-control-allow-origin")) == (200, PAGE)
