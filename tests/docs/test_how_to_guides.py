"""The code of the how-to pages about networks, signing in, long calls, the end of a process, and notebooks."""

import asyncio
import datetime as dt
import os
import signal
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp import web

from aiolambda import (
    ClientClosedError,
    Credentials,
    Delivery,
    LambdaClient,
    MapStats,
)
from aiolambda.testing import FakeTransport

from ..support.pages import ROOT, run_fragments


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")


def fragments(name: str) -> dict[str, Any]:
    return run_fragments(f"docs/how-to/{name}.md")


# Networks


def test_a_context_trusts_a_private_authority_too(tmp_path: Path) -> None:
    names, authority, pem = fragments("networks"), trustme.CA(), tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(pem))
    context, system = names["both"](str(pem)), ssl.create_default_context()
    assert context.cert_store_stats()["x509_ca"] == system.cert_store_stats()["x509_ca"] + 1
    assert LambdaClient(ssl_context=context).config.ssl_context is context


def test_a_context_has_a_client_certificate(tmp_path: Path) -> None:
    issued, files = trustme.CA().issue_cert("client.example"), [tmp_path / "certificate.pem", tmp_path / "key.pem"]
    issued.cert_chain_pems[0].write_to_path(str(files[0]))
    issued.private_key_pem.write_to_path(str(files[1]))
    context = fragments("networks")["with_client_certificate"](*map(str, files))
    assert context.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    ("fips", "dualstack", "host"),
    [
        (False, False, "lambda.us-east-1.amazonaws.com"),
        (True, False, "lambda-fips.us-east-1.amazonaws.com"),
        (False, True, "lambda.us-east-1.api.aws"),
        (True, True, "lambda-fips.us-east-1.api.aws"),
    ],
)
async def test_the_hosts_of_the_table_are_those_of_the_client(*, fips: bool, dualstack: bool, host: str) -> None:
    async with LambdaClient(region="us-east-1", use_fips_endpoint=fips, use_dualstack_endpoint=dualstack) as client:
        assert client.config.endpoint_url == f"https://{host}"
    assert f"`{host}`" in (Path(__file__).parents[2] / "docs/how-to/networks.md").read_text()


async def test_the_proxy_of_the_page_is_taken() -> None:
    names = fragments("networks")
    assert "p%40ss" not in repr(names["through_proxy"].config)
    assert names["direct"].config.proxy == ""


# Signing in


async def test_a_vault_keeps_keys_until_they_expire() -> None:
    vault = fragments("sign-in")["Vault"]()
    first = await vault.get_credentials()
    assert await vault.get_credentials() is first
    vault._kept = Credentials("AKIDOLD", "secret", expires_at=dt.datetime.now(dt.UTC) + dt.timedelta(minutes=4))
    assert (await vault.get_credentials()).access_key_id == "AKIDEXAMPLE"


# Long calls


async def test_an_event_is_queued() -> None:
    transport = FakeTransport({"orders": lambda event: event})
    async with LambdaClient(transport=transport) as client:
        assert await fragments("long-calls")["queue"](client, 7)
    assert transport.calls[0].headers["x-amz-invocation-type"] == "Event"


# Slow calls


@pytest.mark.virtual_time
async def test_a_slow_call_is_hedged() -> None:
    runs: list[float] = []

    async def total(event: Any) -> Any:
        runs.append(asyncio.get_running_loop().time())
        await asyncio.sleep(30 if len(runs) == 101 else 0.1)
        return {"total": 3 * event["amount"]}

    async with LambdaClient(transport=FakeTransport({"price": total})) as client:
        price = fragments("hedge-slow-calls")["price"]
        assert [await price(client, 2) for _ in range(101)] == [6] * 101
        assert (client.stats.hedged, client.stats.hedges_won, len(runs)) == (1, 1, 102)


# The end of a process


async def test_the_lifespan_closes_the_client() -> None:
    pytest.importorskip("fastapi", reason="fastapi is not installed")
    names = fragments("graceful-shutdown")
    async with names["lifespan"](names["app"]):
        client = names["app"].state.client
    with pytest.raises(ClientClosedError):
        await client.invoke("orders")


async def test_aiohttp_web_closes_the_client() -> None:
    pytest.importorskip("fastapi", reason="fastapi is not installed")
    names = fragments("graceful-shutdown")
    app = names["make_app"]()
    assert [context.__name__ for context in app.cleanup_ctx] == ["lambda_client"]
    runner = web.AppRunner(app)
    await runner.setup()
    client = app[names["CLIENT"]]
    await runner.cleanup()
    with pytest.raises(ClientClosedError):
        await client.invoke("orders")


async def test_a_signal_lets_the_call_in_flight_end() -> None:
    """`run_until_signal` runs `serve` until the signal; its last call has its answer."""
    pytest.importorskip("fastapi", reason="fastapi is not installed")
    names = fragments("graceful-shutdown")
    answered: list[Any] = []
    assert names["serve"].__name__ == "serve"

    async def handle(event: Any) -> Any:
        if not answered:
            os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0)
        answered.append(event)

    client = LambdaClient(transport=FakeTransport({"orders": handle}))
    await names["run_until_signal"](client)
    assert answered
    assert client.stats.done >= len(answered)
    with pytest.raises(ClientClosedError):
        await client.invoke("orders")


async def test_the_second_signal_aborts() -> None:
    pytest.importorskip("fastapi", reason="fastapi is not installed")
    on_signal, stopped, entered = fragments("graceful-shutdown")["abort_at_the_second_signal"], asyncio.Event(), asyncio.Event()

    async def handle(event: Any) -> None:
        entered.set()
        await asyncio.Event().wait()

    client = LambdaClient(transport=FakeTransport({"orders": handle}))
    call = asyncio.create_task(client.invoke("orders"))
    await entered.wait()
    on_signal(client, stopped)
    await asyncio.sleep(0)
    assert (stopped.is_set(), call.done()) == (True, False)
    on_signal(client, stopped)
    with pytest.raises(ClientClosedError) as raised:
        await call
    assert raised.value.may_have_run
    await client.close()


async def test_a_map_goes_on_from_its_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("fastapi", reason="fastapi is not installed")
    monkeypatch.chdir(tmp_path)
    resize, stopped = fragments("graceful-shutdown")["resize"], asyncio.Event()
    assert resize.__name__ == "resize"
    keys = [str(number) for number in range(50)]
    stopped.set()
    transport = FakeTransport({"resize": lambda event: event})
    async with LambdaClient(transport=transport) as client:
        assert await resize(client, keys, stopped) == 1
        stopped.clear()
        assert await resize(client, keys, stopped) == 50
    assert sorted(call.json()["key"] for call in transport.calls) == sorted(keys)


# Notebooks


class Bar:
    """Notes what a bar of tqdm is told."""

    def __init__(self) -> None:
        self.moves: list[float] = []
        self.text = ""

    def update(self, n: float = 1) -> None:
        self.moves.append(n)

    def set_postfix_str(self, s: str = "", refresh: bool = True) -> None:
        self.text = s


async def test_progress_of_a_map_is_shown() -> None:
    bar, names = Bar(), fragments("notebooks")

    async def orders(event: int) -> int:
        await asyncio.sleep(0.03)
        return event

    async with LambdaClient(transport=FakeTransport({"orders": orders}), max_concurrency=2) as client:
        results = await names["map_with_progress"](client, "orders", range(20), bar)
    assert sorted(result.value() for result in results) == list(range(20))
    assert sum(bar.moves) == 20
    assert len(bar.moves) > 1
    assert bar.text == "0 failed, 0 in flight"
    move = names["moving"](bar := Bar())
    for done in (3, 3, 10):
        move(MapStats(done=done, failed={Delivery.REFUSED: 1}, in_flight=2))
    assert (bar.moves, bar.text) == ([3, 0, 7], "1 failed, 2 in flight")


async def test_results_make_a_data_frame() -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    async with LambdaClient(transport=FakeTransport({"orders": lambda event: event})) as client:
        results = await client.map("orders", range(3), ordered=True).collect()
    frame = pandas.DataFrame(result.as_dict() for result in results)
    assert list(frame["value"]) == [0, 1, 2]
    described = frame.groupby("error_type", dropna=False)["duration"].describe()
    assert list(described["count"]) == [3]
    page = (ROOT / "docs" / "how-to" / "notebooks.md").read_text()
    assert all(f"`{column}`" in page for column in frame.columns)
