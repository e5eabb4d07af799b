"""The REPORT line in a log tail: in text and in JSON, among the output of a function, and damaged."""

import base64
import json
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolambda import InvokeCommandOutput, JsonCodec, Metadata, Report
from aiolambda.operations.report import report_of

REPORT = (
    "REPORT RequestId: 3604209a-e9a3\tDuration: 12.34 ms\tBilled Duration: 13 ms\tMemory Size: 128 MB\tMax Memory Used: 31 MB\t"
)
START = "START RequestId: 3604209a-e9a3 Version: $LATEST\nhello\nEND RequestId: 3604209a-e9a3\n"
PLAIN = Report(request_id="3604209a-e9a3", duration_ms=12.34, billed_duration_ms=13, memory_size_mb=128, max_memory_used_mb=31)


@pytest.mark.parametrize(
    ("log", "report"),
    [
        (f"{START}{REPORT}\n", PLAIN),
        (f"{REPORT}", PLAIN),
        (f"a line that is cut\n{REPORT}\n", PLAIN),
        (REPORT.replace("\t", " "), PLAIN),
        (f"{REPORT}Init Duration: 177.92 ms\t\n", attrs.evolve(PLAIN, init_duration_ms=177.92)),
        (f"{REPORT}\nXRAY TraceId: 1-5e34-c1\tSegmentId: 07f0\tSampled: true\t\n", attrs.evolve(PLAIN, trace_id="1-5e34-c1")),
        (
            f"{REPORT}Init Duration: 1.5 ms\t\nXRAY TraceId: 1-5e34-c1\tSegmentId: 07f0\n",
            attrs.evolve(PLAIN, init_duration_ms=1.5, trace_id="1-5e34-c1"),
        ),
        (
            f"{REPORT}Restore Duration: 500.5 ms\tBilled Restore Duration: 300 ms\t\n",
            attrs.evolve(PLAIN, restore_duration_ms=500.5, billed_restore_duration_ms=300),
        ),
        (f"{REPORT}Status: timeout\n", PLAIN),
        (f"{REPORT}Status: error\tError Type: Runtime.ExitError\n", PLAIN),
        (f"{REPORT}\n{REPORT.replace('e9a3', 'last')}\n", attrs.evolve(PLAIN, request_id="3604209a-last")),
        (f"{REPORT}\nREPORT RequestId: of-mine Duration: 1.2.3 ms\n", PLAIN),
        ("", None),
        (START, None),
        (REPORT[5:], None),
        (REPORT[: REPORT.index("Max")], None),
        ("REPORT RequestId: x\n", None),
        ("REPORT RequestId: x\tDuration: . ms\tBilled Duration: .. ms\tMemory Size: . MB\tMax Memory Used: 1 MB\n", None),
    ],
)
def test_report_is_read_from_a_text_log(log: str, report: Report | None) -> None:
    assert report_of(log) == report


def json_report(**changes: Any) -> str:
    metrics = {"durationMs": 12.34, "billedDurationMs": 13, "memorySizeMB": 128, "maxMemoryUsedMB": 31}
    record = {"requestId": "3604209a-e9a3", "metrics": metrics, "status": "success"} | changes
    return json.dumps({"time": "2026-11-23T20:00:00.000Z", "type": "platform.report", "record": record})


@pytest.mark.parametrize(
    ("log", "report"),
    [
        (f'{{"type": "platform.start"}}\n{json_report()}\n', PLAIN),
        (f'd": "a line that is cut"}}\n{json_report()}', PLAIN),
        (
            json_report(tracing={"spanId": "1", "type": "X-Amzn-Trace-Id", "value": "Root=1-5e34-c1;Parent=07f0;Sampled=1"}),
            attrs.evolve(PLAIN, trace_id="1-5e34-c1"),
        ),
        (json_report(tracing={}), PLAIN),
        (
            json_report().replace('"durationMs"', '"initDurationMs": 1.5, "durationMs"'),
            attrs.evolve(PLAIN, init_duration_ms=1.5),
        ),
        (f'{json_report()}\n{{"message": "\\"platform.report\\""}}', PLAIN),
        (f'{json_report()}\n{{"type": "platform.report", "record": [1]}}\n"platform.report"\n"platform.report', PLAIN),
        *(
            (json_report().replace("128", figure), attrs.evolve(PLAIN, memory_size_mb=None))
            for figure in ("1e999", "NaN", "-Infinity", '"much"', "true", "null", "-1", "[]", "9" * 400)
        ),
        (
            json_report().replace("12.34", "NaN").replace("13", "Infinity"),
            attrs.evolve(PLAIN, duration_ms=None, billed_duration_ms=None),
        ),
        (
            json_report().replace('"durationMs"', '"restoreDurationMs": 500.5, "billedRestoreDurationMs": 300, "durationMs"'),
            attrs.evolve(PLAIN, restore_duration_ms=500.5, billed_restore_duration_ms=300),
        ),
        (json_report(metrics={"durationMs": 12.34}), Report(request_id="3604209a-e9a3", duration_ms=12.34)),
        (json_report(metrics={"durationMs": float("nan")}), None),
        (json_report(requestId=7), None),
        (json_report().replace('"type": "platform.report"', '"type": "function", "about": "platform.report"'), None),
        (json_report(metrics=None), None),
        (json_report(metrics={}), None),
        (json_report()[40:], None),
        ('"platform.report"' + "[" * 100_000, None),
        ('{"a":' * 100_000 + '"platform.report"', None),
    ],
)
def test_report_is_read_from_a_json_log(log: str, report: Report | None) -> None:
    assert report_of(log) == report


@given(st.text(max_size=60), st.text("REPORT uestId:\tDanmsB.19\n", max_size=80))
def test_arbitrary_text_never_breaks_report_parsing(text: str, nearly: str) -> None:
    assert report_of(text) is None
    assert report_of(f"{REPORT}\n{nearly}") == PLAIN or "\nREPORT RequestId:" in f"\n{nearly}"


def test_output_has_the_report_of_its_log_tail() -> None:
    output = InvokeCommandOutput(
        status_code=200,
        log_result=base64.b64encode(f"\u00e9{START}{REPORT}".encode()[1:]).decode(),
        metadata=Metadata(http_status_code=200),
        codec=JsonCodec(),
        function_name="orders",
    )
    assert output.report == PLAIN
    assert attrs.evolve(output, log_result=None).report is None


# --- among the output of a function ----------------------------------------------------------------------------------

OTHER = attrs.evolve(PLAIN, request_id="of-another", duration_ms=1.0)
FORGED = attrs.evolve(PLAIN, duration_ms=99.0, billed_duration_ms=1.0)
END = "END RequestId: 3604209a-e9a3\n"


def as_text(report: Report) -> str:
    figures = (
        f"{report.duration_ms} ms\tBilled Duration: {report.billed_duration_ms} ms\tMemory Size: 128 MB\tMax Memory Used: 31 MB"
    )
    return f"REPORT RequestId: {report.request_id}\tDuration: {figures}\t\n"


def as_json(report: Report) -> str:
    metrics = {"durationMs": report.duration_ms, "billedDurationMs": report.billed_duration_ms}
    metrics |= {"memorySizeMB": 128, "maxMemoryUsedMB": 31}
    return json_report(requestId=report.request_id, metrics=metrics) + "\n"


@pytest.mark.parametrize(
    "log",
    [
        as_text(FORGED) + END + as_text(PLAIN),
        as_text(FORGED) + as_json(PLAIN),
        as_json(FORGED) + END + as_text(PLAIN),
        as_json(FORGED) + as_json(PLAIN),
        END + as_text(FORGED) + END + as_text(PLAIN),
        END + as_text(PLAIN) + as_text(FORGED),
        as_text(OTHER) + END + as_text(PLAIN),
        as_text(OTHER) + as_json(PLAIN),
        END + as_text(PLAIN) + as_text(OTHER),
    ],
)
@pytest.mark.parametrize("request_id", ["3604209a-e9a3", None])
def test_printed_fake_report_is_ignored(log: str, request_id: str | None) -> None:
    assert report_of(log, request_id=request_id) == PLAIN


@pytest.mark.parametrize("write", [as_text, as_json])
def test_report_of_the_own_request_id_is_preferred(write: Any) -> None:
    log = as_json(PLAIN) + "END RequestId: of-another\n" + write(OTHER)
    assert report_of(log, request_id="3604209a-e9a3") == PLAIN


def test_a_report_is_found_without_the_request_id() -> None:
    assert report_of(as_text(OTHER) + END + as_text(PLAIN), request_id="the-answers") == PLAIN


def test_mention_of_a_report_is_ignored() -> None:
    line = {"message": "platform.report", "type": "INFO", "record": json.loads(as_json(FORGED))["record"]}
    assert report_of(as_json(PLAIN) + json.dumps(line)) == PLAIN
    assert report_of(f"REPORT RequestId: 3604209a-e9a3\n{as_text(PLAIN)[37:]}") is None


def test_output_picks_the_report_of_its_own_request() -> None:
    log = as_json(PLAIN) + "END RequestId: of-another\n" + as_text(OTHER)
    output = InvokeCommandOutput(
        status_code=200,
        log_result=base64.b64encode(log.encode()).decode(),
        metadata=Metadata(http_status_code=200, request_id="3604209a-e9a3"),
    )
    assert output.report == PLAIN


# --- fuzzing ---------------------------------------------------------------------------------------------------------

FIGURES = st.floats() | st.integers() | st.booleans() | st.none() | st.text(max_size=3) | st.just(10**400)
NAMES = ["durationMs", "billedDurationMs", "memorySizeMB", "maxMemoryUsedMB", "restoreDurationMs", "later"]
PLAIN_JSON = st.recursive(FIGURES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner))
RECORDS = st.fixed_dictionaries(
    {"requestId": st.just("a") | PLAIN_JSON, "metrics": st.dictionaries(st.sampled_from(NAMES), FIGURES) | PLAIN_JSON},
    optional={"tracing": PLAIN_JSON | st.just({"value": "Root=1-2"})},
)
LINES = st.one_of(
    st.builds(lambda record: json.dumps({"type": "platform.report", "record": record}), RECORDS | PLAIN_JSON),
    st.text("REPORT uestId:\tDanmsBlMy.19-\u0665XAY", max_size=80).map("REPORT RequestId: a\t{}".format),
    st.lists(
        st.tuples(
            st.sampled_from(["Duration", "Billed Duration", "Memory Size", "Max Memory Used", "Restore Duration", "Status"]),
            st.floats().map(str) | st.sampled_from(["1", "1.5", "nan", "inf", "1e5", "-1", "", "9" * 400]),
            st.sampled_from(["ms", "MB", ""]),
        )
    ).map(lambda fields: "REPORT RequestId: a\t" + "\t".join(f"{name}: {value} {unit}" for name, value, unit in fields)),
    st.sampled_from([as_text(PLAIN).strip(), as_json(PLAIN).strip(), END.strip(), '"platform.report', "XRAY TraceId: 1"]),
    st.text(max_size=40),
)


@given(st.lists(LINES, max_size=5).map("\n".join), st.sampled_from([None, "a"]))
def test_a_report_of_any_log_has_finite_figures(log: str, request_id: str | None) -> None:
    report = report_of(log, request_id=request_id)
    if report is None:
        return
    figures = [value for name, value in attrs.asdict(report).items() if name.endswith(("_ms", "_mb")) and value is not None]
    assert figures
    assert all(type(value) in (int, float) and 0 <= value < 1e16 for value in figures)
    assert isinstance(report.request_id, str)


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode) | LINES.map(str.encode), st.booleans())
def test_invalid_log_result_never_raises(data: bytes, encoded: bool) -> None:
    log_result = base64.b64encode(data).decode() if encoded else data.decode(errors="replace")
    output = InvokeCommandOutput(status_code=200, log_result=log_result, metadata=Metadata(http_status_code=200))
    assert output.report is None or output.log_tail is not None
