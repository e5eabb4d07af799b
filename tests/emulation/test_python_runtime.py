"""Results, errors and contexts have the bytes of awslambdaric, AWS's own runtime client."""

import json
import math
import re
import sys
import time
from collections import OrderedDict
from collections.abc import Callable
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolambda.emulation import python_runtime
from aiolambda.emulation.python_runtime import FaultException, LambdaContext

# ruff: noqa: ARG005 - a handler takes an event and a context


class Colour(IntEnum):
    RED = 3


class Tea(StrEnum):
    GREEN = "green"


class Money(Decimal):
    def __str__(self) -> str:
        return f"{super().__str__()}0"


class NoText(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class Loud(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "LOUD"


class Odd:
    """Has the method of a named tuple, with another result."""

    def _asdict(self) -> object:
        return ["no dict"]


class Plain:
    def _asdict(self) -> object:
        return {"a": 1}


class Refusing(dict):  # type: ignore[type-arg]
    def _asdict(self) -> object:
        raise TypeError


class Point(NamedTuple):
    x: Any
    y: Any


circular: list[Any] = []
circular.append(circular)
deep: Any = []
for _ in range(100_000):
    deep = [deep]

RESULTS = {
    "decimal": Decimal("12345678901234567.89"),
    "decimals": [Decimal(text) for text in ("1.50", "-0", "1E+5", "0E-10", "NaN", "sNaN", "-NaN", "Infinity", "-Infinity")],
    "decimal subclass": Money("1.5"),
    "decimal key": {Decimal(1): 1},
    "floats": [math.nan, math.inf, -math.inf, 1e300, 5e-324, 0.1, -0.0],
    "float keys": {math.nan: 1, 1.5: 2, -math.inf: 3},
    "ints": [0, -1, 10**30, True, False, Colour.RED],
    "keys": {0: 1, True: 2, None: 3, "a": 4, Colour.RED: 5, Tea.GREEN: 6},
    "bytes": {"a": b"tea", b"k": [b"\xc3\xa9"]},
    "top bytes": b'{ "exactly": "so" }',
    "broken bytes": [b"\xff"],
    "broken bytes key": {b"\xff": 1},
    "text": 'é ☃ 😀 "\\ \n\t\x00\x7f\u2028\u2029 </script>',
    "text subclass": [Loud("quiet"), {Loud("quiet"): Loud("quiet")}],
    "surrogate": "tea \ud800",
    "surrogate pair": "\ud83d\ude00",
    "named tuple": [Point(1, [Point(2, 3)])],
    "_asdict": Plain(),
    "odd _asdict": Odd(),
    "odd _asdict in a list": [Odd()],
    "_asdict of a dict": Refusing(a=1),
    "mock": Mock(),
    "tuple": (1, (2,), ()),
    "empty": [{}, [], (), "", OrderedDict()],
    "ordered": OrderedDict(b=1, a=2),
    "set": {1},
    "frozenset": [frozenset()],
    "object": {"value": object()},
    "class": int,
    "complex": 1j,
    "range": range(3),
    "generator": (number for number in range(3)),
    "bytearray": bytearray(b"x"),
    "exception": ValueError("x"),
    "circular": circular,
    "circular dict": {"a": circular},
    "shared": [[1]] * 3,
    "tuple key": {(1, 2): 3},
    "bytes and set": {"a": b"x", "b": {1}},
    "huge": 10**5000,
}
EVENTS = [b"{}", b"null", b'"\xc3\xa9\\ud83d\\ude00"', b"[1, 2.5, 1e400, 12345678901234567890123]", b'{"a":1,"a":2}']


class Posted(Exception):
    """What awslambdaric sent in place of an answer: its process would have ended."""


class OfAws:
    """Runs one invocation with awslambdaric's own code, for an execution environment of Lambda."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, environment: str) -> None:
        pytest.importorskip("awslambdaric.bootstrap", reason="awslambdaric is not installed (it builds on Linux only)")
        from awslambdaric import bootstrap, lambda_context, lambda_runtime_marshaller

        monkeypatch.setenv("AWS_EXECUTION_ENV", environment)
        self.marshaller = lambda_runtime_marshaller.LambdaMarshaller()
        self._bootstrap, self.context_class = bootstrap, lambda_context.LambdaContext
        self.result: bytes | None = None
        self.error: bytes | None = None
        self.content_type: str | None = None
        self.log: list[str] = []

    def run(self, handler: Callable[[Any, Any], object], event: bytes = b"{}", client_context: str | None = None) -> "OfAws":
        deadline = int(time.time() * 1000) + 5000
        arguments = (handler, "id-1", event, "application/json", client_context, None, "arn", deadline, "blue", self)
        try:
            self._bootstrap.handle_event_request(self, *arguments)
        except Exception as error:
            raise Posted from error
        return self

    def post_invocation_result(self, _: str, data: str | bytes, content_type: str, __: object) -> None:
        self.result, self.content_type = data if isinstance(data, bytes) else data.encode(), content_type

    def post_invocation_error(self, _: str, error: str, __: str, ___: object) -> None:
        self.error = error.encode()

    def log_error(self, lines: list[str]) -> None:
        self.log = lines
        "\n".join(lines).encode()  # as the log of Lambda itself does


def ours(handler: Callable[[Any, Any], object], event: bytes = b"{}", *, ascii: bool) -> tuple[bytes | None, bytes | None, Any]:
    """The payload, the error and the content type; `Posted` if the process ends."""
    try:
        try:
            content, kind = python_runtime.marshal(handler(python_runtime.unmarshal(event), None), ascii=ascii)
        except Exception as error:
            failure = python_runtime.error_of(error, "id-1")
            python_runtime.encoded(python_runtime.log_text(failure))
            return None, python_runtime.encoded(python_runtime.to_json(failure, ascii=ascii)), None
        return python_runtime.encoded(content), None, kind
    except Exception as error:
        raise Posted from error


def outcome(run: Callable[[], tuple[Any, ...]]) -> object:
    try:
        return run()
    except Posted:
        return "the process ends"


@pytest.fixture(params=["AWS_Lambda_python3.11", "AWS_Lambda_python3.13"])
def aws(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> OfAws:
    made = OfAws(monkeypatch, request.param)
    made.ascii = request.param.endswith("3.11")  # type: ignore[attr-defined]
    return made


def outcomes(aws: Any, handler: Callable[[Any, Any], object], event: bytes) -> tuple[object, object]:
    """Ours, and that of awslambdaric."""

    def theirs() -> tuple[Any, ...]:
        aws.run(handler, event)
        return aws.result, aws.error, aws.content_type

    return outcome(lambda: ours(handler, event, ascii=aws.ascii)), outcome(theirs)


def compared(aws: Any, handler: Callable[[Any, Any], object], event: bytes = b"{}") -> object:
    """The outcome, which must be the same for both."""
    mine, theirs = outcomes(aws, handler, event)
    assert mine == theirs
    return mine


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_has_the_bytes_of_awslambdaric(aws: Any, name: str) -> None:
    compared(aws, lambda event, context: RESULTS[name])


def test_a_deep_result_is_an_error_as_with_awslambdaric(aws: Any) -> None:
    """Each version of Python ends the text of this error in its own way."""
    mine, theirs = (
        re.sub(r"(recursion depth exceeded)[\w ]*", r"\1", repr(result)) for result in outcomes(aws, lambda *_: deep, b"{}")
    )
    assert mine == theirs
    assert "Unable to marshal response: maximum recursion depth exceeded" in mine


def test_a_decimal_keeps_its_digits() -> None:
    assert python_runtime.marshal({"price": Decimal("12345678901234567.89")}) == (
        '{"price": 12345678901234567.89}',
        "application/json",
    )


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_is_decoded_as_by_awslambdaric(aws: Any, event: bytes) -> None:
    compared(aws, lambda event, context: event, event)


_scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.decimals() | st.binary(max_size=4)
_keys = st.text() | st.integers() | st.floats() | st.booleans() | st.none() | st.binary(max_size=3)
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner) | st.dictionaries(_keys, inner) | st.tuples(inner) | st.builds(Point, inner, inner),
    max_leaves=20,
)


@given(value=_values, ascii=st.booleans())
def test_any_result_has_the_bytes_of_awslambdaric(value: object, ascii: bool) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        aws = OfAws(monkeypatch, "AWS_Lambda_python3.11" if ascii else "AWS_Lambda_python3.13")
        aws.ascii = ascii  # type: ignore[attr-defined]
        compared(aws, lambda event, context: value)


def fails(kind: type[Exception], *args: object) -> Callable[[Any, Any], object]:
    def handler(event: object, context: object) -> None:
        raise kind(*args)

    return handler


def chained(event: object, context: object) -> None:
    try:
        fails(ValueError, "inner")(event, context)
    except ValueError as error:
        raise LookupError("outer") from error


ERRORS = {
    "text": fails(ValueError, "é ☃ <b>"),
    "without text": fails(ValueError),
    "key": fails(KeyError, "a"),
    "stop": fails(StopIteration, "over"),
    "surrogate": fails(ValueError, "tea \ud800"),
    "failing text": fails(NoText),
    "chained": chained,
    "group": fails(ExceptionGroup, "several", [ValueError("a"), KeyError("b")]),
    "name": lambda event, context: undefined,  # type: ignore[name-defined] # noqa: F821
    "syntax": lambda event, context: compile("a b", "file.py", "exec"),
    "decode": lambda event, context: b"\xff".decode(),
}


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_has_the_bytes_of_awslambdaric(aws: Any, name: str) -> None:
    """But for the frame of `ours`, which calls the handler here."""

    def without_frames(body: object) -> object:
        if not isinstance(body, tuple) or body[1] is None:
            return body
        members = json.loads(body[1])
        trace = members.pop("stackTrace")
        return {**members, "trace": [line for line in trace if "in ours" not in line]}

    def theirs() -> tuple[Any, ...]:
        aws.run(ERRORS[name])
        return aws.result, aws.error, aws.content_type

    mine = outcome(lambda: ours(ERRORS[name], ascii=aws.ascii))
    assert without_frames(mine) == without_frames(outcome(theirs))
    assert (mine == "the process ends") == (name in ("surrogate", "failing text"))


def test_the_trace_begins_with_the_handler(aws: Any) -> None:
    aws.run(chained)
    try:
        chained({}, None)
    except LookupError as error:
        members = python_runtime.error_of(error, "id-1")
    assert json.loads(aws.error)["stackTrace"] == members["stackTrace"][1:]  # type: ignore[index] # the first is of this test


def test_leading_frames_of_hidden_files_are_left_out() -> None:
    error = raised_in("hidden.py", raised_in("shown.py", raised_in("hidden.py", _raise)))
    try:
        error()
    except ValueError as raised:
        (_, *files) = [line.split('"')[1] for line in python_runtime.error_of(raised)["stackTrace"]]  # type: ignore[attr-defined]
        shown = python_runtime.error_of(raised, hidden={__file__, "hidden.py"})["stackTrace"]
    assert files == ["hidden.py", "shown.py", "hidden.py", __file__]
    assert [line.split('"')[1] for line in shown] == files[1:]  # type: ignore[attr-defined]


def raised_in(file: str, inner: Callable[[], None]) -> Callable[[], None]:
    """A function of this file name that calls another one."""
    scope: dict[str, Any] = {"inner": inner}
    exec(compile("def call():\n    inner()\n", file, "exec"), scope)  # noqa: S102 - of this test
    return scope["call"]  # type: ignore[no-any-return]


def _raise() -> None:
    raise ValueError("x")


CLIENT = {
    "custom": {"a": 1},
    "env": {"locale": "de"},
    "client": {"installation_id": "i", "app_title": "t", "app_version_name": "v", "app_version_code": "c"},
    "w3c": {"traceparent": "00-1", "tracestate": 3, "other": "x", "baggage": "b"},
}


def described(context: Any) -> object:
    client_context = context.client_context
    client = client_context and client_context.client
    return {
        "names": [context.aws_request_id, context.function_name, context.function_version, context.invoked_function_arn],
        "log": [context.log_group_name, context.log_stream_name, context.memory_limit_in_mb, context.tenant_id],
        "custom": client_context and [client_context.custom, client_context.env],
        "client": client and [client.installation_id, client.app_title, client.app_version_code, client.app_package_name],
        "identity": [context.identity.cognito_identity_id, context.identity.cognito_identity_pool_id],
        "w3c": context.w3c(),
        "remaining": 4000 < context.get_remaining_time_in_millis() <= 5000,
    }


@pytest.mark.parametrize("client_context", [None, {}, CLIENT, {"client": {}}, {"w3c": "no object"}])
def test_a_context_has_the_members_of_awslambdaric(aws: Any, monkeypatch: pytest.MonkeyPatch, client_context: Any) -> None:
    names = {"FUNCTION_NAME": "f", "FUNCTION_VERSION": "7", "FUNCTION_MEMORY_SIZE": "256", "LOG_GROUP_NAME": "g"}
    for name, value in {**names, "LOG_STREAM_NAME": "s"}.items():
        monkeypatch.setenv(f"AWS_LAMBDA_{name}", value)
    seen: list[Any] = []
    aws.run(lambda event, context: seen.append(context), client_context=json.dumps(client_context) if client_context else None)
    mine = LambdaContext(
        aws_request_id="id-1",
        function_name="f",
        function_version="7",
        invoked_function_arn="arn",
        memory_limit_in_mb="256",
        log_group_name="g",
        log_stream_name="s",
        deadline=time.time() + 5,
        client_context=client_context or None,
        tenant_id="blue",
    )
    assert described(mine) == described(seen[0])
    public = {name for name in dir(seen[0]) if not name.startswith("_")}
    assert public == {name for name in dir(mine) if not name.startswith("_")}


def test_time_left_is_never_negative() -> None:
    names = ["aws_request_id", "function_name", "function_version", "invoked_function_arn", "memory_limit_in_mb"]
    names += ["log_group_name", "log_stream_name"]
    assert LambdaContext(**dict.fromkeys(names, ""), deadline=1.0).get_remaining_time_in_millis() == 0  # type: ignore[arg-type]


def test_a_fault_names_its_type() -> None:
    with pytest.raises(FaultException, match="Unable to marshal response: Object of type set") as raised:
        python_runtime.marshal({1})
    assert raised.value.error_type == "Runtime.MarshalError"
    assert python_runtime.error_of(raised.value)["stackTrace"] == []


def test_a_coroutine_is_closed_and_is_no_result() -> None:
    async def handler() -> None: ...

    with pytest.raises(FaultException, match="coroutine"):
        python_runtime.marshal(handler())


def test_the_file_loads_no_slow_module() -> None:
    """It is loaded by every process of the local endpoint."""
    import subprocess

    program = f"import sys, logging; exec(open({python_runtime.__file__!r}).read()); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    assert {"decimal", "asyncio", "aiolambda", "typing_extensions", "inspect"}.isdisjoint(done.stdout.split())
