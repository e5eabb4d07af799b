"""Function URLs beside what others wrote: signers of requests, curl, and frameworks that read the event."""

import asyncio
import base64
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from aiolambda.local import FunctionUrl, LocalEndpoint
from aiolambda.local.runtime import bootstrap

from ...support import peers
from ...support.local import function
from ...support.other_clients import SCRIPTS
from ...support.programs import output_of
from ...support.url_requests import send

OPEN = FunctionUrl(auth_type="NONE")
TARGETS = [
    "",
    "test:123",
    "a%20b",
    "a(b)",
    "a%2Fb",
    "%E2%98%83",
    "?x=abc%3D%3D",
    "?q=a%20b&a=1",
    "?flag",
    "?a=2&a=1&a=10",
]
RAW = ["/x//y/./z/../w", "..", "x/", "?a=+b", "?a=1&a", "~!*'();,"]
"""Targets that requests changes before it sends them."""
PACKAGES = {"botocore": "botocore", "requests-aws4auth": "requests_aws4auth", "aws-requests-auth": "aws_requests_auth"}


@pytest.fixture
async def endpoint() -> AsyncIterator[LocalEndpoint]:
    async with LocalEndpoint(region="eu-west-1") as endpoint:
        endpoint.add("echo", lambda event: event)
        yield endpoint


async def output(*command: str, stdin: bytes = b"") -> bytes:
    process = await asyncio.create_subprocess_exec(*command, stdin=-1, stdout=-1, stderr=-1)
    out, err = await output_of(process, within=60, stdin=stdin)
    assert process.returncode == 0, err.decode()[-2000:]
    return out


@pytest.mark.parametrize("signer", list(PACKAGES), ids=str)
async def test_signatures_of_others_are_verified(endpoint: LocalEndpoint, signer: str) -> None:
    python = peers.clients_python(PACKAGES[signer])
    url, keys = endpoint.function_url("echo"), endpoint.credentials
    targets = [*TARGETS, *(RAW if signer == "botocore" else [])]
    sent = [{"method": "GET", "url": url + target, "headers": {}, "body": ""} for target in targets]
    body = base64.b64encode(bytes(range(256))).decode()
    sent += [{"method": method, "url": url, "headers": {"x-a": "1"}, "body": body} for method in ("POST", "PUT")]
    asked = {"requests": sent, "keys": [keys.access_key_id, keys.secret_access_key], "region": "eu-west-1"}
    outcomes = json.loads(await output(python, str(SCRIPTS / "url_client.py"), signer, stdin=json.dumps(asked).encode()))
    refused = [one["url"] for one, outcome in zip(sent, outcomes, strict=True) if outcome["status"] != 200]
    assert refused == []
    events = [json.loads(base64.b64decode(outcome["body"])) for outcome in outcomes]
    assert [f"{event['rawPath']}?{event['rawQueryString']}".rstrip("?") for event in events[: len(targets)]] == [
        f"/{target}" for target in targets
    ]
    assert [event["body"] for event in events[len(targets) :]] == [body, body]
    keys_seen = {event["requestContext"]["authorizer"]["iam"]["accessKey"] for event in events}
    assert keys_seen == {keys.access_key_id}


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("arguments", [[], ["--data", "a=1"], ["-X", "PUT", "-T", "-"]], ids=["get", "form", "upload"])
async def test_signature_of_curl_is_verified(endpoint: LocalEndpoint, arguments: list[str]) -> None:
    keys = endpoint.credentials
    signing = ["--aws-sigv4", "aws:amz:eu-west-1:lambda", "--user", f"{keys.access_key_id}:{keys.secret_access_key}"]
    if "-T" in arguments:  # curl signs no body that it reads while it sends it
        signing += ["-H", "x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"]
    url = endpoint.function_url("echo") + ("" if arguments else "a/b?a=1&b=2")
    event = json.loads(await output("curl", "-sS", *signing, *arguments, url))
    assert event["requestContext"]["authorizer"]["iam"]["accessKey"] == keys.access_key_id


async def test_curl_reads_cookies_and_streams(tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    async with LocalEndpoint() as endpoint:
        endpoint.add("web", lambda _: {"statusCode": 200, "cookies": ["a=1", "b=2"], "body": "x"}, url=OPEN)
        jar = tmp_path / "jar"
        await output("curl", "-sS", "-c", str(jar), endpoint.function_url("web"))
        assert [line.split("\t")[5:] for line in jar.read_text().splitlines() if "\t" in line] == [["b", "2"], ["a", "1"]]


@pytest.fixture
def web_runtime() -> tuple[str, ...]:
    """The built-in runtime in the Python that has the frameworks."""
    return (peers.clients_python("mangum"), "-u", "-P", str(bootstrap.__file__))


def web(name: str, runtime: tuple[str, ...], url: FunctionUrl) -> Any:
    return function(name, f"web_functions.{name}", root=SCRIPTS, runtime=runtime, url=url, concurrency=1)


async def test_application_behind_mangum_is_served(web_runtime: tuple[str, ...]) -> None:
    async with LocalEndpoint([web("starlette_app", web_runtime, OPEN)]) as endpoint:
        url = endpoint.function_url("starlette_app")
        headers = {"Cookie": "c=3; d=4", "X-A": "1", "Content-Type": "application/octet-stream"}
        answer = await send(url, "/a%20b//c?q=1&q=2&e=%2B", method="PUT", body=b"\x00\xff", headers=headers)
        assert (answer.status, answer.cookies) == (201, ["a=1; Path=/; SameSite=lax", "b=2; Path=/; SameSite=lax"])
        assert answer.json() == {
            "method": "PUT",
            "path": "/a b//c",
            "query": [["q", "1"], ["q", "2"], ["e", "+"]],
            "cookies": {"c": "3", "d": "4"},
            "header": "1",
            "body": "00ff",
            "origin": endpoint.url,
            "client": "127.0.0.1",
        }
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        assert (await send(url, "/form", method="POST", body=b"a=1", headers=form)).body == b"a=1"
        assert (await send(url, "/binary")).body == bytes(range(256))


async def test_resolver_of_powertools_is_served(web_runtime: tuple[str, ...]) -> None:
    peers.clients_python("aws_lambda_powertools")
    served = web("powertools_app", web_runtime, FunctionUrl())
    async with LocalEndpoint([served], verify_signatures=False, region="eu-west-1") as endpoint:
        headers = {"Cookie": "c=3; d=4", "Content-Type": "application/octet-stream", "User-Agent": "test/1"}
        url = endpoint.function_url("powertools_app")
        answer = await send(url, "/orders/7?q=a%20b", method="POST", body=b"tea", headers=headers)
        assert (answer.status, answer.cookies) == (201, ["a=1; Secure", "b=2; Secure"])
        assert answer.json() == {
            "id": "7",
            "query": "a b",
            "body": "tea",
            "cookies": ["c=3", "d=4"],
            "caller": "LOCAL",
            "account": "000000000000",
            "domain": "powertools_app.lambda-url.eu-west-1.localhost",
            "source": "127.0.0.1",
            "agent": "test/1",
        }
        assert (await send(url, "/nothing")).status == 404


async def test_application_in_this_process_is_served() -> None:
    """Without other packages: a handler that reads the event as frameworks do."""

    def handler(event: Any) -> Any:
        body = base64.b64decode(event["body"]) if event["isBase64Encoded"] else event.get("body", "").encode()
        return {"statusCode": 200, "body": base64.b64encode(body[::-1]).decode(), "isBase64Encoded": True}

    async with LocalEndpoint() as endpoint:
        endpoint.add("mirror", handler, url=OPEN)
        assert (await send(endpoint.function_url("mirror"), method="POST", body=b"\x01\x02")).body == b"\x02\x01"
