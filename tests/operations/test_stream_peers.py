"""Streams against AWS code for Node: its runtime client behind the local endpoint, and its encoder before our decoder.

`AIOLAMBDA_NODE` names a folder with a `node_modules` that has `node` (22 or later), `aws-lambda-ric` and
`@smithy/eventstream-codec`.
"""

import asyncio
import base64
import json
import os
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from aiolambda import FunctionError, HttpPrelude, LambdaClient
from aiolambda.local import LocalEndpoint, LocalFunction
from aiolambda.protocol.eventstream import Byte, Decoder, Long, Short, Timestamp

from ..support import peers
from ..support.streaming import HEAD, LAST, chunked, streaming, writes

SCRIPTS = Path(__file__).parents[1] / "support" / "node"


@pytest.fixture
def modules() -> Path:
    return peers.node_modules("@smithy/eventstream-codec")


@asynccontextmanager
async def serving(*names: str) -> AsyncGenerator[LambdaClient]:
    settings = {"root": SCRIPTS, "runtime": peers.node_runtime(), "timeout": 20}
    functions = [LocalFunction(name=name, handler=f"functions.{name}", **settings) for name in names]
    async with (
        LocalEndpoint(functions) as endpoint,
        LambdaClient(region=endpoint.region, endpoint_url=endpoint.url, credentials=endpoint.credentials) as client,
    ):
        yield client


async def test_nodes_runtime_client_streams_through_the_endpoint() -> None:
    async with serving("write") as client:
        async with client.stream("write", {"pieces": ["one", "zwei é"], "pause": 50}, log_type="Tail") as stream:
            assert [chunk async for chunk in stream] == [b"one", "zwei é".encode()]
        assert (stream.content_type, stream.completed) == ("text/tea", True)
        assert stream.report is not None
        big = "x" * 1_000_000
        async with client.stream("write", {"pieces": [big] * 3}) as stream:
            assert await stream.read() == big.encode() * 3
        assert (await client.invoke("write", {"pieces": ["one", "two"]})).text() == "onetwo"


async def test_an_error_in_nodes_trailers_is_a_function_error() -> None:
    async with serving("write") as client:
        with pytest.raises(FunctionError) as raised:
            async with client.stream("write", {"pieces": ["one"], "fail": "no tea", "pause": 20}) as stream:
                assert await anext(aiter(stream)) == b"one"
                await stream.read()
        error = raised.value
        assert (error.error_type, error.error_message) == ("TypeError", "no tea")
        assert any("functions.cjs" in line for line in error.stack_trace)
        async with client.stream("write", {"pieces": ["again"]}) as stream:
            assert await stream.read() == b"again"


async def test_node_http_prelude_is_read() -> None:
    async with serving("answer", "plain") as client:
        async with client.stream("answer", {}) as stream:
            assert stream.http == HttpPrelude(status_code=201, headers={"x-tea": "green"}, cookies=["a=b"])
            assert await stream.read() == b"brewed"
        async with client.stream("plain", {"a": 1}) as stream:
            assert json.loads(await stream.read()) == {"plain": {"a": 1}}


def encoded(modules: Path, **described: Any) -> bytes:
    done = subprocess.run(
        [modules / ".bin" / "node", SCRIPTS / "encode.mjs"],
        input=json.dumps({"extra": {}, **described}).encode(),
        capture_output=True,
        check=True,
        env={**os.environ, "AIOLAMBDA_NODE": str(modules.parent)},
    )
    return done.stdout


async def test_javascript_encoder_stream_is_read(modules: Path) -> None:
    payloads = [b"one", b"", bytes(range(256)) * 100, "é".encode()]
    chunks = [base64.b64encode(payload).decode() for payload in payloads]
    completion = {"ErrorCode": "Unhandled", "ErrorDetails": '{"errorType":"E","errorMessage":"m"}', "LogResult": "bG9n"}
    for said in ({}, completion):
        body = await asyncio.to_thread(encoded, modules, chunks=chunks, completion=said)
        for size in (7, len(body)):
            pieces = [chunked(body[at : at + size]) for at in range(0, len(body), size)]
            async with streaming(writes(HEAD, *pieces, LAST)) as (_, client), client.stream("writer") as stream:
                if said:
                    with pytest.raises(FunctionError, match="E: m"):
                        await stream.read()
                    assert stream.log_tail == "log"
                else:
                    assert await stream.read() == b"".join(payloads)


def test_headers_of_every_type_from_javascript_are_read(modules: Path) -> None:
    extra = {
        "true": {"type": "boolean", "value": True},
        "false": {"type": "boolean", "value": False},
        "byte": {"type": "byte", "value": -7},
        "short": {"type": "short", "value": -300},
        "integer": {"type": "integer", "value": -70000},
        "string": {"type": "string", "value": "é"},
    }
    decoder = Decoder()
    decoder.receive(encoded(modules, chunks=[], completion={}, extra=extra))
    (message,) = decoder.messages()
    found = {name: message.headers[name] for name in extra}
    assert found == {"true": True, "false": False, "byte": -7, "short": -300, "integer": -70000, "string": "é"}
    assert [type(value) for value in found.values()] == [bool, bool, Byte, Short, int, str]
    assert not {Long, Timestamp} & {type(value) for value in found.values()}
