"""Streams from the local endpoint: real processes write them, and this client, botocore and the command line read them."""

import asyncio
import json
import time
import tracemalloc
from contextlib import asynccontextmanager

import aiohttp
import pytest

from aiolambda import (
    FunctionError,
    InvocationTimeoutError,
    InvokeWithResponseStreamCommand,
    LambdaClient,
    StreamError,
    TooManyRequestsException,
)

from ..support.cli import environment_for, run, start
from ..support.local import function, read_soon, serving, shared_endpoint

PIECES = {"op": "write", "pieces": ["one", "zwei é\n"]}


def client_for(endpoint, **settings):
    return LambdaClient(region=endpoint.region, endpoint_url=endpoint.url, credentials=endpoint.credentials, **settings)


@asynccontextmanager
async def client_of(*functions, **settings):
    async with serving(*functions, verify_signatures=True) as invoke, client_for(invoke.endpoint, **settings) as client:
        yield client


@pytest.fixture(scope="module")
def signing():
    """An endpoint that verifies signatures; `brief` is `app` with a timeout of one second."""
    with shared_endpoint(function(), function("brief", timeout=1.0), verify_signatures=True) as endpoint:
        yield endpoint


@pytest.fixture
async def client(signing):
    async with client_for(signing) as client:
        yield client


@pytest.mark.parametrize("op", ["write", "write later"])
async def test_generator_handler_streams_its_response(client, op):
    async with client.stream("app", {**PIECES, "op": op, "pause": 0.02}, log_type="Tail") as stream:
        assert [chunk async for chunk in stream] == [b"one", "zwei é\n".encode()]
    assert (stream.status_code, stream.executed_version, stream.completed) == (200, "$LATEST", True)
    assert (stream.content_type, stream.metadata.trace_id[:5]) == ("application/octet-stream", "Root=")
    assert ("writing" in stream.log_tail) is (op == "write")
    assert stream.report.billed_duration_ms > 40
    assert (await client.invoke("app", {**PIECES, "op": op})).text() == "onezwei é\n"


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "not kept"])
async def test_stream_takes_memory_only_for_a_record(tmp_path, kept):
    (tmp_path / "module.py").write_text(
        "def handler(event, context):\n    for _ in range(24):\n        yield 'x' * 1_000_000\n"
    )
    served = function(handler="module.handler", root=tmp_path)
    async with serving(served, keep_records=kept, verify_signatures=True) as invoke, client_for(invoke.endpoint) as client:
        tracemalloc.start()
        async with client.stream("app", {}) as stream:
            size = sum([len(chunk) async for chunk in stream])
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert size == 24_000_000
    assert (peak > size) is kept


async def test_chunk_arrives_while_the_handler_runs(client):
    async with client.stream("app", {"op": "write", "pieces": ["1"], "pause": 30}) as stream:
        began = time.monotonic()
        async for chunk in stream:
            assert chunk == b"1"
            break
        assert time.monotonic() - began < 15


async def test_plain_handler_streams_one_chunk(client):
    async with client.stream("app", {"op": "bytes"}) as stream:
        assert [chunk async for chunk in stream] == [b'{ "exactly":\t"so" }']
    async with client.stream("app", {"op": "write", "pieces": []}) as stream:
        assert await stream.read() == b""
    output = await client.send(InvokeWithResponseStreamCommand(function_name="app", invocation_type="DryRun"))
    assert output.status_code == 204


@pytest.mark.parametrize(
    ("event", "chunks", "error_type", "text"),
    [
        ({"op": "fail", "text": "no tea"}, [], "ValueError", "no tea"),
        ({"op": "write", "pieces": ["1"], "end": "fail", "text": "no tea"}, [b"1"], "ValueError", "no tea"),
        ({"op": "write later", "pieces": ["1"], "end": "fail", "text": "no tea"}, [b"1"], "ValueError", "no tea"),
        ({"op": "write", "pieces": [1]}, [], "Runtime.MarshalError", "bytes or str, not int"),
        ({"op": "write", "pieces": ["1", {}]}, [b"1"], "Runtime.MarshalError", "bytes or str, not dict"),
        (
            {"op": "write", "pieces": ["1"], "pause": 0.05, "end": "exit_with", "code": 3},
            [b"1"],
            "Runtime.ExitError",
            "exit status 3",
        ),
        ({"op": "write", "pieces": ["1"], "pause": 30}, [b"1"], "Sandbox.Timedout", "timed out after 1.00 seconds"),
        ({"op": "write", "pieces": None}, [], "TypeError", "not iterable"),
    ],
)
async def test_function_error_follows_the_chunks(client, event, chunks, error_type, text):
    came = []
    with pytest.raises(FunctionError, match=text) as raised:
        async with client.stream("brief", event, log_type="Tail") as stream:
            async for chunk in stream:
                came.append(chunk)  # noqa: PERF401 - the pieces before the error are checked
    assert (came, raised.value.error_type, stream.completed) == (chunks, error_type, False)
    assert "REPORT RequestId" in stream.log_tail
    if error_type == "ValueError":
        assert "local_handlers.py" in "".join(raised.value.stack_trace)
    async with client.stream("brief", PIECES) as stream:
        assert await stream.read() == "onezwei é\n".encode()


async def test_a_refusal_comes_before_the_stream():
    async with client_of(function(concurrency=1)) as client:
        async with client.stream("app", {"op": "write", "pieces": ["1"], "pause": 30}) as stream:
            assert await anext(aiter(stream)) == b"1"
            with pytest.raises(TooManyRequestsException):
                async with client.stream("app", PIECES, timeout=0.5):
                    pass


async def test_leaving_the_stream_lets_the_function_finish(client, tmp_path):
    async with client.stream(
        "app", {"op": "write", "pieces": ["1"] * 10, "pause": 0.02, "end": "touch", "file": str(tmp_path / "x")}
    ) as stream:
        assert await anext(aiter(stream)) == b"1"
    assert await read_soon(tmp_path / "x") == "touched"


@pytest.mark.parametrize("op", ["wait and write", "wait and touch"])
async def test_early_timeout_lets_the_function_finish(op, tmp_path):
    async with client_of(function(concurrency=1)) as client:
        pid = (await client.invoke("app", {"op": "pid"})).json()
        event = {"op": op, "seconds": 0.3, "file": str(tmp_path / "x")}
        with pytest.raises(InvocationTimeoutError):
            async with client.stream("app", event, timeout=0.1):
                pass
        assert await read_soon(tmp_path / "x") == "touched"
        assert (await client.invoke("app", {"op": "pid"})).json() == pid


async def test_handler_timeout_spans_its_yields(client):
    with pytest.raises(FunctionError, match="TimeoutError"):
        async with client.stream("app", {"op": "limited"}) as stream:
            assert await stream.read() == b"never"


async def test_endpoint_close_cuts_the_stream():
    async with serving(verify_signatures=False) as invoke:
        endpoint = invoke.endpoint
        async with client_for(endpoint) as client:
            async with client.stream("app", {"op": "write", "pieces": ["1"], "pause": 30}) as stream:
                assert await anext(aiter(stream)) == b"1"
                stopping = asyncio.create_task(endpoint.close())
                with pytest.raises(StreamError):
                    await stream.read()
                await stopping


async def test_botocore_reads_the_stream(signing):
    session = pytest.importorskip("botocore.session").get_session()
    endpoint = signing

    def read():
        client = session.create_client(
            "lambda",
            region_name=endpoint.region,
            endpoint_url=endpoint.url,
            aws_access_key_id=endpoint.credentials.access_key_id,
            aws_secret_access_key=endpoint.credentials.secret_access_key,
        )
        try:
            answers = []
            for event in (PIECES, {"op": "write", "pieces": ["1"], "end": "fail"}):
                answer = client.invoke_with_response_stream(FunctionName="app", Payload=json.dumps(event), LogType="Tail")
                answers.append((answer["StatusCode"], answer["ExecutedVersion"], list(answer["EventStream"])))
            return answers
        finally:
            client.close()

    (status, version, well), (_, _, badly) = await asyncio.to_thread(read)
    assert (status, version) == (200, "$LATEST")
    *chunks, completed = well
    assert b"".join(chunk["PayloadChunk"]["Payload"] for chunk in chunks) == "onezwei é\n".encode()
    assert completed["InvokeComplete"].keys() == {"LogResult"}
    assert badly[0]["PayloadChunk"]["Payload"] == b"1"
    assert badly[-1]["InvokeComplete"]["ErrorCode"] == "ValueError"
    assert json.loads(badly[-1]["InvokeComplete"]["ErrorDetails"])["errorMessage"] == "a deliberate failure"


async def test_unsigned_stream_request_is_refused(signing):
    url = f"{signing.url}/2021-11-15/functions/app/response-streaming-invocations"
    async with aiohttp.ClientSession() as session, session.post(url, data=b"{}") as response:
        assert (response.status, response.headers["x-amzn-ErrorType"]) == (403, "MissingAuthenticationTokenException")


# The command line


async def test_cli_prints_chunks_as_they_arrive(signing):
    env = environment_for(signing)
    event = json.dumps({"op": "write", "pieces": ["first\n", "second\n"], "pause": 30})
    process = await start("invoke", "app", "--stream", "-p", event, env=env)
    assert process.stdout is not None
    assert await asyncio.wait_for(process.stdout.readline(), 15) == b"first\n"
    process.kill()
    await process.communicate()
    whole = await run("invoke", "app", "--stream", "--tail", "-p", json.dumps(PIECES), env=env)
    assert (whole.code, whole.stdout) == (0, "onezwei é\n".encode())
    assert "writing" in whole.stderr
    assert "REPORT RequestId" in whole.stderr


async def test_cli_reports_how_the_stream_ended(signing, tmp_path):
    env = environment_for(signing)
    event = json.dumps({"op": "write", "pieces": ["1"], "end": "fail"})
    failed = await run("invoke", "app", "--stream", "-p", event, "-o", str(tmp_path / "out"), env=env)
    missing = await run("invoke", "nobody", "--stream", env=env)
    usage = await run("invoke", "app", "--stream", "--invocation-type", "Event", env=env)
    assert (failed.code, failed.stdout, (tmp_path / "out").read_bytes()) == (1, b"", b"1")
    assert "ValueError: a deliberate failure" in failed.stderr
    assert (missing.code, usage.code) == (3, 2)
    assert "--stream cannot be used with" in usage.stderr


async def test_cli_exits_quietly_when_its_reader_leaves(signing):
    env = environment_for(signing)
    event = json.dumps({"op": "write", "pieces": ["a\n"] * 1000, "pause": 0.01})
    process = await start("invoke", "app", "--stream", "-p", event, env=env)
    assert process.stdout is not None
    await process.stdout.readline()
    process._transport.get_pipe_transport(1).close()  # type: ignore[attr-defined]
    assert process.stderr is not None
    assert await asyncio.wait_for(process.stderr.read(), 20) == b""
    assert await process.wait() == 0


async def test_cli_reports_a_full_disk(signing):
    ended = await run("invoke", "app", "--stream", "-p", json.dumps(PIECES), "-o", "/dev/full", env=environment_for(signing))
    assert ended.code == 4
    assert "cannot be written: No space left on device" in ended.stderr


async def test_cli_reports_a_cut_stream_as_unknown():
    async with serving() as invoke:
        env = environment_for(invoke.endpoint)
        event = json.dumps({"op": "write", "pieces": ["1\n"], "pause": 30})
        process = await start("invoke", "app", "--stream", "-p", event, env=env)
        assert process.stdout is not None
        await process.stdout.readline()
        await invoke.endpoint.close()
        _, stderr = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 4
    assert b"bytes in" in stderr


async def test_concurrent_streams_use_several_processes():
    async with client_of(function(concurrency=4), max_concurrency=4) as client:
        event = {"op": "write", "pieces": ["1", "2"], "pause": 0.1}

        async def one():
            async with client.stream("app", event) as stream:
                return await stream.read()

        assert await asyncio.gather(*(one() for _ in range(8))) == [b"12"] * 8


async def test_unsigned_stream_works_with_any_http_client():
    async with serving() as invoke:
        url = f"{invoke.endpoint.url}/2021-11-15/functions/app/response-streaming-invocations"
        async with invoke.session.post(url, data=json.dumps(PIECES)) as response:
            body = await response.read()
        assert response.headers["Content-Type"] == "application/vnd.amazon.eventstream"
        assert body.count(b"PayloadChunk") == 2
        assert body.count(b"InvokeComplete") == 1
        with pytest.raises(aiohttp.ClientError):
            async with invoke.session.post(url, data=json.dumps({"op": "write", "pieces": ["1"], "pause": 30})) as response:
                await response.content.readany()
                stopping = asyncio.create_task(invoke.endpoint.close())
                try:
                    await response.read()
                finally:
                    await stopping
