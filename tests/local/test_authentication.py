"""Signatures: valid ones are accepted, and every kind of invalid one is refused."""

import asyncio
import contextlib
import datetime as dt

import aiohttp
import pytest

from aiolambda import Credentials, LambdaClient
from aiolambda.emulation.api_errors import ApiError
from aiolambda.local import LocalEndpoint
from aiolambda.local.api import authentication
from aiolambda.local.api.authentication import SignedRequest
from aiolambda.protocol.sigv4 import Signer, payload_hash

from ..support.local import Caller, function, serving, shared_endpoint

NOW = dt.datetime(2026, 11, 23, 12, 0, 0, tzinfo=dt.UTC)
KEYS = Credentials("AKIALOCALEXAMPLE0000", "the secret")
REGION = "eu-west-1"
PATH = "/2015-03-31/functions/app%3A%24LATEST/invocations"


def signed(*, keys=KEYS, region=REGION, service="lambda", at=NOW, body=b"{}", path=PATH, query="", headers=None):
    sent = {"host": "127.0.0.1:9001", "content-type": "application/octet-stream", **(headers or {})}
    sent |= Signer(region, service).sign("POST", path, query, sent, payload_hash(body), keys, at)
    return {"method": "POST", "path": path, "query": query, "headers": sent, "body": body}


def check(parts, *, keys=KEYS, now=NOW):
    body = parts["body"]
    request = SignedRequest(**{name: part for name, part in parts.items() if name != "body"})
    authentication.check_head(request, keys, REGION, now)
    authentication.check_body(request, body, keys)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"body": b""},
        {"query": "Qualifier=%24LATEST"},
        {"headers": {"x-amz-client-context": "e30=", "x-spaces": "a   b"}},
        {"at": NOW - dt.timedelta(minutes=4, seconds=59)},
        {"at": NOW + dt.timedelta(minutes=4, seconds=59)},
        {"headers": {"x-amz-content-sha256": payload_hash(b"{}")}},
    ],
)
def test_good_signature_is_accepted(settings):
    check(signed(**settings))


def changed(**parts):
    return lambda request: request | parts


def with_headers(**headers):
    added = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda request: request | {"headers": request["headers"] | added}


def without_header(name):
    return lambda request: request | {"headers": {key: value for key, value in request["headers"].items() if key != name}}


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (without_header("authorization"), "MissingAuthenticationTokenException", "Missing Authentication Token"),
        (with_headers(authorization="Basic dTpw"), "InvalidSignatureException", "Authorization header requires"),
        (changed(body=b'{"changed": 1}'), "InvalidSignatureException", "does not match"),
        (changed(path="/2015-03-31/functions/other/invocations"), "InvalidSignatureException", "does not match"),
        (changed(query="Qualifier=7"), "InvalidSignatureException", "does not match"),
        (changed(method="PUT"), "InvalidSignatureException", "does not match"),
        (with_headers(content_type="text/plain"), "InvalidSignatureException", "does not match"),
        (with_headers(x_amz_content_sha256=payload_hash(b"other")), "InvalidSignatureException", "does not match"),
        (with_headers(content_type="\udcff"), "InvalidSignatureException", "does not match"),
        (without_header("content-type"), "InvalidSignatureException", "does not match"),
        (without_header("x-amz-date"), "InvalidSignatureException", "Date must be in ISO-8601"),
        (with_headers(x_amz_date="2026-11-23T12:00:00Z"), "InvalidSignatureException", "Date must be in ISO-8601"),
        (with_headers(x_amz_date="20261332T120000Z"), "InvalidSignatureException", "Date must be in ISO-8601"),
        (with_headers(x_amz_date="\u0662\u0660261123T120000Z"), "InvalidSignatureException", "Date must be in ISO-8601"),
        (with_headers(x_amz_content_sha256="UNSIGNED-PAYLOAD"), "InvalidSignatureException", "does not match"),
    ],
)
def test_request_changed_after_signing_is_refused(change, code, said):
    with pytest.raises(ApiError) as caught:
        check(change(signed()))
    assert (caught.value.status, caught.value.code) == (403, code)
    assert said in caught.value.members["message"]


@pytest.mark.parametrize(
    ("settings", "code", "said"),
    [
        ({"keys": Credentials("AKIASOMEBODYELSE0000", "s")}, "UnrecognizedClientException", "security token"),
        ({"keys": Credentials(KEYS.access_key_id, "a guess")}, "InvalidSignatureException", "does not match"),
        ({"region": "us-east-1"}, "InvalidSignatureException", "Credential should be scoped to a valid region"),
        ({"service": "s3"}, "InvalidSignatureException", "Credential should be scoped to correct service"),
        ({"at": NOW - dt.timedelta(minutes=5, seconds=1)}, "InvalidSignatureException", "Signature expired: 20261123T115459Z"),
        ({"at": NOW + dt.timedelta(minutes=5, seconds=1)}, "InvalidSignatureException", "Signature not yet current"),
    ],
)
def test_signature_of_another_scope_is_refused(settings, code, said):
    with pytest.raises(ApiError) as caught:
        check(signed(**settings))
    assert (caught.value.status, caught.value.code) == (403, code)
    assert said in caught.value.members["message"]


def test_session_token_is_required():
    keys = Credentials(KEYS.access_key_id, KEYS.secret_access_key, "token")
    check(signed(keys=keys), keys=keys)
    for other in (KEYS, Credentials(KEYS.access_key_id, KEYS.secret_access_key, "another")):
        with pytest.raises(ApiError) as caught:
            check(signed(keys=other), keys=keys)
        assert caught.value.code == "UnrecognizedClientException"


def test_fresh_keys_are_never_the_same():
    first, second = authentication.fresh_credentials(), authentication.fresh_credentials()
    assert first.access_key_id != second.access_key_id
    assert len(first.access_key_id) == 20
    assert len(first.secret_access_key) == 40


@pytest.fixture(scope="module")
def signing():
    """An endpoint that verifies signatures."""
    with shared_endpoint(function(), verify_signatures=True, credentials=KEYS, region=REGION) as endpoint:
        yield endpoint


async def test_unsigned_request_runs_nothing(signing):
    async with aiohttp.ClientSession() as session:
        unsigned = await Caller(signing, session)()
    assert signing.runtime_pids("app") == []
    assert (unsigned.status, unsigned.code) == (403, "MissingAuthenticationTokenException")


async def test_endpoint_without_a_region_takes_each() -> None:
    """So that the first example of a page, which has a region, reaches the first endpoint, which was given none."""
    async with LocalEndpoint([function()]) as endpoint:
        for region in (endpoint.region, "eu-west-1"):
            async with LambdaClient(region=region, endpoint_url=endpoint.url, credentials=endpoint.credentials) as client:
                await client.dry_run("app")
                await client.dry_run(f"arn:aws:lambda:{region}:000000000000:function:app")
    assert endpoint.region == "us-east-1"


LONG = 6 * 1024 * 1024 + 1
"""Bytes of a body that is declared but never sent."""


async def answer_to_head(endpoint, headers):
    """Send only the head of a request, and return the status and the error code of the response."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(endpoint.url.rpartition(":")[2]))
    try:
        lines = [f"{name}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join([f"POST {PATH} HTTP/1.1", *lines, "", ""]).encode())
        status, *fields = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)).decode().split("\r\n")
        return int(status.split()[1]), next(field.split()[1] for field in fields if field.startswith("x-amzn-ErrorType:"))
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):  # the server may close first, with the body unread
            await writer.wait_closed()


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        (None, (403, "MissingAuthenticationTokenException")),
        ({"keys": Credentials("AKIASOMEBODYELSE0000", "s")}, (403, "UnrecognizedClientException")),
        ({"region": "us-east-1"}, (403, "InvalidSignatureException")),
        ({"at": NOW}, (403, "InvalidSignatureException")),
        (
            {"keys": Credentials(KEYS.access_key_id, "a guess"), "headers": {"x-amz-content-sha256": payload_hash(b"")}},
            (403, "InvalidSignatureException"),
        ),
        ({}, (413, "RequestEntityTooLargeException")),
        ({"length": 69_905_068}, (413, "RequestEntityTooLargeException")),
    ],
    ids=["unsigned", "another key", "another region", "late", "another secret", "too large", "far too large"],
)
async def test_bad_head_is_refused_before_the_body(signing, settings, code):
    host = signing.url.removeprefix("http://")
    headers = {"host": host, "content-length": str(LONG)}
    if settings is not None:
        length = str(settings.pop("length", LONG))
        settings = {"at": dt.datetime.now(dt.UTC), **settings}
        given = {"host": host, "content-length": length, **settings.pop("headers", {})}
        headers = signed(**settings, headers=given)["headers"]
    assert await answer_to_head(signing, headers) == code
    assert signing.runtime_pids("app") == []


async def test_chunked_body_is_read_up_to_the_limit():
    sent = 0

    async def body():
        nonlocal sent
        while True:
            sent += 65_536
            yield b" " * 65_536

    async with serving() as invoke:
        url = f"{invoke.endpoint.url}{PATH}"
        async with invoke.session.post(url, data=body()) as response:
            assert (response.status, response.headers["x-amzn-ErrorType"]) == (413, "RequestEntityTooLargeException")
            assert "More than 6291456 byte payload" in (await response.json())["message"]
    assert sent < 69_905_067


def botocore_client(endpoint, **settings):
    session = pytest.importorskip("botocore.session", reason="botocore is not installed").get_session()
    config = pytest.importorskip("botocore.config").Config(retries={"total_max_attempts": 1})
    keys = {
        "aws_access_key_id": endpoint.credentials.access_key_id,
        "aws_secret_access_key": endpoint.credentials.secret_access_key,
        "aws_session_token": endpoint.credentials.session_token,
    }
    members = {"region_name": endpoint.region, "endpoint_url": endpoint.url, "config": config, **keys, **settings}
    return session.create_client("lambda", **members)


async def in_thread(method, **members):
    """Call a blocking client in a thread, because the endpoint may serve in this event loop."""
    return await asyncio.to_thread(method, **members)


async def test_botocore_invokes_the_endpoint():
    async with serving(function(), verify_signatures=True, credentials=Credentials("AKIALOCAL", "s", "t")) as invoke:
        client = botocore_client(invoke.endpoint)
        try:
            names = ["app", "app:$LATEST", "arn:aws:lambda:us-east-1:000000000000:function:app"]
            answers = [await in_thread(client.invoke, FunctionName=name, Payload=b'{"op": "pid"}') for name in names]
            pids = [answer["Payload"].read() for answer in answers]
            failed = await in_thread(
                client.invoke, FunctionName="app", Qualifier="$LATEST", LogType="Tail", Payload=b'{"op": "fail"}'
            )
            content = failed["Payload"].read()
            dry = await in_thread(client.invoke, FunctionName="app", InvocationType="DryRun")
            described = await in_thread(
                client.invoke,
                FunctionName="app",
                ClientContext="eyJjdXN0b20iOnsiYSI6MX19",
                TenantId="blue",
                Payload=b'{"op": "describe"}',
            )
            seen = described["Payload"].read()
        finally:
            client.close()
    assert len(set(pids)) == 1
    assert {(answer["StatusCode"], answer["ExecutedVersion"]) for answer in answers} == {(200, "$LATEST")}
    assert (failed["FunctionError"], b"ValueError" in content, "LogResult" in failed) == ("Unhandled", True, True)
    assert dry["StatusCode"] == 204
    assert b'"custom": {"a": 1}' in seen
    assert b'"tenant_id": "blue"' in seen


async def test_botocore_understands_endpoint_errors(tmp_path):
    exceptions = pytest.importorskip("botocore.exceptions", reason="botocore is not installed")
    async with serving(function(), verify_signatures=True) as invoke:
        client, stranger = botocore_client(invoke.endpoint), botocore_client(invoke.endpoint, aws_secret_access_key="guess")
        try:
            refused = [
                (client.invoke, {"FunctionName": "nobody"}, "ResourceNotFoundException", 404),
                (client.invoke, {"FunctionName": "app", "Payload": b"{"}, "InvalidRequestContentException", 400),
                (client.invoke, {"FunctionName": "app:1", "Qualifier": "2"}, "InvalidParameterValueException", 400),
                (stranger.invoke, {"FunctionName": "app"}, "InvalidSignatureException", 403),
            ]
            for method, members, code, status in refused:
                with pytest.raises(exceptions.ClientError) as caught:
                    await in_thread(method, **members)
                answer = caught.value.response
                assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
                assert answer["Error"]["Message"]
        finally:
            client.close()
            stranger.close()
