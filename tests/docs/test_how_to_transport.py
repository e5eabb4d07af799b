"""The transport of the manual keeps the promises that its page states, on every fault of the table."""

import asyncio
import ssl
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from aiolambda import (
    AiolambdaError,
    ClientClosedError,
    ConnectError,
    ConnectionLostError,
    Delivery,
    FunctionError,
    InvocationTimeoutError,
    InvokeCommand,
    LambdaClient,
    NoRetry,
    Timeouts,
)
from aiolambda.local import LocalEndpoint, LocalFunction
from aiolambda.types.events import Outcome

from ..support import faults
from ..support.fault_table import FAULTS, KEYS, SILENCE, Fault
from ..support.faults import Certificates, FaultServer, Play
from ..support.pages import run_fragments

pytestmark = pytest.mark.slow
NAMES = run_fragments("docs/how-to/transport.md")
SILENT = faults.reply(faults.nothing, faults.silence)
"""Reads the request, and never answers."""
TOO_EARLY = "TLS 1.2: an answer with the server's flight"
"""The page says that it takes such an answer for that of the request."""
COLD = [
    fault for fault in FAULTS if not (fault.warm or fault.struck or fault.foreign or fault.settings) and fault.name != TOO_EARLY
]


@pytest.fixture(scope="module")
def certificates() -> Any:
    with faults.certificates() as made:
        yield made


@pytest.fixture
async def server() -> AsyncIterator[FaultServer]:
    with FaultServer() as running:
        yield running


def client_of(play: Play, certificates: Certificates, **settings: Any) -> LambdaClient:
    context = ssl.create_default_context(cafile=certificates.bundle)
    transport = NAMES["ThreadedTransport"](threads=4, context=context, most=100_000)
    settings = {"timeout": Timeouts(connect=10, read=10), "retry": NoRetry(), **settings}
    return LambdaClient(region="us-east-1", credentials=KEYS, endpoint_url=play.url, transport=transport, **settings)


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("transport")]


async def until_no_thread() -> None:
    async with asyncio.timeout(20):
        while threads():
            await asyncio.sleep(0.001)


async def until_read(play: Play) -> None:
    async with asyncio.timeout(20):
        while not play.executions:
            await asyncio.sleep(0.001)


def test_every_name_of_the_page_is_known() -> None:
    assert {"silence", "Exchange", "Streamed", "ThreadedTransport"} <= set(NAMES)


@pytest.mark.parametrize("fault", COLD, ids=lambda fault: fault.name)
async def test_the_transport_is_honest_about_a_fault(server: FaultServer, certificates: Certificates, fault: Fault) -> None:
    """Sent once; a call that is said not to have run was not read; nothing stays open."""
    tls = getattr(certificates, fault.certificate) if fault.tls else None
    play = await server.play(fault.script, tls=tls, buffer=fault.buffer)
    error: AiolambdaError | None = None
    async with client_of(play, certificates, timeout=fault.limits) as client:
        try:
            output = await client.send(InvokeCommand(function_name="call", payload=fault.payload))
        except AiolambdaError as raised:
            error = raised
        else:
            assert output.metadata.http_status_code == 200
    if error is None:
        await until_read(play)  # a server may answer before it has read the body
    assert sum(play.executions.values()) <= 1
    if error is None or not error.may_have_run:
        assert sum(play.executions.values()) == (error is None)
    assert await server.ended(play) == 0
    await until_no_thread()


async def test_a_refused_connection_is_not_delivered(server: FaultServer, certificates: Certificates) -> None:
    async with client_of(await server.play(None), certificates) as client:
        with pytest.raises(ConnectError) as raised:
            await client.invoke("call")
    assert (raised.value.delivery, raised.value.transient) == (Delivery.NOT_DELIVERED, True)


async def test_an_unknown_authority_is_final(server: FaultServer, certificates: Certificates) -> None:
    async with client_of(await server.play(faults.well, tls=certificates.untrusted), certificates) as client:
        with pytest.raises(ConnectError) as raised:
            await client.invoke("call")
    assert (raised.value.delivery, raised.value.transient) == (Delivery.NOT_DELIVERED, False)


async def test_silence_ends_at_the_read_limit(server: FaultServer, certificates: Certificates) -> None:
    play = await server.play(SILENT)
    async with client_of(play, certificates, timeout=Timeouts(read=SILENCE)) as client:
        with pytest.raises(InvocationTimeoutError) as raised:
            await client.invoke("call")
    assert (raised.value.exceeded, raised.value.stage, raised.value.delivery) == ("read", "wait", Delivery.UNKNOWN)
    assert await server.ended(play) == 0


async def test_an_answer_that_is_too_long_is_refused(server: FaultServer, certificates: Certificates) -> None:
    play = await server.play(faults.always(lambda request: faults.answer("200 OK", b"x" * 200_000, faults.own_id(request))))
    async with client_of(play, certificates) as client:
        with pytest.raises(ConnectionLostError, match="longer than 100,000 bytes"):
            await client.invoke("call")
    assert await server.ended(play) == 0


@pytest.mark.parametrize("tls", [False, True], ids=["tcp", "tls"])
async def test_a_cancelled_call_leaves_nothing(server: FaultServer, certificates: Certificates, tls: bool) -> None:
    play = await server.play(SILENT, tls=certificates.trusted if tls else None)
    async with client_of(play, certificates) as client:
        call = asyncio.ensure_future(client.invoke("call"))
        await until_read(play)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert client.stats.outcomes[Outcome.CANCELLED] == 1
    assert await server.ended(play) == 0
    await until_no_thread()


async def test_closing_the_client_ends_a_call(server: FaultServer, certificates: Certificates) -> None:
    play = await server.play(SILENT)
    client = client_of(play, certificates)
    call = asyncio.ensure_future(client.invoke("call"))
    await until_read(play)
    await client.close(grace=0)
    with pytest.raises(ClientClosedError) as raised:
        await call
    assert raised.value.may_have_run
    assert await server.ended(play) == 0


async def test_the_transport_streams_over_a_real_endpoint(tmp_path: Path) -> None:
    (tmp_path / "writer.py").write_text(HANDLERS)
    functions = [LocalFunction(name=name, handler=f"writer.{name}", root=tmp_path) for name in ("write", "fail")]
    async with LocalEndpoint(functions) as endpoint:
        transport = NAMES["ThreadedTransport"](threads=4)
        async with LambdaClient(
            region=endpoint.region, endpoint_url=endpoint.url, credentials=endpoint.credentials, transport=transport
        ) as client:
            async with client.stream("write", ["a", "b", "c"]) as stream:
                assert await stream.read() == b"abc"
            async with client.stream("write", ["a", "b", "c"]) as stream:
                assert await anext(aiter(stream)) == b"a"  # and the rest is left
            with pytest.raises(FunctionError):
                await client.invoke("fail", b"{}")
            assert client.stats.in_flight == 0
    await until_no_thread()


HANDLERS = """
def write(event, context):
    for piece in event:
        yield piece

def fail(event, context):
    raise ValueError("no")
"""
