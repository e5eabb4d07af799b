"""Built-in middlewares that are fused do the same as one after another, with the same requests, and without a cliff."""

import contextlib
import copy
import datetime as dt
import enum
import gc
import itertools
import pickle
import weakref
from collections.abc import AsyncGenerator, Callable
from typing import Any

import attrs
import pytest
from yarl import URL

from aiolambda import (
    Call,
    CallNext,
    Credentials,
    Delivery,
    InvalidInputError,
    InvokeCommand,
    InvokeCommandOutput,
    JsonCodec,
    LambdaClient,
    Metadata,
    StandardRetry,
)
from aiolambda.errors.service import ServiceException
from aiolambda.operations.invoke import INVOKE, InvokeOperation
from aiolambda.pipeline import preparation
from aiolambda.protocol.request_template import RequestTemplate, TemplateHeaders, is_unread
from aiolambda.transport import http1
from aiolambda.types.http import Headers, Request, Response

AnyCall = Call[Any, Any]
AnyNext = CallNext[Any, Any]

KEYS = Credentials("AKIDEXAMPLE", "secret")
NOON = dt.datetime(2026, 8, 30, 12, 36, tzinfo=dt.UTC)
ARN = "arn:aws:lambda:us-east-1:123456789012:function:orders"
OUTPUT = Response(200, {"x-amzn-requestid": "1", "x-amz-executed-version": "7"}, b"{}")
OUTPUTS = {None: OUTPUT, "Event": Response(202, {"x-amzn-requestid": "1"}), "DryRun": Response(204, {"x-amzn-requestid": "1"})}
BUSY = Response(500, {"x-amzn-requestid": "2", "x-amzn-errortype": "ServiceException"}, b"{}")


class Recording:
    """Answers each request with the next of its responses, and keeps it with the head that was ready for it."""

    def __init__(self, *responses: Response) -> None:
        self.responses = list(responses)
        self.requests: list[Request] = []
        self.heads: list[bytes | None] = []

    async def send(self, request: Request, /) -> Response:
        self.heads.append(request.encoded_head)
        self.requests.append(request)
        if self.responses:
            return self.responses.pop(0)
        return OUTPUTS[request.copy().headers.get("x-amz-invocation-type")]

    @contextlib.asynccontextmanager
    async def stream(self, request: Request, /) -> AsyncGenerator[Any]:
        raise NotImplementedError("no stream is asked for here")
        yield

    async def close(self) -> None:
        """There is nothing to close."""


def client_of(transport: Recording, *, fuses: bool = True, **settings: Any) -> LambdaClient:
    client = LambdaClient(transport=transport, **{"region": "us-east-1", "credentials": KEYS} | settings)  # type: ignore[misc]
    client._stack._fuses = fuses
    client._state.now = lambda: NOON
    return client


async def sent_by(fuses: bool, inputs: list[dict[str, Any]], **settings: Any) -> Recording:
    """The requests of these inputs, each sent twice: once before there is a template for it, and once after."""
    transport = Recording()
    numbers = itertools.count()

    async def named(call: AnyCall, call_next: AnyNext) -> Any:
        call.invocation_id = f"{next(numbers):08d}-0000-4000-8000-000000000000"
        return await call_next(call)

    async with client_of(transport, fuses=fuses, **settings) as client:
        client.middleware_stack.add(named, priority="high")
        for members in inputs:
            for payload in (members.get("payload"), members.get("payload"), b"another"):
                await client.send(InvokeCommand(**members | {"payload": payload}))
    return transport


def encoded(request: Request) -> bytes:
    """The head as the general way writes it."""
    url = URL(request.url, encoded=True)
    return http1.head_of(request, url.raw_path_qs)


class Kind(enum.Enum):
    EVENT = "Event"


MEMBERS: list[dict[str, Any]] = [
    {"function_name": "orders"},
    {"function_name": "orders", "payload": {"id": 7}},
    {"function_name": "orders", "payload": "{}", "qualifier": "$LATEST"},
    {"function_name": "orders:live", "payload": b"%(x)s {} %s", "log_type": "Tail"},
    {"function_name": ARN, "payload": ["ä"], "invocation_type": "Event"},
    {"function_name": f"{ARN}:5", "invocation_type": "DryRun"},
    {"function_name": "orders", "payload": b"1", "tenant_id": "blue team/=+-@:._"},
    {"function_name": "orders", "payload": b"1", "client_context": {"custom": {"a": 1}}},
    {"function_name": "orders", "payload": b"1", "durable_execution_name": "once"},
    {"function_name": "orders", "payload": b"1", "invocation_type": Kind.EVENT},
]
SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "token": {"credentials": Credentials("AKIDEXAMPLE", "secret", "a%s{token}/+=")},
    "region": {"region": "eu-central-1", "use_arn_region": True},
    "path": {"endpoint_url": "http://localhost:9000/base/%7Bx%7D//..%2F"},
    "agent": {"user_agent_extra": "100%s {sure}"},
    "spaces": {"user_agent_extra": "two  spaces"},
    "attempts": {"retry": StandardRetry(throttling="attempts")},
}


@pytest.mark.parametrize("name", SETTINGS)
async def test_fused_requests_are_the_same(name: str) -> None:
    fused, plain = [await sent_by(fuses, MEMBERS, **SETTINGS[name]) for fuses in (True, False)]
    assert len(fused.requests) == len(plain.requests) == 3 * len(MEMBERS)
    for ours, theirs, head in zip(fused.requests, plain.requests, fused.heads, strict=True):
        assert (ours.method, ours.url, ours.body, ours.timeouts) == (theirs.method, theirs.url, theirs.body, theirs.timeouts)
        assert list(ours.headers.items()) == list(theirs.headers.items())
        assert head is None or head == encoded(theirs)
    assert set(plain.heads) == {None}
    ready = [head for head in fused.heads if head is not None]
    expected = 0 if name == "spaces" else 15  # of six inputs, all but the first; the second input is like the first
    assert len(ready) == expected


@pytest.mark.parametrize("step", ["initialize", "serialize", "build", "finalize", "deserialize"])
@pytest.mark.parametrize("priority", ["high", "normal", "low"])
async def test_middleware_of_a_user_is_no_cliff(step: Any, priority: Any) -> None:
    async def passes_on(call: AnyCall, call_next: AnyNext) -> Any:
        return await call_next(call)

    transport, plain = Recording(), Recording()
    for sending, fuses in ((transport, True), (plain, False)):
        async with client_of(sending, fuses=fuses) as client:
            client.middleware_stack.add(passes_on, step=step, priority=priority)
            for body in (b"1", b"22", b"333", b"4444"):
                await client.send(InvokeCommand(function_name="orders", payload=body))
    assert transport.heads[0] is None
    assert None not in transport.heads[2:], "two calls teach both parts"
    assert [list(one.headers) for one in transport.requests] == [list(one.headers) for one in plain.requests]
    assert [one.headers["content-length"] for one in transport.requests] == ["1", "2", "3", "4"]


CHANGES: dict[str, Callable[[Request], None]] = {
    "header": lambda request: request.headers.update({"x-team": "tea"}),
    "body": lambda request: setattr(request, "body", b"changed"),
    "no body": lambda request: setattr(request, "body", b""),
    "url": lambda request: setattr(request, "url", f"{request.url}?a=1"),
    "method": lambda request: setattr(request, "method", "PUT"),
}
RANDOM = ("amz-sdk-invocation-id", "authorization")


@pytest.mark.parametrize("step", ["serialize", "build", "finalize", "deserialize"])
@pytest.mark.parametrize("change", CHANGES)
async def test_changed_request_is_sent_as_changed(step: Any, change: str) -> None:
    async def changes(call: AnyCall, call_next: AnyNext) -> Any:
        CHANGES[change](call.request)
        call.invocation_id = "the-same"
        return await call_next(call)

    fused, plain = Recording(), Recording()
    for sending, fuses in ((fused, True), (plain, False)):
        async with client_of(sending, fuses=fuses) as client:
            client.middleware_stack.add(changes, step=step)
            for _ in range(3):
                await client.send(InvokeCommand(function_name="orders", payload=b"{}"))

    def varying(request: Request) -> dict[str, str]:
        """From `finalize` on, the invocation id is set too late to be sent."""
        return {name: value for name, value in request.headers.items() if step in ("serialize", "build") or name not in RANDOM}

    for ours, theirs, head in zip(fused.requests, plain.requests, fused.heads, strict=True):
        assert (ours.method, ours.url, ours.body, varying(ours)) == (theirs.method, theirs.url, theirs.body, varying(theirs))
        assert head is None or head == encoded(ours)
    if step != "deserialize" and (change == "body" or (change, step) == ("no body", "serialize")):
        assert fused.heads[-1] is not None
        assert fused.heads[-1].endswith(b"content-length: %d\r\n\r\n" % len(fused.requests[-1].body))
    else:
        assert fused.heads[-1] is None, "what changed after the template, or after the signature, is encoded by the transport"


async def test_looking_at_headers_changes_nothing() -> None:
    seen: list[dict[str, str]] = []

    async def looks(call: AnyCall, call_next: AnyNext) -> Any:
        seen.append(dict(call.request.headers))
        output = await call_next(call)
        seen.append(dict(call.request.headers))
        return output

    transport = Recording()
    async with client_of(transport) as client:
        client.middleware_stack.add(looks, step="finalize")
        for _ in range(2):
            await client.send(InvokeCommand(function_name="orders", payload=b"{}"))
    assert transport.heads == [None, None]
    assert [sorted(fields) for fields in seen[:2]] == [sorted(fields) for fields in seen[2:]]
    assert "authorization" in seen[3]
    assert seen[2]["amz-sdk-request"] == "attempt=1"


async def test_request_after_the_call_is_the_prepared_one() -> None:
    seen: list[tuple[str, ...]] = []

    async def looks(call: AnyCall, call_next: AnyNext) -> Any:
        output = await call_next(call)
        assert (call.attempt, len(call.history), call.stage, call.response) == (1, 1, "send", OUTPUT)
        seen.append(tuple(call.request.headers))
        return output

    for fuses in (True, False):
        async with client_of(Recording(), fuses=fuses) as client:
            client.middleware_stack.add(looks)
            for _ in range(2):
                await client.send(InvokeCommand(function_name="orders", payload=b"{}"))
    assert set(seen) == {("content-type", "content-length", "user-agent", "host")}


@pytest.mark.virtual_time
@pytest.mark.parametrize("step", ["initialize", "deserialize"])
@pytest.mark.parametrize("answers", [[], [BUSY], [BUSY, BUSY]])
async def test_each_attempt_has_a_request_of_its_own(step: Any, answers: list[Response]) -> None:
    calls: list[AnyCall] = []

    async def keeps(call: AnyCall, call_next: AnyNext) -> Any:
        calls.append(call)
        return await call_next(call)

    transport = Recording(OUTPUT, *answers)
    async with client_of(transport, idempotent=True) as client:
        await client.send(InvokeCommand(function_name="orders", payload=b"{}"))
        command = InvokeCommand(function_name="orders", payload=b"{}")
        command.middleware_stack.add(keeps, step=step)
        for _ in range(2):
            await client.send(command)
    prepared = {id(call): call.request for call in calls}.values()
    assert [(one.sent, one.stage, tuple(one.headers)) for one in prepared] == 2 * [
        (False, "queue", ("content-type", "content-length", "user-agent", "host"))
    ]
    assert len({id(one) for one in (*prepared, *transport.requests)}) == 2 + 3 + len(answers)
    assert all(one.sent for one in transport.requests)


async def test_middleware_that_sends_twice_sends_two_requests() -> None:
    async def twice(call: AnyCall, call_next: AnyNext) -> Any:
        await call_next(call)
        return await call_next(call)

    transport = Recording()
    async with client_of(transport) as client:
        client.middleware_stack.add(twice)
        for _ in range(2):
            await client.send(InvokeCommand(function_name="orders", payload=b"{}"))
    assert len({id(one) for one in transport.requests}) == 4
    assert [one.headers["amz-sdk-request"] for one in transport.requests] == ["attempt=1", "attempt=2"] * 2


@pytest.mark.virtual_time
async def test_retry_has_its_own_attempt_header() -> None:
    transport = Recording(OUTPUT, BUSY, BUSY)
    async with client_of(transport, idempotent=True) as client:
        for _ in range(2):
            output = await client.send(InvokeCommand(function_name="orders", payload=b"{}"))
    assert None not in transport.heads[1:]
    assert [one.headers["amz-sdk-request"] for one in transport.requests] == [f"attempt={number}" for number in (1, 1, 2, 3)]
    assert len({one.headers["amz-sdk-invocation-id"] for one in transport.requests[1:]}) == 1
    assert [attempt.status_code for attempt in output.metadata.history] == [500, 500, 200]


async def test_failed_call_raises_the_same_error() -> None:
    async with client_of(Recording(OUTPUT, BUSY)) as client:
        await client.send(InvokeCommand(function_name="orders"))
        with pytest.raises(ServiceException) as raised:
            await client.send(InvokeCommand(function_name="orders"))
    assert (raised.value.delivery, raised.value.metadata.attempts) == ("unknown", 1)
    assert client.stats.failed == {Delivery.UNKNOWN: 1}
    assert client.stats.in_flight == 0


@pytest.mark.parametrize("fuses", [True, False])
@pytest.mark.parametrize("name", [["a"], 1, "a/b", "", None, "x" * 300])
async def test_odd_function_name_is_refused(name: Any, fuses: bool) -> None:
    transport = Recording()
    async with client_of(transport, fuses=fuses) as client:
        for _ in range(2):
            with pytest.raises(InvalidInputError) as raised:
                await client.send(InvokeCommand(function_name=name))
    assert raised.value.member == "function_name"
    assert transport.requests == []


async def test_too_large_payload_is_refused_by_template() -> None:
    transport = Recording()
    async with client_of(transport) as client:
        await client.send(InvokeCommand(function_name="f", payload=b"1", invocation_type="Event"))
        with pytest.raises(InvalidInputError, match=r"payload has 1,048,577 bytes, and the limit of Event is 1,048,576"):
            await client.send(InvokeCommand(function_name="f", payload=b"1" * (1024 * 1024 + 1), invocation_type="Event"))
    assert len(transport.requests) == 1


class PathWithPayload(InvokeOperation):
    """An operation of a user, whose URL follows from the payload."""

    def request(self, input: Any, /, **options: Any) -> Request:
        made = super().request(input, **options)
        made.url += f"?n={len(made.body)}"
        return made


async def test_operation_of_a_user_has_no_template() -> None:
    class Mine(InvokeCommand):
        operation = PathWithPayload()

    transport = Recording()
    async with client_of(transport) as client:
        for body in (b"1", b"22"):
            await client.send(Mine(function_name="f", payload=body))
    assert [one.url.rpartition("?")[2] for one in transport.requests] == ["n=1", "n=2"]


async def test_new_trace_id_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "caller")
    transport = Recording()
    async with client_of(transport) as client:
        for trace_id in ("Root=1", "Root=1", "Root=2", None, "Root=2\n"):
            if trace_id is None:
                monkeypatch.delenv("_X_AMZN_TRACE_ID")
            else:
                monkeypatch.setenv("_X_AMZN_TRACE_ID", trace_id)
            await client.send(InvokeCommand(function_name="f", payload=b"1"))
    sent = [one.headers.get("x-amzn-trace-id") for one in transport.requests]
    assert sent == ["Root=1", "Root=1", "Root=2", None, "Root=2%0A"]
    assert [head is None for head in transport.heads] == [True, False, False, False, False]


TRACE_IDS = ["Root=1;Parent=a;Sampled=1", "Root=1;Parent=b;Sampled=0", None, "Root=2;Parent=c;Sampled=1"]


async def traced(fuses: bool, step: Any = "initialize", *responses: Response) -> Recording:
    """Calls with these trace ids, which a middleware of this step sets."""
    transport, left = Recording(*responses), iter(TRACE_IDS)

    async def sets(call: AnyCall, call_next: AnyNext) -> Any:
        call.invocation_id, call.trace_id = "0-1", next(left)
        return await call_next(call)

    async with client_of(transport, fuses=fuses) as client:
        client.middleware_stack.add(sets, step=step)
        for _ in TRACE_IDS:
            await client.send(InvokeCommand(function_name="f", payload=b"1"), idempotent=True)
    return transport


@pytest.mark.parametrize(("step", "cold"), [("initialize", 1), ("build", 2)], ids=["initialize", "build"])
async def test_trace_id_of_a_call_needs_no_template_of_its_own(step: Any, cold: int) -> None:
    fused, plain = [await traced(fuses, step) for fuses in (True, False)]
    assert [one.headers.get("x-amzn-trace-id") for one in fused.requests] == TRACE_IDS
    assert [list(one.headers.items()) for one in fused.requests] == [list(one.headers.items()) for one in plain.requests]
    assert fused.heads == [None] * cold + [encoded(one) for one in plain.requests[cold:]]


async def test_repeat_keeps_the_trace_id() -> None:
    transport = await traced(True, "initialize", OUTPUT, BUSY, OUTPUT)
    sent = [(one.headers.get("x-amzn-trace-id"), one.headers["amz-sdk-request"][:9]) for one in transport.requests]
    first, second = TRACE_IDS[:2]
    assert sent[:3] == [(first, "attempt=1"), (second, "attempt=1"), (second, "attempt=2")]


@pytest.mark.parametrize("fuses", [True, False], ids=["fused", "plain"])
async def test_trace_id_of_a_call_wins_over_that_of_the_function(fuses: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "caller")
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=0")
    transport = await traced(fuses)
    assert [one.headers.get("x-amzn-trace-id") for one in transport.requests] == [one or "Root=0" for one in TRACE_IDS]


@pytest.mark.parametrize("fuses", [True, False], ids=["fused", "plain"])
async def test_header_of_a_middleware_wins_over_the_trace_id(fuses: bool) -> None:
    async def sets(call: AnyCall, call_next: AnyNext) -> Any:
        call.trace_id, call.request.headers["X-Amzn-Trace-Id"] = "Root=1", "Root=of-the-user"
        return await call_next(call)

    transport = Recording()
    async with client_of(transport, fuses=fuses) as client:
        client.middleware_stack.add_relative_to(sets, relation="after", to_middleware="serializerMiddleware")
        for _ in range(3):
            await client.send(InvokeCommand(function_name="f"))
    assert [one.headers["x-amzn-trace-id"] for one in transport.requests] == ["Root=of-the-user"] * 3


@pytest.mark.parametrize("fuses", [True, False], ids=["fused", "plain"])
@pytest.mark.parametrize("odd", ["", "Root=1\r\nx: y", "Root=1; Parent=2", "Root=\xe4", "Root=\x00", b"Root=1", 7], ids=repr)
async def test_odd_trace_id_is_refused(odd: Any, fuses: bool) -> None:
    async def sets(call: AnyCall, call_next: AnyNext) -> Any:
        call.trace_id = odd
        return await call_next(call)

    transport = Recording()
    async with client_of(transport, fuses=fuses) as client:
        await client.send(InvokeCommand(function_name="f"))
        client.middleware_stack.add(sets)
        for _ in range(2):
            with pytest.raises(InvalidInputError, match="printable ASCII") as raised:
                await client.send(InvokeCommand(function_name="f"))
            assert not raised.value.may_have_run
            assert raised.value.member == "trace_id"
    assert len(transport.requests) == 1


async def test_number_of_templates_is_bounded() -> None:
    def kept() -> list[int]:
        return [len(one._templates) for one in gc.get_objects() if isinstance(one, preparation._MakingRun)]

    async with client_of(Recording()) as client:
        for number in range(1500):
            await client.send(InvokeCommand(function_name=f"f{number}"))
        signer = client._state.context.signer
        assert signer is not None
        assert signer._scope is not None
        assert max(kept()) == 500, "they are forgotten at once, after a thousand"
        assert len(signer._scope.forms) <= 1000


async def test_rotated_credentials_are_not_kept() -> None:
    class Rotating:
        given = 0

        async def get_credentials(self) -> Credentials:
            self.given += 1
            return Credentials(f"AKID{self.given}", "secret", f"token{self.given}")

    old: list[weakref.ref[Credentials]] = []

    async def notes(call: AnyCall, call_next: AnyNext) -> Any:
        assert call.credentials is not None
        old.append(weakref.ref(call.credentials))
        return await call_next(call)

    transport = Recording()
    async with client_of(transport, credentials=Rotating()) as client:
        client.middleware_stack.add(notes, step="deserialize")
        for name in ("a", "a", "b", "a"):
            await client.send(InvokeCommand(function_name=name))
        sent = [one.headers["x-amz-security-token"] for one in transport.requests]
        transport.requests.clear()
        gc.collect()
        assert sent == ["token1", "token2", "token3", "token4"]
        assert [one() is None for one in old] == [True, True, True, False]


async def test_new_day_signs_with_its_own_key() -> None:
    transport = Recording()
    async with client_of(transport) as client:
        for day in range(3):
            client._state.now = lambda day=day: NOON + dt.timedelta(days=day)  # type: ignore[misc]
            await client.send(InvokeCommand(function_name="f", payload=b"1"))
    heads = [one.headers["authorization"].split("/")[1] for one in transport.requests]
    assert heads == ["20260830", "20260831", "20260901"]


# Metadata that are made when somebody asks


async def later_output() -> InvokeCommandOutput:
    async with client_of(Recording()) as client:
        return await client.send(InvokeCommand(function_name="f"))


async def test_metadata_are_made_when_asked_for() -> None:
    output = await later_output()
    assert not is_set(output, "metadata")
    assert output.metadata is output.metadata
    assert (output.metadata.request_id, output.metadata.attempts) == ("1", 1)
    with pytest.raises(AttributeError, match="has no attribute 'metadate'"):
        output.metadate  # type: ignore[attr-defined] # noqa: B018 - the name is wrong on purpose


def is_set(value: object, name: str) -> bool:
    """Whether a slot has a value, without asking `__getattr__`."""
    try:
        getattr(type(value), name).__get__(value)
    except AttributeError:
        return False
    return True


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it)), attrs.evolve])
async def test_unread_output_is_copied_as_a_whole(copied: Any) -> None:
    output = await later_output()
    other = copied(output)
    by_hand = InvokeCommandOutput(status_code=200, executed_version="7", payload=b"{}", metadata=output.metadata)
    assert type(other) is type(output) is InvokeCommandOutput
    assert other.metadata.request_id == "1"
    assert repr(other) == repr(output) == repr(by_hand)
    assert output == by_hand
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        output.payload = b""  # type: ignore[misc]


async def test_metadata_count_the_attempts_before_them() -> None:
    outputs: list[InvokeCommandOutput] = []

    async def twice(call: AnyCall, call_next: AnyNext) -> Any:
        outputs.append(await call_next(call))
        outputs.append(await call_next(call))
        return outputs[1]

    async with client_of(Recording()) as client:
        client.middleware_stack.add(twice, step="build")
        await client.send(InvokeCommand(function_name="f"))
    assert [len(output.metadata.history) for output in outputs] == [1, 2]


def test_operation_gives_given_metadata() -> None:
    metadata = Metadata(http_status_code=200)
    made = InvokeCommand(function_name="f").input
    assert INVOKE.output(made, OUTPUT, metadata=metadata, codec=JsonCodec()).metadata is metadata


# Headers of a template


def test_copies_of_unread_headers_are_independent() -> None:
    request = Request("POST", "https://h/p", Headers({"content-type": "x", "host": "h"}))
    headers = TemplateHeaders(RequestTemplate(request, 1), 3)
    copied = headers.copy()
    assert is_unread(headers)
    assert is_unread(copied)
    copied["x-team"] = "tea"
    assert list(headers) == ["content-type", "content-length", "host"]
    assert not is_unread(headers)
    assert dict(copied) == {"content-type": "x", "content-length": "3", "host": "h", "x-team": "tea"}
    assert dict(copied.copy()) == dict(copied)
    assert dict(pickle.loads(pickle.dumps(TemplateHeaders(RequestTemplate(request, 1), None)))) == dict(request.headers)
    headers.fields = {"a": "b"}
    assert dict(headers) == {"a": "b"}
