"""The page about tracing: its tables name what there is, its tree is what an exporter sends, and its code runs."""

import inspect
import re
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider

import aiolambda.telemetry
from aiolambda import LambdaClient
from aiolambda.telemetry import AiolambdaInstrumentor, conventions, instrument
from aiolambda.telemetry.instruments import Instruments
from aiolambda.testing import FakeTransport

from ..support.pages import ROOT, run_fragments
from ..support.trace_tree import lines_of, receiving, sent_tree
from .test_pages import rows_of

PAGE = (ROOT / "docs/how-to/trace-calls.md").read_text()
INSTRUMENTS = {name for name in vars(conventions).values() if re.match(r"(rpc|http|aiolambda)\.client\.", str(name))}
NOT_ATTRIBUTES = {conventions.SCOPE, conventions.MAP_SPAN, conventions.AWS_API, conventions.OTHER} | INSTRUMENTS
NAMES = {value for name, value in vars(conventions).items() if name.isupper() and isinstance(value, str)}


def section(title: str) -> str:
    return PAGE.split(f"## {title}\n")[1].split("\n## ")[0]


def names_in(cells: Any) -> set[str]:
    return set(re.findall(r"`([\w.]+\.[\w.]+)`", " ".join(cells)))


def test_page_names_every_attribute() -> None:
    named = names_in([*(row[0] for row in rows_of(section("Read the spans"))), section("Read the spans"), section("Maps")])
    known = NAMES - NOT_ATTRIBUTES - {conventions.THROTTLE_REASON}
    assert known - named == set()
    assert names_in(row[0] for row in rows_of(section("Read the spans"))) <= known | {"error.type"}


def test_page_names_every_metric_with_its_unit() -> None:
    rows = {row[0].strip(" `"): row for row in rows_of(section("Read the metrics"))}
    made = Instruments(MeterProvider(), is_default=False)
    units = {one.name: one.unit for one in vars(made).values() if hasattr(one, "unit")}
    assert {name: row[2].strip(" `") for name, row in rows.items()} == units
    assert set(rows) == INSTRUMENTS


def test_page_has_every_argument_and_default() -> None:
    rows = {row[0].strip(" `"): row[1].strip(" `") for row in rows_of(section("Turn it on"))}
    parameters = {name: one.default for name, one in inspect.signature(instrument).parameters.items() if name != "client"}
    assert {
        name: "the global one" if value is None else repr(value).replace("'", '"') for name, value in parameters.items()
    } == rows
    of_all = inspect.signature(AiolambdaInstrumentor.instrument).parameters
    assert {name: of_all[name].default for name in parameters} == parameters


def alike(text: str) -> str:
    """The text without what differs between runs: seconds and ids."""
    return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", re.sub(r"\d+\.\d{3} s", "N s", text))


@pytest.mark.virtual_time
async def test_tree_of_the_page_is_what_the_exporter_sends() -> None:
    with receiving() as receiver:
        sent = "\n".join(lines_of(await sent_tree(receiver, retry_after=1)))
    (shown,) = re.findall(r"```text\n(handle order.*?)\n```", PAGE, re.DOTALL)
    assert alike(shown) == alike(sent), "python -m tests.support.trace_tree prints it"


async def test_code_of_the_page_exports_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    tracers, meters = list[TracerProvider](), list[MeterProvider]()
    monkeypatch.setattr(trace, "set_tracer_provider", tracers.append)  # a process has one, which cannot be replaced
    monkeypatch.setattr(metrics, "set_meter_provider", meters.append)
    with receiving() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        page = run_fragments("docs/how-to/trace-calls.md")
        page["set_up_opentelemetry"]()
        fake = FakeTransport({"orders": lambda event: event})
        async with LambdaClient(transport=fake) as client:
            instrument(client, tracer_provider=tracers[0], meter_provider=meters[0])
            await client.invoke("orders", 1)
        tracers[0].shutdown()
        meters[0].shutdown()
    assert [span.name for span in receiver.spans] == ["Lambda.Invoke"]


def test_code_of_the_page_runs() -> None:
    page = run_fragments("docs/how-to/trace-calls.md")
    client = page["traced_client"]()
    assert isinstance(client, LambdaClient)
    assert "openTelemetryMiddleware" in client.middleware_stack
    for context in (None, SimpleNamespace(custom={"traceparent": f"00-{1:032x}-{2:016x}-01"})):
        assert page["handler"](7, SimpleNamespace(client_context=context)) == 7
    page["instrument_all_clients"]()
    AiolambdaInstrumentor().uninstrument()


def test_reference_has_every_name() -> None:
    page = (ROOT / "docs/reference/telemetry.md").read_text()
    listed = re.findall(r"^\.\. auto\w+:: aiolambda\.telemetry\.(\w+)$", page, re.MULTILINE)
    assert sorted(listed) == sorted(aiolambda.telemetry.__all__)
