"""Every client of a process is instrumented by one switch, which `opentelemetry-instrument` finds; nothing is loaded before."""

import gc
import importlib.util
import json
import subprocess
import sys
import weakref
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.metrics import Meter

from aiolambda import ConfigurationError, LambdaClient
from aiolambda.telemetry import AiolambdaInstrumentor, instrument
from aiolambda.testing import FakeTransport

from ..support.client_calls import echo
from ..support.telemetry import Sdk

NAME = "openTelemetryMiddleware"
COMMAND = Path(sys.executable).parent / "opentelemetry-instrument"


@pytest.fixture
def instrumentor() -> Iterator[AiolambdaInstrumentor]:
    made = AiolambdaInstrumentor()
    yield made
    if made.is_instrumented_by_opentelemetry:
        made.uninstrument()


def client() -> LambdaClient:
    return LambdaClient(region="eu-west-1", transport=FakeTransport({"echo": echo}))


def test_there_is_one_instrumentor(instrumentor: AiolambdaInstrumentor) -> None:
    assert AiolambdaInstrumentor() is instrumentor
    assert not instrumentor.is_instrumented_by_opentelemetry
    assert instrumentor.instrumentation_dependencies() == ()


async def test_present_and_future_clients_are_instrumented(sdk: Sdk, instrumentor: AiolambdaInstrumentor) -> None:
    present = client()
    instrumentor.instrument(tracer_provider=sdk.tracers, meter_provider=sdk.meters, attempts=True, skip_dep_check=True)
    future = client()
    for each in (present, future):
        async with each:
            await each.invoke("echo", 1)
    assert [span.name for span in sdk.spans] == ["POST", "Lambda.Invoke"] * 2
    instrumentor.uninstrument()
    for each in (present, future, client()):
        assert NAME not in each.middleware_stack


async def test_program_that_instruments_a_client_itself_wins(sdk: Sdk, instrumentor: AiolambdaInstrumentor) -> None:
    instrumentor.instrument()
    chosen = client()
    sdk.instrument(chosen)
    async with chosen:
        await chosen.invoke("echo", 1)
    assert sdk.span.name == "Lambda.Invoke"
    instrumentor.uninstrument()
    assert NAME in chosen.middleware_stack


def test_instrumented_before_the_switch_stays(sdk: Sdk, instrumentor: AiolambdaInstrumentor) -> None:
    chosen = client()
    kept = sdk.instrument(chosen)
    instrumentor.instrument()
    kept.remove()
    assert NAME not in chosen.middleware_stack


def test_second_switch_is_a_warning(instrumentor: AiolambdaInstrumentor, caplog: pytest.LogCaptureFixture) -> None:
    instrumentor.instrument()
    instrumentor.instrument()
    instrumentor.uninstrument()
    instrumentor.uninstrument()
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 2


def test_wrong_argument_is_refused(instrumentor: AiolambdaInstrumentor) -> None:
    with pytest.raises(ConfigurationError, match="map_items"):
        instrumentor.instrument(map_items="all")  # type: ignore[arg-type]
    assert not instrumentor.is_instrumented_by_opentelemetry


def test_provider_that_raises_keeps_no_program_from_its_client(
    instrumentor: AiolambdaInstrumentor, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def get_tracer(self, *args: object) -> object:
            raise RuntimeError("no tracer today")

    instrumentor.instrument(tracer_provider=Broken())  # type: ignore[arg-type]
    caplog.clear()
    assert NAME not in client().middleware_stack
    assert [record.getMessage() for record in caplog.records] == ["a new client could not be instrumented"]


def test_instrumented_client_is_collected(sdk: Sdk, instrumentor: AiolambdaInstrumentor) -> None:
    instrumentor.instrument(tracer_provider=sdk.tracers, meter_provider=sdk.meters)
    dropped = [client(), client()]
    sdk.instrument(dropped[1])
    known = [weakref.ref(each) for each in dropped]
    dropped.clear()
    gc.collect()
    assert [each() for each in known] == [None, None]


# Programs


def printed(script: str, *before: str, **environment: str) -> Any:
    """What a program prints, as JSON."""
    done = subprocess.run(
        [*before, sys.executable, "-c", script], capture_output=True, text=True, check=False, env=environment or None
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_import_loads_no_opentelemetry() -> None:
    script = """if True:
        import json, sys
        import aiolambda, aiolambda.telemetry
        early = "aiolambda.telemetry.instrumentation" in sys.modules
        from aiolambda.telemetry import *
        print(json.dumps([early, sorted(name for name in sys.modules if name.partition(".")[0] == "opentelemetry")]))
    """
    assert printed(script) == [False, []]


def test_switch_loads_no_client() -> None:
    """A program that `opentelemetry-instrument` starts may have none."""
    script = """if True:
        import json, sys
        from aiolambda.telemetry import AiolambdaInstrumentor
        AiolambdaInstrumentor().instrument()
        print(json.dumps([name in sys.modules for name in ("aiolambda.client.client", "aiohttp")]))
    """
    assert printed(script) == [False, False]


def test_missing_api_is_explained() -> None:
    script = """if True:
        import json, sys
        sys.modules["opentelemetry"] = None
        from aiolambda import LambdaClient
        from aiolambda.telemetry import AiolambdaInstrumentor, instrument
        from aiolambda.testing import FakeTransport
        texts = []
        for call in (lambda: instrument(LambdaClient(transport=FakeTransport())), AiolambdaInstrumentor().instrument):
            try:
                call()
            except Exception as error:
                texts.append([type(error).__name__, str(error)])
        print(json.dumps(texts))
    """
    texts = printed(script)
    assert [kind for kind, _ in texts] == ["ConfigurationError"] * 2
    assert all("needs opentelemetry-api" in text and "extra 'otel'" in text for _, text in texts)


def test_old_api_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    def create_histogram(self: Meter, name: str, unit: str = "", description: str = "") -> None:
        """As before 1.30."""

    monkeypatch.setattr(Meter, "create_histogram", create_histogram)
    with pytest.raises(ConfigurationError, match=r"needs opentelemetry-api 1\.30 or later"):
        instrument(client())


def test_missing_sdk_is_no_fault() -> None:
    script = """if True:
        import asyncio, json, sys
        sys.modules["opentelemetry.sdk"] = None
        from aiolambda import LambdaClient
        from aiolambda.telemetry import instrument
        from aiolambda.testing import FakeTransport
        fake = FakeTransport({"echo": lambda event: event})
        async def main():
            async with LambdaClient(transport=fake) as client:
                instrument(client, attempts=True, w3c_in_client_context=True)
                return (await client.invoke("echo", 7)).json()
        print(json.dumps([asyncio.run(main()), fake.calls[0].headers.get("x-amzn-trace-id")]))
    """
    assert printed(script) == [7, None]


def test_provider_that_is_set_later_is_found() -> None:
    script = """if True:
        import asyncio, json
        from opentelemetry import metrics, trace
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader
        from opentelemetry.sdk.trace import TracerProvider
        from aiolambda import LambdaClient
        from aiolambda.telemetry import instrument
        from aiolambda.testing import FakeTransport
        fake = FakeTransport({"echo": lambda event: event})
        async def main():
            async with LambdaClient(transport=fake) as client:
                instrument(client)
                await client.invoke("echo", 1)
                await asyncio.sleep(0.02)
                trace.set_tracer_provider(TracerProvider())
                reader = InMemoryMetricReader()
                metrics.set_meter_provider(MeterProvider([reader]))
                await client.invoke("echo", 2)
                return reader
        reader = asyncio.run(main())
        scopes = reader.get_metrics_data().resource_metrics[0].scope_metrics
        names = [metric.name for scope in scopes for metric in scope.metrics]
        print(json.dumps([["x-amzn-trace-id" in call.headers for call in fake.calls], names]))
    """
    assert printed(script) == [[False, True], ["rpc.client.call.duration"]]


def test_entry_point_names_the_instrumentor() -> None:
    (found,) = [one for one in entry_points(group="opentelemetry_instrumentor") if one.name == "aiolambda"]
    assert found.load() is AiolambdaInstrumentor


@pytest.mark.skipif(not COMMAND.exists(), reason="opentelemetry-instrument is not installed")
def test_command_of_opentelemetry_instruments_a_program() -> None:
    script = """if True:
        import asyncio, json
        from aiolambda import LambdaClient
        from aiolambda.testing import FakeTransport
        fake = FakeTransport({"echo": lambda event: event})
        async def main():
            async with LambdaClient(transport=fake) as client:
                await client.invoke("echo", 1)
                return [line.strip() for line in str(client.middleware_stack).splitlines()]
        print(json.dumps(asyncio.run(main())))
    """
    exporters = {f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")}
    assert NAME in printed(script, str(COMMAND), PATH=str(COMMAND.parent), **exporters)


def test_api_is_all_that_the_extra_needs() -> None:
    assert importlib.util.find_spec("opentelemetry.trace") is not None
    assert instrument.__module__ == "aiolambda.telemetry.instrumentation"
