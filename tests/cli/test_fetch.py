"""`aiolambda fetch`: what it sends and writes, and its exit codes."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from aiolambda.local import FunctionUrl, LocalEndpoint

from ..support.cli import Program, environment, environment_for
from ..support.local import shared_endpoint

KEYS = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}


def told(event: dict[str, Any]) -> dict[str, Any]:
    """What a request was, as JSON, with two cookies."""
    http = event["requestContext"]["http"]
    seen = {name: event.get(name) for name in ("rawPath", "rawQueryString", "body", "isBase64Encoded")}
    seen |= {"method": http["method"], "type": event["headers"].get("content-type"), "team": event["headers"].get("x-team")}
    return {"statusCode": int(event["headers"].get("x-status", 200)), "body": json.dumps(seen), "cookies": ["a=1", "b=2"]}


def _twice(_: dict[str, Any]) -> dict[str, Any]:
    """An answer whose cookies stand among its other headers."""
    return {"statusCode": 204, "headers": {"x-team": "tea"}, "cookies": ["a=1", "a=2"]}


@pytest.fixture(scope="module")
def served() -> Iterator[LocalEndpoint]:
    with shared_endpoint() as endpoint:
        endpoint.add("told", told)
        endpoint.add("open", told, url=FunctionUrl(auth_type="NONE"))
        endpoint.add("twice", _twice)
        endpoint.add("text", lambda _: {"statusCode": 200, "headers": {"content-type": "text/plain"}, "body": "tea"})
        yield endpoint


@pytest.fixture
def fetch(served: LocalEndpoint, program: Program) -> Any:
    async def fetched(name: str, *arguments: str, sign: str = "--sign", path: str = "", **settings: Any) -> Any:
        url = served.function_url(name) + path
        return await program("fetch", url, sign, *arguments, env=environment_for(served), **settings)

    return fetched


async def test_get_goes_out_as_it_is_written(fetch) -> None:
    ended = await fetch("told", "--param", "q=a b", "--param", "q=", path="a%2Fb//c?x=1")
    seen = json.loads(ended.stdout)
    assert (ended.code, ended.stderr) == (0, "")
    assert (seen["method"], seen["rawPath"], seen["rawQueryString"]) == ("GET", "/a%2Fb//c", "x=1&q=a%20b&q=")


@pytest.mark.parametrize(
    ("arguments", "stdin", "method", "body", "kind"),
    [
        (("-p", '{"id": 7}'), b"", "POST", '{"id": 7}', "application/json"),
        (("-p", "-", "-X", "PUT"), b"[1]", "PUT", "[1]", "application/json"),
        (("-d", "tea", "-H", "Content-Type: text/plain"), b"", "POST", "tea", "text/plain"),
        (("-d", "-", "-H", "content-type:text/plain"), b"tea", "POST", "tea", "text/plain"),
        (("-X", "DELETE"), b"", "DELETE", None, None),
    ],
    ids=["json", "json-stdin", "text", "text-stdin", "delete"],
)
async def test_body_sets_method_and_type(arguments, stdin, method, body, kind, fetch) -> None:
    seen = json.loads((await fetch("told", *arguments, stdin=stdin)).stdout)
    assert (seen["method"], seen["body"], seen["type"]) == (method, body, kind)


async def test_header_is_sent(fetch) -> None:
    ended = await fetch("told", "-H", "X-Team: tea: green", "--query", "team", "-o", "text")
    assert ended.stdout == b"tea: green\n"


async def test_included_head_has_each_cookie(fetch) -> None:
    for more in ((), ("--stream",)):
        head, _, body = (await fetch("told", "-i", *more)).stdout.partition(b"\n\n")
        lines = head.decode().lower().splitlines()
        assert lines[0] == "http 200"
        assert [line for line in lines if line.startswith("set-cookie")] == ["set-cookie: a=1", "set-cookie: b=2"]
        assert json.loads(body)["method"] == "GET"


async def test_included_heads_are_alike(fetch) -> None:
    """That of a stream is written before its body begins, which may be never."""
    heads = [(await fetch("twice", "-i", *more)).stdout.decode().splitlines() for more in ((), ("--stream",))]
    own = [[line for line in head if line.startswith(("HTTP", "x-team", "set-cookie"))] for head in heads]
    assert own[0] == own[1] == ["HTTP 204", "x-team: tea", "set-cookie: a=1", "set-cookie: a=2"]


async def test_status_fails_only_if_asked(fetch) -> None:
    assert (await fetch("told", "-H", "X-Status: 404")).code == 0
    for more in ((), ("--stream",)):
        ended = await fetch("told", "-H", "X-Status: 404", "--fail", *more)
        assert (ended.code, ended.stderr) == (1, "aiolambda: the function answered HTTP 404\n")
        assert json.loads(ended.stdout)["method"] == "GET"


async def test_url_without_auth_needs_no_signature(fetch) -> None:
    assert (await fetch("open", sign="--no-sign")).code == 0
    ended = await fetch("told", "--fail", sign="--no-sign")  # any answer of a host that is not AWS's is the server's
    assert (ended.code, ended.stderr) == (1, "aiolambda: the function answered HTTP 403\n")


async def test_text_is_no_json(fetch) -> None:
    ended = await fetch("text", "--query", "a")
    assert (ended.code, ended.stdout) == (4, b"tea")
    assert "not JSON" in ended.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("-H", "no colon"),
        ("-H", "a: 1", "-H", "a: 2"),
        ("--param", "=1"),
        ("-p", "{"),
        ("-p", "1", "-d", "2"),
        ("--stream", "--query", "a"),
        ("-X", "GET\r\nX: 1"),
    ],
    ids=["header", "header-twice", "param", "json", "two-bodies", "stream-query", "method"],
)
async def test_wrong_arguments_send_nothing(arguments, fetch, served: LocalEndpoint) -> None:
    before = len(served.calls)
    ended = await fetch("told", *arguments)
    assert (ended.code, ended.stdout) == (2, b"")
    assert len(served.calls) == before


async def test_url_of_no_function_is_a_usage_error(program: Program, served: LocalEndpoint) -> None:
    ended = await program("fetch", "ftp://example.com/", env=environment_for(served))
    assert ended.code == 2


async def test_unsigned_request_needs_no_region_and_keys(program: Program, served: LocalEndpoint) -> None:
    ended = await program("fetch", served.function_url("open"), env=environment())
    assert (ended.code, ended.stderr) == (0, "")
    ended = await program("fetch", served.function_url("open"), "--sign", env=environment(**KEYS))
    assert ended.code == 2
    assert "no region: give --region" in ended.stderr


@pytest.mark.parametrize("arguments", [(), ("--sign",), ("--no-sign",)], ids=["auto", "sign", "no-sign"])
@pytest.mark.parametrize("region", ["", "us-west-2"], ids=["no-region", "other-region"])
async def test_host_of_a_url_names_the_region(arguments, region: str, program: Program) -> None:
    """Nothing else has to, and a region of the environment does not contradict it. The proxy refuses the connection."""
    env = environment(**KEYS, **({"AWS_REGION": region} if region else {}))
    url = "https://abc.lambda-url.eu-west-1.on.aws/"
    ended = await program("fetch", url, *arguments, "--proxy", "http://127.0.0.1:1", "--timeout", "1", env=env)
    assert ended.code == 3
    assert "it has not run" in ended.stderr


async def test_two_regions_that_are_written_contradict_each_other(program: Program) -> None:
    url = "https://abc.lambda-url.eu-west-1.on.aws/"
    ended = await program("fetch", url, "--sign", "--region", "us-west-2", env=environment(**KEYS))
    assert ended.code == 2
    assert "is in eu-west-1" in ended.stderr
