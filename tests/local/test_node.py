"""Node functions on the local endpoint, in AWS's own runtime client: aws-lambda-ric runs the handlers of an ES module."""

import asyncio

import pytest

from aiolambda import FunctionError, LambdaClient

from ..support import peers
from ..support.local import HERE, function, read_soon, shared_endpoint

pytestmark = pytest.mark.slow

SIX_MEGABYTES = 6 * 1024 * 1024
NODE = HERE / "node"


@pytest.fixture(scope="module")
def endpoint():
    """Serves `node`, `streaming` and `brief`, and two functions that cannot start."""
    settings = {"root": NODE, "runtime": peers.node_runtime()}
    served = [
        function("node", "handlers.handler", **settings),
        function("streaming", "handlers.write", **settings),
        function("brief", "handlers.handler", timeout=0.5, **settings),
        function("nowhere", "handlers.missing", **settings),
        function("unwritten", "no_such_module.handler", **settings),
    ]
    with shared_endpoint(*served) as endpoint:
        yield endpoint


@pytest.fixture
async def client(endpoint):
    settings = {"endpoint_url": endpoint.url, "credentials": endpoint.credentials}
    async with LambdaClient(region=endpoint.region, **settings) as client:
        yield client


async def failure(client, name, event):
    with pytest.raises(FunctionError) as raised:
        await client.invoke(name, event, log_type="Tail")
    return raised.value


@pytest.mark.parametrize(
    ("event", "answer"),
    [
        ({"op": "echo", "tea": "grün ☃ 😀"}, {"op": "echo", "tea": "grün ☃ 😀"}),
        ({"op": "loading"}, "with top-level await"),
        ({"op": "nothing"}, None),
        ({"op": "length", "data": "x" * (SIX_MEGABYTES - 26)}, SIX_MEGABYTES - 26),
        ({"op": "large", "size": SIX_MEGABYTES - 2}, "x" * (SIX_MEGABYTES - 2)),
    ],
    ids=["text", "top-level await", "nothing", "six megabytes in", "six megabytes out"],
)
async def test_node_answers(client, event, answer):
    assert (await client.invoke("node", event)).json() == answer


async def test_node_reads_its_context(client):
    context = {"custom": {"tea": "grün"}}
    output = await client.invoke("node", {"op": "describe"}, client_context=context, tenant_id="tenant one")
    described = output.json()
    assert 0 < described.pop("remaining") <= 20_000
    assert described.pop("client")["custom"] == {"tea": "grün"}
    assert described.pop("trace").startswith("Root=1-")
    assert described == {
        "requestId": output.metadata.request_id,
        "arn": "arn:aws:lambda:us-east-1:000000000000:function:node",
        "version": "$LATEST",
        "memory": "128",
        "tenant": "tenant one",
    }


async def test_what_node_logs_is_in_the_tail(client):
    output = await client.invoke("node", {"op": "log"}, log_type="Tail")
    start, logged, to_stderr, written, *_ = output.log_tail.splitlines()
    request_id = output.metadata.request_id
    assert start == f"START RequestId: {request_id} Version: $LATEST"
    assert logged.split("\t")[1:] == [request_id, "INFO", "logged"]
    assert to_stderr.split("\t")[1:] == [request_id, "ERROR", "to stderr"]
    assert written == "written"
    assert output.report is not None


@pytest.mark.parametrize(
    ("name", "event", "error_type", "text"),
    [
        ("node", {"op": "throw", "text": "kein Tee ☃"}, "RangeError", "kein Tee ☃"),
        ("node", {"op": "reject", "text": "kein Tee ☃"}, "RangeError", "kein Tee ☃"),
        ("node", {"op": "rejectUnseen"}, "Runtime.ExitError", "Runtime exited with error: exit status 1"),
        ("node", {"op": "exit", "code": 3}, "Runtime.ExitError", "Runtime exited with error: exit status 3"),
        ("node", {"op": "unserializable"}, "Runtime.JSONStringifyError", "Unable to stringify response body"),
        ("node", {"op": "large", "size": SIX_MEGABYTES + 200}, "Function.ResponseSizeTooLarge", "(6291556 bytes)"),
        ("brief", {"op": "sleep", "milliseconds": 30_000}, "Sandbox.Timedout", "Task timed out after 0.50 seconds"),
        ("nowhere", {}, "Runtime.HandlerNotFound", "handlers.missing is undefined or not exported"),
        ("unwritten", {}, "Runtime.ImportModuleError", "Cannot find module 'no_such_module'"),
    ],
)
async def test_node_error_is_a_function_error(client, name, event, error_type, text):
    error = await failure(client, name, event)
    assert (error.kind, error.error_type) == ("Unhandled", error_type)
    assert text in error.error_message
    assert (error_type == "RangeError") is any("handlers.mjs" in line for line in error.stack_trace)
    assert "REPORT RequestId" in error.output.log_tail
    assert (await client.invoke("streaming", {"count": 1, "size": 1})).payload == b"x"


async def test_node_streams_more_than_an_answer_may_have(client):
    async with client.stream("streaming", {"count": 10, "size": 1_000_000}) as stream:
        sizes = [len(chunk) async for chunk in stream]
    assert (sum(sizes), stream.completed) == (10_000_000, True)


@pytest.mark.parametrize("count", [0, 2])
async def test_error_in_a_node_stream_follows_its_chunks(client, count):
    came = []
    with pytest.raises(FunctionError, match="no tea") as raised:
        async with client.stream("streaming", {"count": count, "size": 3, "pause": 20, "fail": "no tea"}) as stream:
            async for chunk in stream:
                came.append(chunk)  # noqa: PERF401 - the pieces before the error are checked
    assert (b"".join(came), raised.value.error_type) == (b"xxx" * count, "TypeError")


async def test_plain_node_handler_streams_one_chunk(client):
    async with client.stream("node", {"op": "echo", "a": 1}) as stream:
        assert [chunk async for chunk in stream] == [b'{"op":"echo","a":1}']


async def test_node_goes_on_when_the_client_leaves(client, endpoint, tmp_path):
    event = {"count": 20, "size": 10, "pause": 10, "finished": str(tmp_path / "finished")}
    async with client.stream("streaming", event) as stream:
        assert await anext(aiter(stream)) == b"x" * 10
    pid = int(await read_soon(tmp_path / "finished"))
    assert (await client.invoke("streaming", {"count": 1, "size": 1})).payload == b"x"
    assert pid in endpoint.runtime_pids("streaming")


async def test_node_processes_run_side_by_side(client):
    async def one():
        async with client.stream("streaming", {"count": 3, "size": 5, "pause": 100}) as stream:
            return await stream.read()

    assert await asyncio.gather(one(), one()) == [b"x" * 15] * 2
