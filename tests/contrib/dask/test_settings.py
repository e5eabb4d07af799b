"""What travels to the workers, what is refused, and that no secret is among it."""

import asyncio
import logging
import pickle
import ssl
import subprocess
import sys
from typing import Any

import distributed
import pytest

from aiolambda import ClientClosedError, ConfigurationError, Credentials, JsonCodec, LambdaClientConfig, Timeouts
from aiolambda.contrib.dask import DaskLambdaClient
from aiolambda.contrib.dask.scheduler_plugin import LedgerPlugin
from aiolambda.contrib.dask.worker_plugin import FeedPlugin, Parcel
from aiolambda.testing import FakeTransport

from ...support.executions_server import CountingLambda


def worker_keys() -> Credentials:
    """A factory, which the workers import by its name."""
    return Credentials("AKIDOFFACTORY", "secretOfFactory")


def no_keys() -> Credentials:
    raise LookupError("the vault is sealed")


def elsewhere() -> Credentials:
    return worker_keys()


elsewhere.__module__ = "no_such_module"


class Factory:
    def __call__(self) -> Credentials:
        return worker_keys()


@pytest.mark.parametrize(
    "credentials",
    [
        Credentials("AKID", "topsecret"),
        lambda: Credentials("AKID", "topsecret"),
        Factory(),
        "profile",
        Factory().__call__,
        elsewhere,
    ],
    ids=["keys", "lambda", "object", "text", "method", "no-module"],
)
async def test_credentials_with_secrets_are_refused(credentials: Any) -> None:
    with pytest.raises(ConfigurationError, match="secrets never travel: give profile= or the role") as refused:
        DaskLambdaClient(None, credentials=credentials)
    assert "topsecret" not in str(refused.value)


async def test_credentials_in_a_config_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="secrets never travel"):
        DaskLambdaClient(None, LambdaClientConfig(credentials=Credentials("AKID", "topsecret")))


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("transport", FakeTransport(), "transport cannot travel"),
        ("ssl_context", ssl.create_default_context(), "give ca_bundle="),
        ("proxy", "http://user:topsecret@proxy:80", "proxy has a user and a password"),
    ],
    ids=["transport", "ssl_context", "proxy"],
)
async def test_setting_that_cannot_travel_is_refused(setting: str, value: object, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as refused:
        DaskLambdaClient(None, **{setting: value})  # type: ignore[arg-type]
    assert "topsecret" not in str(refused.value)


async def test_unknown_setting_names_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match="region="):
        DaskLambdaClient(None, region_name="eu-west-1")  # type: ignore[call-arg]


@pytest.mark.parametrize("concurrency", [0, True, 2.5, "many", -1])
async def test_wrong_concurrency_is_named(concurrency: Any) -> None:
    with pytest.raises(ConfigurationError, match="concurrency must be"):
        DaskLambdaClient(None, concurrency=concurrency)


async def test_something_else_than_a_client_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"must be a distributed\.Client; got str"):
        await DaskLambdaClient("tcp://127.0.0.1:8786").open()


async def test_closed_dask_client_is_refused(dask: Any) -> None:
    other = await distributed.Client(dask.scheduler.address, asynchronous=True)
    await other.close()
    with pytest.raises(ConfigurationError, match="dask_client is closed"):
        await DaskLambdaClient(other).open()


async def test_closed_client_opens_no_more(dask: Any) -> None:
    client = DaskLambdaClient(dask, region="us-east-1")
    async with client:
        pass
    await client.close()
    with pytest.raises(ClientClosedError):
        await client.open()
    assert repr(client) == "<DaskLambdaClient region us-east-1, closed>"


async def test_settings_and_payloads_travel_without_secrets(
    dask: Any, server: CountingLambda, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything that the scheduler holds or receives is read as bytes."""
    seen: list[bytes] = []
    handle = LedgerPlugin.report

    async def spied(self: Any, session: str, outcomes: bytes, numbers: Any) -> Any:
        scheduler = self._scheduler
        seen.extend((outcomes, pickle.dumps([repr(task) + repr(task.run_spec) for task in scheduler.tasks.values()])))
        seen.extend(scheduler.worker_plugins.values())
        return await handle(self, session, outcomes, numbers)

    monkeypatch.setattr(LedgerPlugin, "report", spied)
    async with DaskLambdaClient(
        dask, region="us-east-1", endpoint_url=server.url, credentials=worker_keys, timeout=Timeouts(total=60)
    ) as cluster:
        results = await cluster.map("orders", [{"id": 1}]).collect()
        assert "secret" not in repr(cluster)
    assert [result.ok for result in results] == [True]
    assert server.counts.authorizations == {"AKIDOFFACTORY"}
    wire = b"".join(seen)
    assert b"us-east-1" in wire  # the settings are in it
    for secret in (b"secretOfFactory", b"AKIDOFFACTORY", b"secretOfWorker"):
        assert secret not in wire


async def test_codec_and_logger_stay_here(dask: Any, server: CountingLambda) -> None:
    class Upper(JsonCodec):
        """Not importable, so it could not travel."""

        def encode(self, value: Any) -> bytes:
            return super().encode({**value, "by": "codec"})

    async with DaskLambdaClient(
        dask, region="us-east-1", endpoint_url=server.url, codec=Upper(), logger=logging.getLogger("mine")
    ) as cluster:
        (result,) = await cluster.map("orders", [{"id": 1}]).collect()
    assert result.value() == {"id": 1, "by": "codec"}


async def test_other_version_on_a_worker_is_refused(dask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made = FeedPlugin.__init__

    def older(self: Any, *args: Any, **kwargs: Any) -> None:
        made(self, *args, **kwargs)
        self.version = "0.0.1"

    monkeypatch.setattr(FeedPlugin, "__init__", older)
    with pytest.raises(ConfigurationError, match="install the same version on all workers"):
        await DaskLambdaClient(dask, region="us-east-1").open()
    assert not any(name.startswith("aiolambda") for name in dask.cluster.scheduler.worker_plugins)


async def test_other_version_on_the_scheduler_is_refused(dask: Any) -> None:
    plugin = LedgerPlugin()
    plugin.version = "0.0.1"
    await dask.register_plugin(plugin)
    with pytest.raises(ConfigurationError, match=r"version 0\.0\.1 of aiolambda-client, and this program"):
        await DaskLambdaClient(dask, region="us-east-1").open()


@pytest.mark.parametrize(("plugin", "where"), [(LedgerPlugin, "scheduler"), (FeedPlugin, "worker")])
@pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")  # Dask asks two workers
async def test_node_without_the_package_is_named(dask: Any, monkeypatch: pytest.MonkeyPatch, plugin: Any, where: str) -> None:
    """A node that lacks a module raises ImportError as it unpickles the plugin."""
    monkeypatch.setattr(plugin, "__reduce__", lambda _: (__import__, ("no_such_package",)), raising=False)
    with pytest.raises(ConfigurationError, match=f"Dask {where} cannot import aiolambda"):
        await DaskLambdaClient(dask, region="us-east-1").open()


async def test_wrong_setting_of_a_worker_is_the_error_of_its_items(dask: Any) -> None:
    async with DaskLambdaClient(dask, endpoint_url="http://127.0.0.1:9", profile="missing", region="us-east-1") as cluster:
        (result,) = await cluster.map("orders", [{"id": 1}]).collect()
    assert isinstance(result.error, ConfigurationError)
    assert "missing" in str(result.error)


async def test_failed_factory_is_the_error_of_its_items(dask: Any, server: CountingLambda) -> None:
    async with DaskLambdaClient(dask, region="us-east-1", endpoint_url=server.url, credentials=no_keys) as cluster:
        (result,) = await cluster.map("orders", [{"id": 1}]).collect()
    assert "no worker could begin this item: LookupError: the vault is sealed" in str(result.error)
    assert not result.delivery.may_have_run


async def test_log_of_a_failed_task_has_no_payload(dask: Any, server: CountingLambda, caplog: pytest.LogCaptureFixture) -> None:
    """Dask 2024.8 logs the arguments of a task that fails, and later versions its repr."""
    caplog.set_level(logging.DEBUG, "distributed")
    async with DaskLambdaClient(dask, region="us-east-1", endpoint_url=server.url, credentials=no_keys) as cluster:
        await cluster.map("orders", [{"id": 1, "patient": "Erika"}]).collect()
    assert "Compute Failed" in caplog.text
    assert "Erika" not in caplog.text
    assert "Erika" not in repr(Parcel(b"Erika"))


async def test_client_that_is_closed_while_it_opens_leaves_nothing(dask: Any) -> None:
    client = DaskLambdaClient(dask, region="us-east-1")
    opening = [asyncio.create_task(client.open()) for _ in range(2)]
    await asyncio.sleep(0)
    await client.close()
    for one in opening:
        with pytest.raises(ClientClosedError):
            await one
    scheduler = dask.cluster.scheduler
    assert scheduler.plugins["aiolambda"].ledger.sessions == {}
    assert not [name for name in scheduler.worker_plugins if name.startswith("aiolambda")]


async def test_client_that_is_opened_twice_has_one_session(dask: Any) -> None:
    async with DaskLambdaClient(dask, region="us-east-1") as client:
        await asyncio.gather(client.open(), client.open())
        assert len(dask.cluster.scheduler.plugins["aiolambda"].ledger.sessions) == 1
    client = DaskLambdaClient(dask, region="us-east-1")
    await asyncio.gather(client.open(), client.open())
    assert len(dask.cluster.scheduler.plugins["aiolambda"].ledger.sessions) == 1
    await client.close()
    assert dask.cluster.scheduler.plugins["aiolambda"].ledger.sessions == {}


async def test_workers_forget_a_session_that_ended(dask: Any, server: CountingLambda) -> None:
    async with DaskLambdaClient(dask, region="us-east-1", endpoint_url=server.url) as cluster:
        await cluster.map("orders", [{"id": 1}]).collect()
        assert any(name.startswith("aiolambda") for name in dask.cluster.scheduler.worker_plugins)
    assert not any(name.startswith("aiolambda") for name in dask.cluster.scheduler.worker_plugins)
    assert not [name for worker in dask.cluster.workers.values() for name in worker.plugins if name.startswith("aiolambda")]


@pytest.mark.parametrize(
    ("method", "given", "said"),
    [
        ("map", {"concurrency": 5}, r"DaskLambdaClient.map\(\) has no argument 'concurrency'; give it to DaskLambdaClient"),
        ("map", {"processes": 2}, "no argument 'processes'; the workers of the cluster are its processes"),
        ("map", {"hedge_after": 0.5}, "hedge_after needs idempotent=True"),
        ("map", {"orderd": True}, "no argument 'orderd'; did you mean ordered"),
        ("map_commands", {"payload": len}, r"DaskLambdaClient.map_commands\(\) has no argument 'payload'; it has ordered, key"),
    ],
    ids=["concurrency", "processes", "hedge_after", "orderd", "payload"],
)
async def test_wrong_argument_is_named(dask: Any, method: str, given: dict[str, Any], said: str) -> None:
    async with DaskLambdaClient(dask, region="us-east-1") as cluster:
        with pytest.raises(ConfigurationError, match=said):
            getattr(cluster, method)(*(["orders"] if method == "map" else []), [], **given)


def test_synchronous_client_lends_its_scheduler(server: CountingLambda) -> None:
    async def main(client: Any) -> list[bool]:
        async with DaskLambdaClient(client, region="us-east-1", endpoint_url=server.url) as cluster:
            return [result.ok for result in await cluster.map("orders", [{"id": n} for n in range(20)]).collect()]

    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster:
        with distributed.Client(cluster) as client:
            assert asyncio.run(main(client)) == [True] * 20


PROGRAM = """
import sys
import aiolambda
assert not any(name.partition(".")[0] in ("dask", "distributed") for name in sys.modules)
sys.modules["distributed"] = None
try:
    import aiolambda.contrib.dask
except aiolambda.ConfigurationError as error:
    print(error)
"""


def test_missing_distributed_is_named() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=60)
    assert "aiolambda.contrib.dask needs distributed: install aiolambda-client with its extra 'dask' (pip" in done.stdout
