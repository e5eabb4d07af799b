"""The public suites: what the SDK for JavaScript sends for each operation, and the cases of the protocol itself."""

import base64
import datetime as dt
import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from aiolambda import (
    InvalidInputError,
    InvokeCommand,
    InvokeWithResponseStreamCommand,
    JsonCodec,
    Metadata,
    PayloadLimits,
    Request,
    Response,
)
from aiolambda.operations.structure import built, table_of
from aiolambda.protocol import error_response

from ..support.api_values import COMMANDS
from ..support.smithy_shapes import Shapes, of_js
from ..support.suites import load

ENDPOINT = "https://example.com"
BY_HAND = {"Invoke": InvokeCommand, "InvokeWithResponseStream": InvokeWithResponseStreamCommand}


def made(operation: Any, input: Any, endpoint: str = ENDPOINT) -> Request:
    request: Request = operation.request(input, endpoint=endpoint, codec=JsonCodec(), limits=PayloadLimits())
    return request


# The SDK for JavaScript


def test_each_request_is_that_of_the_sdk_for_javascript() -> None:
    cases = load("js-operations/requests.json")["cases"]
    wrong = [f"{case['operation']}, {case['variant']}" for case in cases if sent(case) != expected(case)]
    assert (len(cases), wrong) == (176, [])


def sent(case: Mapping[str, Any]) -> tuple[Any, ...]:
    """What we send: method, path, query, content type and body."""
    members = of_js(case["input"])
    if case["operation"] in BY_HAND:
        members = {"Payload": b"", **members}
        command: Any = BY_HAND[case["operation"]].from_api(members)
    else:
        command = COMMANDS[case["operation"]].from_api(members)
    request = made(command.operation, command.input)
    url, headers = urlsplit(request.url), request.headers
    own = {name: value for name, value in headers.items() if name.startswith("x-amz")}
    return (
        request.method,
        url.path,
        query_of(parse_qsl(url.query, keep_blank_values=True)),
        headers.get("content-type"),
        own,
        body_of(case, request.body),
    )


def expected(case: Mapping[str, Any]) -> tuple[Any, ...]:
    http = case["http"]
    pairs = [(name, one) for name, value in http["query"].items() for one in (value if isinstance(value, list) else [value])]
    own = {name: value for name, value in http["headers"].items() if name.startswith("x-amz") and name not in OF_THE_SDK}
    body = base64.b64decode(http.get("body_b64") or "")
    return http["method"], http["path"], query_of(pairs), http["headers"].get("content-type"), own, body_of(case, body)


OF_THE_SDK = {"x-amz-user-agent", "x-amz-date", "x-amz-content-sha256", "x-amz-security-token"}


def query_of(pairs: list[tuple[str, str]]) -> list[tuple[str, object]]:
    """Sorted; moments as such, which we write with microseconds, as botocore does."""
    return sorted((name, dt.datetime.fromisoformat(value) if name.startswith("Started") else value) for name, value in pairs)


def body_of(case: Mapping[str, Any], body: bytes) -> object:
    if case["http"]["headers"].get("content-type") != "application/json":
        return body
    content = json.loads(body)
    if "ClientToken" not in case["input"]:
        content.pop("ClientToken", None)  # a random one
    return content


# The protocol


LEFT_OUT = {
    "lists in headers": "RestJsonInputAndOutputWithStringHeaders RestJsonInputAndOutputWithQuotedStringHeaders"
    " RestJsonInputAndOutputWithNumericHeaders RestJsonInputAndOutputWithBooleanHeaders"
    " RestJsonInputAndOutputWithTimestampHeaders RestJsonInputAndOutputWithEnumHeaders"
    " RestJsonInputAndOutputWithIntEnumHeaders RestJsonNullAndEmptyHeaders",
    "floats in headers of answers": "RestJsonSupportsNaNFloatHeaderOutputs RestJsonSupportsInfinityFloatHeaderOutputs"
    " RestJsonSupportsNegativeInfinityFloatHeaderOutputs",
    "headers with a prefix": "RestJsonHttpEmptyPrefixHeadersRequestClient RestJsonHttpPrefixHeadersArePresent"
    " RestJsonHttpPrefixHeadersAreNotPresent RestJsonHttpPrefixEmptyHeaders RestJsonHttpEmptyPrefixHeadersResponseClient"
    " HttpPrefixHeadersResponse",
    "media types": "RestJsonHttpPayloadTraitsWithMediaTypeWithBlob MediaTypeHeaderInputBase64 MediaTypeHeaderOutputBase64"
    " RestJsonStreamingTraitsWithMediaTypeWithBlob",
    "strings as payloads": "RestJsonEnumPayloadRequest RestJsonStringPayloadRequest RestJsonEnumPayloadResponse"
    " RestJsonStringPayloadResponse",
    "unions as payloads": "RestJsonHttpPayloadWithUnsetUnion",
    "default values": "RestJsonClientPopulatesDefaultValuesInInput"
    " RestJsonClientUsesExplicitlyProvidedMemberValuesOverDefaults RestJsonClientPopulatesNestedDefaultValuesWhenMissing"
    " RestJsonClientPopulatesDefaultsValuesWhenMissingInResponse"
    " RestJsonClientIgnoresDefaultValuesIfMemberValuesArePresentInResponse"
    " RestJsonClientPopulatesNestedDefaultsWhenMissingInResponseBody",
    "sparse lists and maps": "RestJsonSparseListsSerializeNull RestJsonSerializesSparseNullMapValues"
    " RestJsonSerializesSparseSetMapAndRetainsNull",
    "checksums": "RestJsonHttpChecksumRequired",
    "compression": "SDKAppliedContentEncoding_restJson1 SDKAppendedGzipAfterProvidedEncoding_restJson1",
    "customizations of Glacier": "GlacierVersionHeader GlacierChecksums GlacierAccountId GlacierMultipartChecksums",
}
"""Cases that need a trait, or a place of a type, that Lambda's API does not have, by what they need."""
OTHERWISE = {"ApiGatewayAccept"}
"""The case that fails although it needs no other trait: it wants a header that API Gateway alone needs."""


def failing(kind: str, problem_of: Callable[[Shapes, Mapping[str, Any]], object]) -> tuple[int, set[str]]:
    """The number of cases, and those that do not hold."""
    shapes = Shapes(load("restjson1/restjson1-ast.json"))
    cases = [case for case in load("restjson1/cases.json")["cases"] if case["kind"] == kind]
    return len(cases), {case["id"] for case in cases if holds_not(shapes, case, problem_of)}


def holds_not(shapes: Shapes, case: Mapping[str, Any], problem_of: Callable[[Shapes, Mapping[str, Any]], object]) -> bool:
    try:
        return problem_of(shapes, case) is not None
    except (InvalidInputError, KeyError):  # a value that a member cannot have here, or a value for a trait
        return True


def test_every_case_that_is_left_out_needs_more_than_lambda_has() -> None:
    cases = load("restjson1/cases.json")["cases"]
    left_out = {name for names in LEFT_OUT.values() for name in names.split()}
    assert [case["id"] for case in cases if case["lambda_relevant"] and case["id"] in left_out] == []


def test_each_request_of_the_protocol_is_as_the_case_says() -> None:
    count, wrong = failing("request", problem_of_request)
    assert (count, wrong - {name for names in LEFT_OUT.values() for name in names.split()}) == (142, OTHERWISE)
    assert len(wrong) == 32


_TOKEN = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def problem_of_request(shapes: Shapes, described: Mapping[str, Any]) -> object:
    case, operation = described["case"], shapes.operation(described)
    params = shapes.value(case.get("params", {}), described["input"])
    request = made(operation, operation.input_class.from_api(params), f"https://{case.get('host', 'example.com')}")
    url = urlsplit(request.url)
    query = _TOKEN.sub("00000000-0000-4000-8000-000000000000", url.query).split("&")
    if (request.method, url.path) != (case["method"], case["uri"]):
        return request.method, url.path
    if missing := set(case.get("queryParams", [])) - set(query):
        return missing, query
    if found := {one.partition("=")[0] for one in query} & set(case.get("forbidQueryParams", [])):
        return found
    headers = {name.lower(): value for name, value in case.get("headers", {}).items()}
    if headers.items() - request.headers.items():
        return dict(request.headers)
    if found := {name.lower() for name in case.get("forbidHeaders", [])} & set(request.headers):
        return found
    return None if "body" not in case or is_same(case["body"], request.body, case) else request.body


def is_same(text: str, body: bytes, case: Mapping[str, Any]) -> bool:
    if case.get("bodyMediaType") == "application/json" and text:
        return bool(json.loads(text) == json.loads(body))
    return text.encode() == body


def test_each_answer_of_the_protocol_gives_what_the_case_says() -> None:
    count, wrong = failing("response", problem_of_answer)
    nan = {"RestJsonSupportsNaNFloatInputs"}  # which equals nothing, and has a test of its own
    assert (count, wrong - nan - {name for names in LEFT_OUT.values() for name in names.split()}) == (94, set())
    assert len(wrong) == 20


def problem_of_answer(shapes: Shapes, described: Mapping[str, Any]) -> object:
    case, operation = described["case"], shapes.operation(described)
    response = Response(case["code"], case.get("headers", {}), case.get("body", "").encode())
    output = operation.output(None, response, metadata=Metadata(http_status_code=case["code"]), codec=JsonCodec())
    params = shapes.value(case.get("params", {}), described["output"])
    wanted = operation.output_class.from_api({name: value for name, value in params.items() if value is not None})
    ours = {name: value for name in table_of(operation.output_class).members if (value := getattr(output, name)) is not None}
    return None if built(operation.output_class, ours) == wanted else output


def test_each_error_of_the_protocol_has_the_code_that_the_case_says() -> None:
    def problem_of_error(shapes: Shapes, described: Mapping[str, Any]) -> object:
        case = described["case"]
        response = Response(case["code"], case.get("headers", {}), case.get("body", "").encode())
        code = error_response.code_of(response, error_response.members_of(response))
        return None if code == described["shape"].partition("#")[2] else code

    assert failing("error", problem_of_error) == (14, set())
