"""What an observer of an endpoint sees: events, executions and counts, and never a payload."""

import asyncio
import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from aiolambda import ConfigurationError
from aiolambda.errors.service import ServiceException
from aiolambda.local import InvocationEvent, LocalEndpoint
from aiolambda.local.invocation_log import InvocationLog
from aiolambda.protocol import sigv4

from ..support.local import Caller, becomes_true, function, read_soon, serving

SECRET = "hunter2-in-a-payload"


def statuses(events: list[InvocationEvent]) -> list[tuple[str, str | None]]:
    return [(event.status, event.error_type) for event in events]


def settled(events: list[InvocationEvent], status: str) -> Callable[[], bool]:
    return lambda: bool(events) and events[-1].status == status


# Events


async def test_a_run_begins_and_ends():
    events: list[InvocationEvent] = []
    before = dt.datetime.now(dt.UTC)
    async with serving(function(aliases={"live": "$LATEST"}), on_invocation=events.append) as invoke:
        answer = await invoke("app:live", {"op": "echo", "secret": SECRET})
    begin, end = events
    assert begin.request_id == end.request_id == answer.headers["x-amzn-RequestId"]
    assert (begin.function_name, begin.qualifier, begin.version) == ("app", "live", "$LATEST")
    assert begin.invocation_type == "RequestResponse"
    assert statuses(events) == [("running", None), ("succeeded", None)]
    assert begin.duration is None
    assert end.duration is not None
    assert 0 < end.duration < 60
    assert before <= begin.started == end.started <= dt.datetime.now(dt.UTC)
    assert SECRET not in repr(events)


async def test_a_failure_has_the_error_type_of_the_function():
    events: list[InvocationEvent] = []
    async with serving(on_invocation=events.append) as invoke:
        await invoke(payload={"op": "fail"})
        await invoke(payload={"op": "exit", "code": 3})
    assert statuses(events)[1::2] == [("failed", "ValueError"), ("failed", "Runtime.ExitError")]


async def test_an_event_that_never_runs_is_stopped():
    events: list[InvocationEvent] = []
    headers = {"X-Amz-Invocation-Type": "Event"}
    async with serving(
        function(concurrency=0), function("other"), account_concurrency=0, on_invocation=events.append
    ) as invoke:
        await invoke(headers=headers)
        await invoke.endpoint.wait_idle()
        assert statuses(events) == [("queued", None), ("stopped", None)]
        events.clear()
        await invoke("other", headers=headers)
        invoke.endpoint.reset()
        await invoke.endpoint.wait_idle()
        assert statuses(events) == [("queued", None), ("stopped", None)]
        events.clear()
        await invoke("other", headers=headers)
    assert statuses(events) == [("queued", None), ("stopped", None)]
    assert events[-1].duration is not None


async def test_a_function_of_this_process_is_seen_too():
    events: list[InvocationEvent] = []
    async with serving(on_invocation=events.append) as invoke:
        invoke.endpoint.add("mine:blue", lambda event: 1 / event["zero"])
        await invoke("mine:blue", {"zero": 0})
    assert statuses(events) == [("running", None), ("failed", "ZeroDivisionError")]
    assert (events[0].function_name, events[0].qualifier, events[0].version) == ("mine", "blue", "1")


async def test_an_event_is_queued_and_then_runs():
    events: list[InvocationEvent] = []
    async with serving(on_invocation=events.append) as invoke:
        assert (await invoke(headers={"X-Amz-Invocation-Type": "Event"})).status == 202
        await invoke.endpoint.wait_idle()
    assert statuses(events) == [("queued", None), ("running", None), ("succeeded", None)]
    assert {event.invocation_type for event in events} == {"Event"}


async def test_a_dry_run_is_no_execution():
    events: list[InvocationEvent] = []
    async with serving(on_invocation=events.append) as invoke:
        assert (await invoke(headers={"X-Amz-Invocation-Type": "DryRun"})).status == 204
        assert (await shown(invoke))["executions"] == []
    assert [(event.status, event.invocation_type, event.version) for event in events] == [("succeeded", "DryRun", None)]


async def test_refusals_have_the_code_of_the_error(tmp_path):
    events: list[InvocationEvent] = []
    async with serving(function(concurrency=1), on_invocation=events.append) as invoke:
        await invoke("nonesuch")
        await invoke("app:nonesuch")
        await invoke(payload=b"{")
        await invoke(headers={"Origin": "https://example.com"})
        busy = asyncio.create_task(invoke(payload={"op": "sleep", "seconds": 60, "started": str(tmp_path / "pid")}))
        await read_soon(tmp_path / "pid")
        assert (await invoke()).status == 429
        refused = [event for event in events if event.status != "running"]
        await invoke.endpoint.close()
        await busy
    assert [(event.function_name, event.qualifier, event.status, event.error_type) for event in refused] == [
        ("nonesuch", None, "refused", "ResourceNotFoundException"),
        ("app", "nonesuch", "refused", "ResourceNotFoundException"),
        ("app", None, "refused", "InvalidRequestContentException"),
        ("app", None, "refused", "AccessDeniedException"),
        ("app", None, "throttled", "TooManyRequestsException"),
    ]
    assert statuses(events)[-1] == ("stopped", None), "the endpoint was closed"


async def test_a_scripted_refusal_is_seen():
    events: list[InvocationEvent] = []
    async with serving(on_invocation=events.append) as invoke:
        invoke.endpoint.fail("app", ServiceException("down"), times=1)
        assert (await invoke()).status == 500
    assert statuses(events) == [("refused", "ServiceException")]


async def test_a_waiting_event_says_nothing(tmp_path):
    """It tries again and again to get a process."""
    events: list[InvocationEvent] = []
    async with serving(function(concurrency=1), on_invocation=events.append) as invoke:
        busy = asyncio.create_task(invoke(payload={"op": "sleep", "seconds": 0.3, "started": str(tmp_path / "pid")}))
        await read_soon(tmp_path / "pid")
        await invoke(headers={"X-Amz-Invocation-Type": "Event"})
        await busy
        await becomes_true(lambda: len(events) == 5)
    assert [event.status for event in events] == ["running", "queued", "succeeded", "running", "succeeded"]


async def test_a_listener_that_raises_fails_no_invocation():
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))

    def listen(event: InvocationEvent) -> None:
        raise LookupError(event.status)

    async with serving(on_invocation=listen) as invoke:
        assert (await invoke()).status == 200
    assert [str(context["exception"]) for context in told] == ["running", "succeeded"]
    assert "on_invocation" in told[0]["message"]


def test_a_coroutine_function_is_no_listener():
    async def listen(event: InvocationEvent) -> None: ...

    with pytest.raises(ConfigurationError, match="on_invocation must be a plain function"):
        LocalEndpoint(on_invocation=listen)


async def test_memory_does_not_grow():
    log = InvocationLog(kept=3)
    for number in range(10):
        watch = log.watch(str(number), "app", "RequestResponse")
        watch.begin("$LATEST")
        watch.end(None)
        log.watch("x", f"unknown-{number}", "RequestResponse").refuse("ResourceNotFoundException", 404)
    assert [event.request_id for event in log.executions()] == ["9", "8", "7"]
    assert (log.totals["app"].runs, list(log.totals), log.refused) == (10, ["app"], 10)


async def test_long_names_of_refused_requests_are_cut():
    log = InvocationLog()
    event = log.watch("1", "x" * 10_000, "y" * 10_000).event("refused", "ValidationException")
    assert (len(event.function_name), len(event.invocation_type)) == (200, 200)


# GET /_local/executions and GET /_local/health


async def asked(invoke: Caller, path: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
    async with invoke.session.get(f"{invoke.endpoint.url}{path}", headers=headers) as response:
        return response.status, await response.text()


async def shown(invoke: Caller, query: str = "") -> Any:
    status, text = await asked(invoke, f"/_local/executions{query}")
    assert status == 200
    return json.loads(text)


async def test_executions_are_the_latest_first(tmp_path):
    async with serving(function("a"), function("b"), keep_records=False) as invoke:
        await invoke("a", {"op": "echo", "secret": SECRET})
        await invoke("b", {"op": "fail", "text": SECRET})
        await invoke("b", headers={"X-Amz-Invocation-Type": "Event"})
        await invoke.endpoint.wait_idle()
        await invoke("c")
        busy = asyncio.create_task(invoke("a", {"op": "sleep", "seconds": 60, "started": str(tmp_path / "pid")}))
        await read_soon(tmp_path / "pid")
        everything = await shown(invoke)
        of_b = await shown(invoke, "?function=b&limit=1")
        await invoke.endpoint.close()
        await busy
    assert everything["totals"] == {"runs": 4, "errors": 1, "throttles": 0, "running": 1, "refused": 1}
    assert everything["functions"] == {
        "a": {"runs": 2, "errors": 0, "throttles": 0, "running": 1},
        "b": {"runs": 2, "errors": 1, "throttles": 0, "running": 0},
    }
    runs = [(run["function_name"], run["status"], run["error_type"]) for run in everything["executions"]]
    assert runs == [("a", "running", None), ("b", "succeeded", None), ("b", "failed", "ValueError"), ("a", "succeeded", None)]
    assert SECRET not in json.dumps(everything)
    last = everything["executions"][-1]
    assert set(last) == {
        *("request_id", "function_name", "qualifier", "version", "invocation_type"),
        *("status", "error_type", "started", "duration"),
    }
    assert dt.datetime.fromisoformat(last["started"]).tzinfo == dt.UTC
    assert 0 < last["duration"] < 60
    assert everything["executions"][0]["duration"] is None
    assert [run["status"] for run in of_b["executions"]] == ["succeeded"]
    assert list(of_b["functions"]) == ["b"]


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "x", "1.5", "", "٣", "9" * 5000])
async def test_a_wrong_limit_is_refused(limit):
    async with serving() as invoke:
        status, text = await asked(invoke, f"/_local/executions?limit={limit}")
    assert status == 400
    assert "'limit'" in text


async def test_reset_forgets_the_counts():
    async with serving() as invoke:
        await invoke()
        invoke.endpoint.reset()
        assert await shown(invoke) == {
            "totals": {"runs": 0, "errors": 0, "throttles": 0, "running": 0, "refused": 0},
            "functions": {},
            "executions": [],
        }


async def test_what_runs_is_counted_after_a_reset(tmp_path):
    async with serving() as invoke:
        busy = asyncio.create_task(invoke(payload={"op": "sleep", "seconds": 0.5, "started": str(tmp_path / "started")}))
        await read_soon(tmp_path / "started")
        invoke.endpoint.reset()
        assert (await shown(invoke))["totals"]["running"] == 1
        await busy
        assert (await shown(invoke))["totals"]["running"] == 0


def signature_headers(endpoint: LocalEndpoint, path: str, secret: str | None = None) -> dict[str, str]:
    """The headers of a signed GET."""
    now = dt.datetime.now(dt.UTC)
    stamp, day = f"{now:%Y%m%dT%H%M%SZ}", f"{now:%Y%m%d}"
    host = endpoint.url.removeprefix("http://")
    headers = {"host": host, "x-amz-date": stamp}
    plain, _, query = path.partition("?")
    request = sigv4.canonical_request("GET", plain, query, headers, ("host", "x-amz-date"), sigv4.payload_hash(b""))
    scope = f"{day}/us-east-1/lambda/aws4_request"
    key = sigv4.signing_key(secret or endpoint.credentials.secret_access_key, day, "us-east-1", "lambda")
    signature = sigv4.signature(key, sigv4.string_to_sign(stamp, scope, request))
    credential = f"{endpoint.credentials.access_key_id}/{scope}"
    value = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host;x-amz-date, Signature={signature}"
    return {"X-Amz-Date": stamp, "Authorization": value}


async def test_executions_must_be_asked_for_with_a_signature():
    path = "/_local/executions?function=app&limit=3"
    async with serving(verify_signatures=True) as invoke:
        endpoint = invoke.endpoint
        unsigned = await asked(invoke, path)
        wrong = await asked(invoke, path, signature_headers(endpoint, path, secret="wrong"))
        other = await asked(invoke, path, signature_headers(endpoint, "/_local/executions"))
        right = await asked(invoke, path, signature_headers(endpoint, path))
    assert [status for status, _ in (unsigned, wrong, other, right)] == [403, 403, 403, 200]
    assert "executions" not in unsigned[1]


@pytest.mark.parametrize("path", ["/_local/executions", "/_local/health"])
@pytest.mark.parametrize(
    "headers", [{"Host": "example.com"}, {"Origin": "https://example.com"}, {"Sec-Fetch-Site": "cross-site"}], ids=str
)
async def test_web_pages_learn_nothing(path, headers):
    async with serving() as invoke:
        status, text = await asked(invoke, path, headers)
    assert status == 403
    assert "AccessDenied" not in text
    assert "executions" not in text


@pytest.mark.parametrize("verify_signatures", [True, False])
async def test_health_needs_no_signature(verify_signatures):
    async with serving(verify_signatures=verify_signatures) as invoke:
        assert await asked(invoke, "/_local/health") == (200, "ok")
        async with invoke.session.post(f"{invoke.endpoint.url}/_local/health") as response:
            assert response.status == 404


async def test_health_answers_before_functions_can_start(tmp_path):
    (tmp_path / "slow.py").write_text("import time\ntime.sleep(60)\n")
    async with serving(function("slow", "slow.handler", root=tmp_path)) as invoke:
        checking = asyncio.create_task(invoke.endpoint.check())
        await becomes_true(lambda: invoke.endpoint.runtime_pids("slow"))
        assert await asked(invoke, "/_local/health") == (200, "ok")
        assert not checking.done()
        await invoke.endpoint.close()
        assert await checking == []
        with pytest.raises(aiohttp.ClientConnectionError):
            await asked(invoke, "/_local/health")
