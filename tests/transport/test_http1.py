"""The request that crosses the wire, beside what botocore and the AWS SDK for JavaScript v3 send for the same input."""

import asyncio
import base64
import contextlib
import io
import json
import string
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import attrs
import botocore.session
import pytest
from botocore import UNSIGNED
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from hypothesis import given
from hypothesis import strategies as st

from aiolambda import (
    Credentials,
    Headers,
    InvokeCommand,
    InvokeWithResponseStreamCommand,
    LambdaClient,
    Request,
    Response,
    StreamedResponse,
)
from aiolambda.protocol import endpoints

from ..support import suites

REGIONS = {
    "us-east-1": "aws",
    "cn-north-1": "aws-cn",
    "us-gov-west-1": "aws-us-gov",
    "us-iso-east-1": "aws-iso",
    "us-isob-east-1": "aws-iso-b",
    "eu-isoe-west-1": "aws-iso-e",
    "us-isof-south-1": "aws-iso-f",
    "eusc-de-east-1": "aws-eusc",
}
"""A region of every partition."""

ENDPOINTS = [
    "https://lambda.us-east-1.amazonaws.com",
    "http://127.0.0.1:9001",
    "http://[::1]:9001",
    "https://gateway.example.com/base/path",
    "https://gateway.example.com:8443/a%20b/",
]


@attrs.define
class Nothing:
    """A streamed answer without a body."""

    status: int = 200
    headers: Mapping[str, str] = Headers({"x-amzn-requestid": "an-id"})

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in ():
            yield piece


@attrs.define
class Recording:
    """A transport that keeps the last request and answers that all went well."""

    request: Request | None = None

    async def send(self, request: Request, /) -> Response:
        self.request = request
        kind = request.headers.get("x-amz-invocation-type")
        return Response({"Event": 202, "DryRun": 204}.get(str(kind), 200), {"x-amzn-requestid": "an-id"}, b"null")

    @contextlib.asynccontextmanager
    async def stream(self, request: Request, /) -> AsyncGenerator[StreamedResponse]:
        self.request = request
        yield Nothing()

    async def close(self) -> None:
        pass


COMMANDS: dict[str, Any] = {"Invoke": InvokeCommand, "InvokeWithResponseStream": InvokeWithResponseStreamCommand}


async def sent(
    members: Mapping[str, Any], *, region: str, endpoint: str, validated: bool = True, command: Any = InvokeCommand
) -> Request:
    """The request of ours, after the whole stack."""
    transport = Recording()
    keys = Credentials("AKIDEXAMPLE", "secret")
    async with LambdaClient(region=region, endpoint_url=endpoint, credentials=keys, transport=transport) as client:
        if not validated:
            client.middleware_stack.remove("validationMiddleware")
        await client.send(command.from_api(members))
        await client.close(grace=0)  # a stream that nothing reads would be waited for
    assert transport.request is not None
    return transport.request


class Botocore:
    """botocore's Lambda clients, one for each endpoint, whose requests end here instead of on the wire."""

    def __init__(self) -> None:
        self._session = botocore.session.Session()
        self._clients = {endpoint: self._client(endpoint) for endpoint in ENDPOINTS}
        self._requests: list[AWSPreparedRequest] = []

    def sent(self, members: Mapping[str, Any], *, endpoint: str) -> AWSPreparedRequest:
        self._clients[endpoint].invoke(**members)
        return self._requests.pop()

    def _client(self, endpoint: str) -> Any:
        config = Config(signature_version=UNSIGNED, retries={"max_attempts": 0})
        client = self._session.create_client("lambda", region_name="us-east-1", endpoint_url=endpoint, config=config)
        client.meta.events.register("before-send.lambda.Invoke", self._keep)
        return client

    def _keep(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        self._requests.append(request)
        return AWSResponse(request.url, 200, {}, io.BytesIO(b"null"))


# What is generated

names = st.text(string.ascii_letters + string.digits + "-_", min_size=1, max_size=40)
qualifiers = st.sampled_from(["$LATEST", "$LATEST.PUBLISHED", "42", "live"]) | names
texts = st.text(st.characters(codec="utf-8"), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(texts, values, max_size=4)
tenants = st.text(string.ascii_letters + string.digits + "._:/=+-@ ", min_size=1, max_size=40).filter(
    lambda text: text == text.strip()
)


def compact(value: object, **options: Any) -> str:
    return json.dumps(value, separators=(",", ":"), **options)


@st.composite
def function_names(draw: st.DrawFn, region: str) -> str:
    name = draw(names) + draw(st.just("") | qualifiers.map(":{}".format))
    account = f"{draw(st.integers(0, 10**12 - 1)):012}"
    parts = (f"arn:{REGIONS[region]}:lambda:", f"{region}:", f"{account}:", "function:")
    return "".join(part for part in parts if draw(st.booleans())) + name


@st.composite
def invocations(draw: st.DrawFn) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """A region, the members for us, and the members for botocore, which takes neither values nor a client context to encode."""
    region = draw(st.sampled_from(list(REGIONS)))
    kind = draw(st.sampled_from([None, "RequestResponse", "Event", "DryRun"]))
    ours: dict[str, Any] = {
        "FunctionName": draw(function_names(region)),
        "InvocationType": kind,
        "LogType": draw(st.sampled_from([None, "None", "Tail"])),
        "Qualifier": draw(st.none() | qualifiers),
        "TenantId": draw(st.none() | tenants),
        "DurableExecutionName": draw(st.none() | names),
        "Payload": draw(st.none() | st.binary(max_size=40) | texts.map(json.dumps) | objects | st.lists(values, max_size=3)),
        "ClientContext": draw(st.none() | objects | st.just("eyJjdXN0b20iOnt9fQ==")),
    }
    ours = {member: value for member, value in ours.items() if value is not None}
    theirs = dict(ours)
    if isinstance(ours.get("Payload"), dict | list):
        theirs["Payload"] = compact(ours["Payload"], ensure_ascii=False)
    if isinstance(ours.get("ClientContext"), dict):
        theirs["ClientContext"] = base64.b64encode(compact(ours["ClientContext"]).encode()).decode()
    return region, ours, theirs


MODELLED = [
    "x-amz-invocation-type",
    "x-amz-log-type",
    "x-amz-client-context",
    "x-amz-tenant-id",
    "x-amz-durable-execution-name",
]


def target_of(url: str) -> tuple[str, str]:
    """Path and query as they are written, percent-encoding and all."""
    parts = urlsplit(url)
    return parts.path, parts.query


def test_request_matches_botocores() -> None:
    """Generated inputs, each through the whole client on both sides."""
    theirs = Botocore()
    with asyncio.Runner() as runner:

        @given(invocation=invocations(), endpoint=st.sampled_from(ENDPOINTS))
        def compare(invocation: tuple[str, dict[str, Any], dict[str, Any]], endpoint: str) -> None:
            region, members, members_for_botocore = invocation
            our = runner.run(sent(members, region=region, endpoint=endpoint))
            their = theirs.sent(members_for_botocore, endpoint=endpoint)
            their_headers = Headers({name: value.decode() for name, value in their.headers.items() if isinstance(value, bytes)})

            assert our.method == their.method == "POST"
            assert target_of(our.url) == target_of(their.url)
            assert urlsplit(our.url).netloc == urlsplit(their.url).netloc
            assert our.body == (their.body or b"")
            assert {name: our.headers.get(name) for name in MODELLED} == {name: their_headers.get(name) for name in MODELLED}
            unmodelled = {name for name in [*our.headers, *their_headers] if name.startswith("x-amz-")} - set(MODELLED)
            assert unmodelled == {"x-amz-date", "x-amz-content-sha256"}, "what signing adds, and nothing else"

        compare()


@pytest.mark.parametrize("payload", [None, b"", b"{}"])
async def test_content_type_and_length_follow_javascript(
    payload: bytes | None,
) -> None:
    members = {"FunctionName": "orders"} if payload is None else {"FunctionName": "orders", "Payload": payload}
    our = await sent(members, region="us-east-1", endpoint=ENDPOINTS[0])
    their = Botocore().sent(members, endpoint=ENDPOINTS[0])
    assert our.headers["content-type"] == "application/octet-stream"
    assert "Content-Type" not in their.headers
    assert our.headers.get("content-length") == ("2" if payload else None), "aiohttp adds the zero, as it does for any POST"
    assert their.headers["Content-Length"] == ("2" if payload else "0")


@pytest.mark.parametrize("region", REGIONS)
def test_endpoint_host_matches_botocores(region: str) -> None:
    client = botocore.session.Session().create_client("lambda", region_name=region, config=Config(signature_version=UNSIGNED))
    assert endpoints.endpoint_for(region).url == client.meta.endpoint_url


@pytest.mark.parametrize(
    ("endpoint", "function_name", "url"),
    [
        ("https://h", "orders", "https://h/2015-03-31/functions/orders/invocations"),
        ("https://h/base/", "a.b:live", "https://h/base/2015-03-31/functions/a.b%3Alive/invocations"),
        (
            "https://h:444/b",
            "arn:aws:lambda:us-east-1:123456789012:function:f",
            "https://h:444/b/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Af/invocations",
        ),
    ],
)
async def test_path_and_qualifier_are_percent_encoded(endpoint: str, function_name: str, url: str) -> None:
    members = {"FunctionName": function_name, "Qualifier": "$LATEST"}
    assert (await sent(members, region="us-east-1", endpoint=endpoint)).url == f"{url}?Qualifier=%24LATEST"


# The AWS SDK for JavaScript v3

NOT_HERE = {
    "InvokeAsync max": "a deprecated operation, in place of which Lambda asks for Invoke with InvocationType Event",
    "InvokeAsync min": "a deprecated operation, in place of which Lambda asks for Invoke with InvocationType Event",
}
OF_THE_CALL = {"user-agent", "amz-sdk-invocation-id", "amz-sdk-request", "x-amz-date", "authorization"}
"""Headers whose values are other for every client or call; what is signed is compared by name."""


def signed_headers(authorization: str) -> set[str]:
    return set(authorization.split("SignedHeaders=")[1].split(",", maxsplit=1)[0].split(";"))


async def test_request_matches_javascripts() -> None:
    """Its placeholders are no valid members, so validation is taken out of our stack."""
    suite = suites.load("js-invoke/requests.json")
    cases = {f"{case['operation']} {case['variant']}": case for case in suite["cases"]}
    here = {f"{operation} {variant}": command for operation, command in COMMANDS.items() for variant in ("max", "min")}
    assert cases.keys() == here.keys() | NOT_HERE.keys()
    for name, command in here.items():
        theirs = cases[name]["http"]
        members = dict(cases[name]["input"])
        if "Payload" in members:
            members["Payload"] = base64.b64decode(members["Payload"]["$bytes"])
        endpoint = f"https://{theirs['host']}"
        our = await sent(members, command=command, region=suite["region"], endpoint=endpoint, validated=False)

        path, query = target_of(our.url)
        assert (our.method, path) == (theirs["method"], theirs["path"])
        assert {key: value for key, [value] in parse_qs(query).items()} == theirs["query"]
        assert our.body == base64.b64decode(theirs["body_b64"])
        their_headers = {key: value for key, value in theirs["headers"].items() if key != "x-amz-user-agent"}
        assert our.headers.keys() == their_headers.keys()
        assert {key: value for key, value in our.headers.items() if key not in OF_THE_CALL} == {
            key: value for key, value in their_headers.items() if key not in OF_THE_CALL
        }
        assert signed_headers(our.headers["authorization"]) == signed_headers(their_headers["authorization"]) - {
            "x-amz-user-agent"
        }
        assert our.headers["amz-sdk-request"] == "attempt=1"  # throttles are not counted, so no maximum is announced
