"""The code of the how-to pages about watching a service: its log, its counters, its metrics."""

import asyncio
import contextlib
import importlib.util
import io
import json
import logging
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

import aiolambda
from aiolambda import (
    ClientStats,
    ConnectError,
    FunctionError,
    InvocationTimeoutError,
    LambdaClient,
    ThrottleReason,
    TooManyRequestsException,
)
from aiolambda.telemetry import ClientObserver
from aiolambda.testing import FakeTransport
from aiolambda.types.events import METHODS, Outcome

from ..support.pages import ROOT, run_fragments

LOG_PAGE = (ROOT / "docs" / "how-to" / "read-the-log.md").read_text()
WATCH_PAGE = (ROOT / "docs" / "how-to" / "watch-a-service.md").read_text()
METRICS_PAGE = (ROOT / "docs" / "how-to" / "export-metrics.md").read_text()


def fragments(name: str) -> dict[str, Any]:
    return run_fragments(f"docs/how-to/{name}.md")


@pytest.fixture
def recipes() -> Iterator[dict[str, Any]]:
    """Those of the page about metrics. A name may be registered once only, and other tests run the page, too."""
    registry = pytest.importorskip("prometheus_client", reason="prometheus_client is not installed").REGISTRY

    def unregister() -> None:
        for metric in list(registry.collect()):
            if metric.name.startswith("aiolambda_") and metric.name in registry._names_to_collectors:
                registry.unregister(registry._names_to_collectors[metric.name])

    unregister()
    yield fragments("export-metrics")
    unregister()


async def order(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "done"


def fails(event: object) -> object:
    raise LookupError("hunter2")


def client_and_fake() -> tuple[LambdaClient, FakeTransport]:
    fake = FakeTransport({"orders": order, "fails": fails})
    return LambdaClient(transport=fake), fake


# The log


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("log_of_a_call", ROOT / "docs" / "log_of_a_call.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shape_of(text: str) -> str:
    """The lines without times, ids and seconds."""
    text = re.sub(r"^[\d-]+ [\d:,]+ ", "", text, flags=re.MULTILINE)
    return re.sub(r"\[[0-9a-f]{6}\]|request id [0-9a-f-]{36}|\d+\.\d{3} s", "*", text)


@pytest.mark.virtual_time
async def test_the_log_of_the_page_is_that_of_the_client() -> None:
    module = script()
    shown = LOG_PAGE.partition(module.BEFORE)[2].partition(module.AFTER)[0]
    assert shape_of(shown) == shape_of(await module.log_of_a_call()), "run python docs/log_of_a_call.py"
    assert [line.split()[2] for line in shown.splitlines()] == ["DEBUG", "INFO"] * 3 + ["DEBUG"] * 2


async def test_the_page_sets_up_logging(capsys: pytest.CaptureFixture[str]) -> None:
    logger, root = logging.getLogger("aiolambda"), logging.getLogger()
    level, handlers = logger.level, root.handlers[:]
    root.handlers[:] = []
    try:
        fragments("read-the-log")["log_calls"]()
        client, _ = client_and_fake()
        async with client:
            await client.invoke("orders", 0)
    finally:
        root.handlers[:] = handlers
        root.setLevel(logging.WARNING)
        logger.setLevel(level)
    attempt, end = capsys.readouterr().err.splitlines()
    assert "DEBUG aiolambda: Invoke 'orders' [" in attempt
    assert " s: done; 1 attempt" in end


def test_the_warnings_of_the_page_are_those_of_the_code() -> None:
    code = "".join(path.read_text() for path in sorted(Path(aiolambda.__file__).parent.rglob("*.py")))
    for words in (
        "calls are signed with the time of the service",
        "(the limit, see max_concurrency)",
        "because the limit of open files (ulimit -n) leaves no room for more",
        "could not be renewed, and stay in use",
        "could not be renewed, and calls fail, because they were",
        "ignored beside",
        "client_context has no effect in an Event",
        "succeeded() raised; the call still returns its answer",
        "raised; the call goes on.",
        "raise that limit, or send less",
        "make fewer of these calls",
        "every request was throttled for",
    ):
        assert words in LOG_PAGE
        assert words in code


@contextlib.contextmanager
def logging_to(handler: logging.Handler) -> Iterator[None]:
    logger = logging.getLogger("aiolambda")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


async def records_of(handler: logging.Handler, stream: io.StringIO) -> list[dict[str, Any]]:
    """The records that a handler writes as JSON, of a call, a retry and a map."""
    client, fake = client_and_fake()
    fake.fail("orders", TooManyRequestsException("busy", reason="CallerRateLimitExceeded", retry_after=0), times=1)
    with logging_to(handler):
        async with client:
            await client.invoke("orders", 0)
            fake.fail("orders", TooManyRequestsException("busy"), times=1)
            async with client.map("orders", [0]) as run:
                assert [result.ok async for result in run] == [True]
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.mark.virtual_time
async def test_the_formatter_writes_the_keys_of_the_page() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(fragments("read-the-log")["JsonFormatter"]())
    records = await records_of(handler, stream)
    assert {record["logger"] for record in records} == {"aiolambda", "aiolambda.retry", "aiolambda.map"}
    named = set(re.findall(r"`(\w+)`", LOG_PAGE.partition("## Keys")[2].partition("## Write JSON")[0]))
    keys = {key for record in records for key in record}
    assert keys - {"time", "level", "logger", "message", "taskName"} <= named
    assert {"aws_request_id", "throttle_reason", "delivery", "items_done", "outcome", "window"} <= keys


@pytest.mark.virtual_time
async def test_structlog_takes_the_keys() -> None:
    pytest.importorskip("structlog", reason="structlog is not installed")
    stream, handler = io.StringIO(), fragments("read-the-log")["json_handler"]()
    handler.setStream(stream)
    first = (await records_of(handler, stream))[0]
    assert (first["function_name"], first["attempt"], first["level"], first["logger"]) == ("orders", 1, "debug", "aiolambda")
    assert first["event"].startswith("Invoke 'orders' [")


# Counters


async def test_the_metrics_are_those_of_the_client() -> None:
    names, app = fragments("watch-a-service"), web.Application()
    metrics = names["metrics"]
    client, _ = client_and_fake()
    async with client:
        await client.invoke("orders", 0)
        names["add_metrics"](app, client)
        async with TestClient(TestServer(app)) as asking, asking.get("/metrics") as served:
            assert (await served.text(), served.content_type) == (metrics(client.stats), "text/plain")
        stats = attrs.evolve(client.stats, throttled={None: 2, ThrottleReason.CALLER_RATE_LIMIT_EXCEEDED: 3})
    text = metrics(stats)
    assert text.endswith("\n")
    samples = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert {name: value for name, value in samples.items() if value != "0"} == {
        'aiolambda_calls_total{outcome="executed"}': "1",
        "aiolambda_attempts_total": "1",
        'aiolambda_throttles_total{reason="None"}': "2",
        'aiolambda_throttles_total{reason="CallerRateLimitExceeded"}': "3",
    }
    assert {"aiolambda_calls_in_flight", "aiolambda_calls_waiting", "aiolambda_retries_total"} <= samples.keys()


async def test_the_counters_are_in_prometheus_text_format() -> None:
    parser = pytest.importorskip("prometheus_client.parser", reason="prometheus_client is not installed")
    client, fake = client_and_fake()
    fake.fail("orders", TooManyRequestsException("busy", retry_after=0), times=1)
    async with client:
        await client.invoke("orders", 0)
    families = list(parser.text_string_to_metric_families(fragments("watch-a-service")["metrics"](client.stats)))
    assert {(family.name, family.type) for family in families} == {
        ("aiolambda_calls_in_flight", "gauge"),
        ("aiolambda_calls_waiting", "gauge"),
        ("aiolambda_calls", "counter"),
        ("aiolambda_attempts", "counter"),
        ("aiolambda_retries", "counter"),
        ("aiolambda_throttles", "counter"),
    }


def test_the_page_names_each_counter() -> None:
    assert [field.name for field in attrs.fields(ClientStats) if f"`{field.name}`" not in WATCH_PAGE] == []
    assert [outcome for outcome in Outcome if f"`{outcome}`" not in WATCH_PAGE] == []


# Metrics


def test_the_page_names_each_event() -> None:
    assert [name for name in METHODS if f"`{name}`" not in METRICS_PAGE] == []


@pytest.mark.virtual_time
async def test_a_call_tells_its_events_in_the_order_of_the_page() -> None:
    told: list[str] = []

    def keeping(name: str) -> Any:
        def keep(self: object, event: object, /) -> None:
            told.append(name)

        return keep

    observer = type("Everything", (ClientObserver,), {name: keeping(name) for name in METHODS})()
    client, fake = client_and_fake()
    fake.fail("orders", TooManyRequestsException("busy", retry_after=0), times=1)
    async with client:
        client.observe(observer)
        await client.invoke("orders", 0)
    rows = [name for row in re.findall(r"^\| (`.*?) \|", METRICS_PAGE, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)]
    assert list(dict.fromkeys(told)) == [name for name in rows if name in told]
    assert told[-1] == "call_ended"


@pytest.mark.virtual_time
async def test_prometheus_counts_calls_and_throttles(recipes: dict[str, Any]) -> None:
    from prometheus_client import REGISTRY

    client, fake = client_and_fake()
    client.observe(recipes["PrometheusObserver"]())
    fake.fail("orders", TooManyRequestsException("busy", reason="CallerRateLimitExceeded", retry_after=0), times=2)
    async with client:
        await client.invoke("orders", 20)
        with pytest.raises(FunctionError):
            await client.invoke("fails", 0)
        await client.describe("orders")

    def sample(name: str, operation: str = "Invoke", **labels: str) -> float | None:
        return REGISTRY.get_sample_value(f"aiolambda_{name}", {"operation": operation, **labels})

    assert sample("calls_total", function="orders", outcome="executed") == 1
    assert sample("calls_total", function="fails", outcome="function_error") == 1
    assert sample("calls_total", "GetFunction", function="orders", outcome="executed") == 1
    assert sample("throttles_total", function="orders", reason="CallerRateLimitExceeded") == 2
    assert sample("call_seconds_bucket", function="orders", le="10.0") == 0
    assert sample("call_seconds_bucket", function="orders", le="30.0") == 1
    assert sample("queued_seconds_count", function="fails") == 1


async def test_statsd_gets_its_datagrams(recipes: dict[str, Any]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as statsd:
        statsd.bind(("127.0.0.1", 0))
        statsd.settimeout(10)
        observer = recipes["StatsdObserver"](port=statsd.getsockname()[1])
        client, fake = client_and_fake()
        client.observe(observer)
        fake.fail("orders", TooManyRequestsException("busy", retry_after=0), times=1)
        async with client:
            await client.invoke("orders", 0)
            with pytest.raises(FunctionError):
                await client.invoke("fails:$LATEST", 0)
            await client.account_limits()
        first, second, third = (statsd.recv(65_536).decode() for _ in range(3))
    assert re.fullmatch(
        r"aiolambda\.Invoke\.orders\.executed:1\|c\naiolambda\.Invoke\.orders\.duration:\d+\|ms\n"
        r"aiolambda\.Invoke\.orders\.throttles:1\|c",
        first,
    )
    assert second.startswith("aiolambda.Invoke.fails_$LATEST.function_error:1|c\n")
    assert third.startswith("aiolambda.GetAccountSettings.none.executed:1|c\n")
    async with LambdaClient(transport=fake) as later:  # nobody listens any more
        later.observe(observer)
        for _ in range(3):
            assert (await later.invoke("orders", 0)).json() == "done"
    observer.close()


@pytest.mark.virtual_time
async def test_trouble_is_logged_and_nothing_else(recipes: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    client, fake = client_and_fake()
    client._state.jitter = lambda: 0.0
    client.observe(recipes["TroubleLog"]())
    async with client:
        await client.invoke("orders", 1)
        await client.invoke("orders", 11)
        with pytest.raises(FunctionError):
            await client.invoke("fails", 0)
        fake.fail("orders", ConnectError("no"), times=3)
        with pytest.raises(ConnectError):
            await client.invoke("orders", 0)
        with pytest.raises(InvocationTimeoutError):
            await client.invoke("orders", 60, timeout=1)
    told = [re.sub(r", request id .*", "", record.getMessage()) for record in caplog.records if record.name == "orders"]
    assert told == [
        "Invoke orders: executed (slow) after 11.0 s",
        "Invoke fails: function_error (LookupError) after 0.0 s",
        "Invoke orders: not_delivered (ConnectError) after 0.0 s",
        "Invoke orders: unknown (InvocationTimeoutError) after 1.0 s",
    ]


@pytest.mark.parametrize("name", ["PrometheusObserver", "StatsdObserver", "TroubleLog"])
def test_a_recipe_is_short(name: str) -> None:
    block = next(text for text in re.findall(r"```python\n(.*?)```", METRICS_PAGE, re.DOTALL) if f"class {name}(" in text)
    assert len([line for line in block.splitlines() if line.strip()]) <= 20
