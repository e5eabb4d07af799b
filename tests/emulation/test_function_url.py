"""The payload format 2.0 of function URLs: the event of a request, and the response of a result."""

import base64
import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolambda import ThrottleReason
from aiolambda.emulation import api_errors, url_errors
from aiolambda.emulation.function_url import MalformedResponse, UrlRequest, event_of, head_of, is_text, response_of
from aiolambda.operations.text_formats import HttpPrelude

NOW = dt.datetime(2026, 12, 3, 11, 0, 0, 250_000, tzinfo=dt.timezone(dt.timedelta(hours=1)))
DOMAIN = "orders.lambda-url.eu-west-1.localhost"


def event_for(request: UrlRequest, **options: Any) -> Any:
    event = event_of(
        request, domain_name=DOMAIN, request_id="id", trace_id="Root=1", now=NOW, **{"access_key_id": None, **options}
    )
    return json.loads(json.dumps(event))


def get(target: str = "/", *headers: tuple[str, str]) -> Any:
    return event_for(UrlRequest(method="GET", target=target, headers=headers))


def post(body: bytes, content_type: str | None) -> Any:
    headers = [] if content_type is None else [("Content-Type", content_type)]
    return event_for(UrlRequest(method="POST", target="/", headers=headers, body=body))


def answered(result: Any) -> tuple[int, list[tuple[str, str]], bytes]:
    response = response_of(json.dumps(result).encode())
    return response.status_code, list(response.headers), response.body


# The event


def test_event_has_the_documented_form() -> None:
    request = UrlRequest(
        method="GET",
        target="/my/path?parameter1=value1&parameter1=value2&parameter2=value",
        headers=[("Header1", "value1"), ("Header2", "value1"), ("header2", "value2"), ("Cookie", "a=1; b=2")],
    )
    assert event_for(request, access_key_id="AKIDLOCAL") == {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/my/path",
        "rawQueryString": "parameter1=value1&parameter1=value2&parameter2=value",
        "cookies": ["a=1", "b=2"],
        "headers": {
            "header1": "value1",
            "header2": "value1,value2",
            "x-amzn-trace-id": "Root=1",
            "x-forwarded-for": "127.0.0.1",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        },
        "queryStringParameters": {"parameter1": "value1,value2", "parameter2": "value"},
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "orders",
            "authorizer": {
                "iam": {
                    "accessKey": "AKIDLOCAL",
                    "accountId": "000000000000",
                    "callerId": "AKIDLOCAL",
                    "cognitoIdentity": None,
                    "principalOrgId": None,
                    "userArn": "arn:aws:iam::000000000000:user/local",
                    "userId": "AKIDLOCAL",
                }
            },
            "domainName": DOMAIN,
            "domainPrefix": "orders",
            "http": {
                "method": "GET",
                "path": "/my/path",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "",
            },
            "requestId": "id",
            "routeKey": "$default",
            "stage": "$default",
            "time": "03/Dec/2026:10:00:00 +0000",
            "timeEpoch": 1796292000250,
        },
        "isBase64Encoded": False,
    }


def test_unsigned_caller_is_anonymous() -> None:
    context = get()["requestContext"]
    assert context["accountId"] == "anonymous"
    assert "authorizer" not in context


def test_absent_parts_have_no_member() -> None:
    assert {"cookies", "queryStringParameters", "body"}.isdisjoint(get("/?"))


@pytest.mark.parametrize("path", ["/a%2Fb", "//a", "/a/./b/../c", "/a+b", "/ü", "/%E2%98%83"], ids=range(6))
def test_path_stays_as_it_was_sent(path: str) -> None:
    event = get(f"{path}?q=1")
    assert event["rawPath"] == event["requestContext"]["http"]["path"] == path


def test_empty_path_is_the_root() -> None:
    assert get("?a=1")["rawPath"] == "/"


def test_query_is_decoded_once() -> None:
    event = get("/?a=1+2&b=%2B&c=%25+&flag&a=%C3%BC")
    assert event["rawQueryString"] == "a=1+2&b=%2B&c=%25+&flag&a=%C3%BC"
    assert event["queryStringParameters"] == {"a": "1 2,ü", "b": "+", "c": "% ", "flag": ""}


def test_cookies_of_several_headers_are_split() -> None:
    event = get("/", ("Cookie", "a=1;b=2; "), ("cookie", "c=3"))
    assert event["cookies"] == ["a=1", "b=2", "c=3"]
    assert "cookie" not in event["headers"]


def test_connection_headers_are_left_out() -> None:
    headers = get("/", ("Connection", "close"), ("Transfer-Encoding", "chunked"), ("Expect", "100-continue"))["headers"]
    assert {"connection", "transfer-encoding", "expect"}.isdisjoint(headers)


def test_bearer_token_reaches_the_function() -> None:
    assert get("/", ("Authorization", "Bearer x"))["headers"]["authorization"] == "Bearer x"


def test_checked_signature_is_left_out() -> None:
    request = UrlRequest(method="GET", target="/", headers=[("Authorization", "AWS4-HMAC-SHA256 x")])
    assert "authorization" not in event_for(request, access_key_id="AKID")["headers"]


def test_forwarded_addresses_are_continued() -> None:
    assert get("/", ("X-Forwarded-For", "10.0.0.1"))["headers"]["x-forwarded-for"] == "10.0.0.1, 127.0.0.1"


def test_trace_of_the_client_is_replaced() -> None:
    assert get("/", ("X-Amzn-Trace-Id", "Root=2"))["headers"]["x-amzn-trace-id"] == "Root=1"


def test_bytes_of_latin_1_become_text() -> None:
    header = b"caf\xe9".decode("utf-8", "surrogateescape")
    assert get("/", ("X-Name", header))["headers"]["x-name"] == "café"


@pytest.mark.parametrize(
    "content_type",
    ["text/plain; charset=utf-8", "TEXT/CSV", "application/json", "application/xml", "application/problem+json"],
    ids=str,
)
def test_text_arrives_as_text(content_type: str) -> None:
    event = post("grüße".encode(), content_type)
    assert (event["body"], event["isBase64Encoded"]) == ("grüße", False)


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "image/png", "multipart/form-data; boundary=x", None], ids=str
)
def test_other_bodies_are_encoded(content_type: str | None) -> None:
    event = post(b"a=1", content_type)
    assert (event["body"], event["isBase64Encoded"]) == (base64.b64encode(b"a=1").decode(), True)
    assert not is_text(content_type)


def test_text_that_is_not_utf_8_is_encoded() -> None:
    event = post(b"\xff", "text/plain")
    assert (event["body"], event["isBase64Encoded"]) == ("/w==", True)


def test_chunked_body_has_its_length() -> None:
    assert post(b"abc", "text/plain")["headers"]["content-length"] == "3"


# The response


def test_result_with_a_status_is_a_response() -> None:
    result = {
        "statusCode": 201,
        "headers": {"Content-Type": "text/plain", "X-Count": 3, "X-Is": True},
        "cookies": ["a=1; Max-Age=9", "b=2"],
        "body": "grüße",
    }
    assert answered(result) == (
        201,
        [
            ("content-type", "text/plain"),
            ("x-count", "3"),
            ("x-is", "true"),
            ("set-cookie", "a=1; Max-Age=9"),
            ("set-cookie", "b=2"),
        ],
        "grüße".encode(),
    )


@pytest.mark.parametrize(
    "result", [{"a": 1}, "text", 7, None, [], {}], ids=["object", "text", "number", "null", "list", "empty"]
)
def test_result_without_a_status_is_the_body(result: object) -> None:
    assert answered(result) == (200, [("content-type", "application/json")], json.dumps(result).encode())


def test_result_that_is_json_keeps_its_bytes() -> None:
    assert response_of(b' {"a" : 1.0 }').body == b' {"a" : 1.0 }'


def test_encoded_body_is_decoded() -> None:
    assert answered({"statusCode": "200", "body": "AP8=", "isBase64Encoded": True})[2] == b"\x00\xff"


def test_null_members_count_as_absent() -> None:
    result = {"statusCode": 204, "headers": None, "cookies": None, "body": None, "isBase64Encoded": None}
    assert answered(result) == (204, [("content-type", "application/json")], b"")


def test_headers_of_the_platform_are_remapped() -> None:
    names = [name for name, _ in answered({"statusCode": 200, "headers": {"Content-Length": "9", "Date": "x"}})[1]]
    assert names == ["x-amzn-remapped-content-length", "x-amzn-remapped-date", "content-type"]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "not JSON"),
        (b"<html>", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"statusCode": null}', "statusCode"),
        (b'{"statusCode": true}', "statusCode"),
        (b'{"statusCode": 99}', "statusCode"),
        (b'{"statusCode": 101}', "statusCode"),
        (b'{"statusCode": 600}', "statusCode"),
        (b'{"statusCode": "2\xd9\xa00"}', "statusCode"),
        (b'{"statusCode": 200.5}', "statusCode"),
        (b'{"statusCode": 200, "body": {"a": 1}}', "body must be a string, not dict"),
        (b'{"statusCode": 200, "body": "\\ud800"}', "not text"),
        (b'{"statusCode": 200, "body": "secret!", "isBase64Encoded": true}', "not Base64"),
        (b'{"statusCode": 200, "body": "a", "isBase64Encoded": "yes"}', "isBase64Encoded"),
        (b'{"statusCode": 200, "headers": ["a"]}', "headers must be an object"),
        (b'{"statusCode": 200, "headers": {"a": ["b"]}}', "a header must be a string"),
        (b'{"statusCode": 200, "headers": {"a": "b\\r\\nset-cookie: c"}}', "HTTP cannot carry"),
        (b'{"statusCode": 200, "headers": {"a b": "c"}}', "HTTP cannot carry"),
        (b'{"statusCode": 200, "headers": {"": "c"}}', "HTTP cannot carry"),
        (b'{"statusCode": 200, "cookies": "a=1"}', "cookies must be a list"),
        (b'{"statusCode": 200, "cookies": [1]}', "cookies must be a list"),
        (b'{"statusCode": 200, "cookies": ["a=1\\nb"]}', "HTTP cannot carry"),
    ],
    ids=range(22),
)
def test_malformed_result_says_why(payload: bytes, reason: str) -> None:
    with pytest.raises(MalformedResponse, match=reason) as raised:
        response_of(payload)
    assert "secret" not in str(raised.value)


def test_prelude_gives_status_and_headers() -> None:
    head = head_of(HttpPrelude(status_code=404, headers={"X-A": "1"}, cookies=["a=1"]))
    assert (head.status_code, list(head.headers)) == (
        404,
        [("x-a", "1"), ("content-type", "application/octet-stream"), ("set-cookie", "a=1")],
    )


def test_prelude_with_an_unfit_header_is_malformed() -> None:
    with pytest.raises(MalformedResponse):
        head_of(HttpPrelude(headers={"a": "b\n"}))


# The answers of the platform


def test_errors_of_the_api_keep_their_form() -> None:
    answer = url_errors.answer_of(api_errors.throttled(ThrottleReason.RESERVED_FUNCTION_CONCURRENT_INVOCATION_LIMIT_EXCEEDED))
    assert answer.status_code == 429
    assert dict(answer.headers)["x-amzn-errortype"] == "TooManyRequestsException"
    assert dict(answer.headers)["retry-after"] == "1"


def test_failure_of_the_function_is_not_told() -> None:
    answer = url_errors.failed()
    assert (answer.status_code, answer.body) == (502, b"Internal Server Error")
    assert "x-amzn-errortype" in dict(answer.headers)


def test_unsigned_request_is_forbidden() -> None:
    answer = url_errors.forbidden()
    assert answer.status_code == 403
    assert json.loads(answer.body)["Message"].startswith("Forbidden.")


def test_values_hide_their_content() -> None:
    request = UrlRequest(method="POST", target="/", headers=[("a", "secret")], body=b"secret")
    response = response_of(b'{"a": "secret"}')
    assert "secret" not in f"{request} {response}"


# Anything at all

ANY_TEXT = st.text(alphabet=st.characters(codec="utf-8"), max_size=20) | st.binary(max_size=20).map(
    lambda data: data.decode("utf-8", "surrogateescape")
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
RESULTS = st.dictionaries(
    st.sampled_from(["statusCode", "headers", "cookies", "body", "isBase64Encoded", "other"]), VALUES, max_size=6
)


@given(
    target=ANY_TEXT, fields=st.lists(st.tuples(st.sampled_from(["a", "Cookie", "content-type"]), ANY_TEXT)), body=st.binary()
)
def test_each_request_has_an_event(target: str, fields: list[tuple[str, str]], body: bytes) -> None:
    event = event_for(UrlRequest(method="GET", target=target, headers=fields, body=body))
    sent = event.get("body", "")
    assert (base64.b64decode(sent) if event["isBase64Encoded"] else sent.encode()) == body
    json.dumps(event, ensure_ascii=False).encode()


@given(result=RESULTS | VALUES)
def test_each_result_is_a_response_or_malformed(result: object) -> None:
    payload = json.dumps(result).encode()
    try:
        response = response_of(payload)
    except MalformedResponse:
        assert isinstance(result, dict)
        assert "statusCode" in result
        return
    assert 200 <= response.status_code < 600
    assert not any("\n" in value or "\r" in value for field in response.headers for value in field)
