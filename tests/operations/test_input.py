"""The input of an invocation: names, members, payloads and contexts, and the refusal of wrong ones."""

import array
import base64
import ctypes
import dataclasses
import inspect
import json
import mmap
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any

import attrs
import botocore.session
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiolambda import (
    Headers,
    InvalidInputError,
    InvalidPayloadSizeError,
    InvokeCommand,
    InvokeCommandInput,
    InvokeCommandOutput,
    JsonCodec,
    LambdaClient,
    Metadata,
    PayloadLimits,
    PayloadTooLargeError,
    Request,
)
from aiolambda.operations.invoke import INVOKE
from aiolambda.operations.stream_command import InvokeWithResponseStreamCommand, InvokeWithResponseStreamCommandInput
from aiolambda.protocol import names
from aiolambda.testing import FakeTransport
from aiolambda.types.mistakes import kind_of

from ..support import suites

MODEL = botocore.session.Session().get_service_model("lambda").operation_model("Invoke").input_shape


def model_takes(member: str, value: str) -> bool:
    """Whether the service model allows a value: its pattern, as ASCII, and its limits."""
    shape = MODEL.members[member]._shape_model
    fits = re.compile(shape["pattern"], re.ASCII).fullmatch(value) is not None
    return fits and shape["min"] <= len(value) <= shape["max"]


def takes(member: str, value: str) -> bool:
    """Whether we do."""
    members = {"FunctionName": "orders", member: value}
    try:
        INVOKE.check(InvokeCommandInput.from_api(members), region=None, limits=PayloadLimits())
    except InvalidInputError:
        return False
    return True


def refusal(*, region: str | None = None, limits: PayloadLimits | None = None, **members: Any) -> InvalidInputError:
    """The error of an input that is checked and then made a request, as the stack does."""
    with pytest.raises(InvalidInputError) as caught:
        requested(region=region, limits=limits, **members)
    assert not caught.value.may_have_run
    return caught.value


def requested(*, region: str | None = None, limits: PayloadLimits | None = None, **members: Any) -> Request:
    input = InvokeCommandInput(**({"function_name": "orders"} | members))
    limits = limits or PayloadLimits()
    INVOKE.check(input, region=region, limits=limits)
    return INVOKE.request(input, endpoint="https://h", codec=JsonCodec(), limits=limits)


# Function names

ARN = "arn:aws:lambda:us-east-1:123456789012:function:orders"
REGIONS = ["us-east-1", "cn-north-1", "us-gov-west-1", "us-iso-east-1", "us-isob-east-1", "eusc-de-east-1", "ap-southeast-5"]
PARTITIONS = ["aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc"]

labels = st.text("abzAZ019-_.", min_size=1, max_size=12)
tails = st.sampled_from(["", ":$LATEST", ":$LATEST.PUBLISHED", ":live", ":42"])
plain_names = st.tuples(st.sampled_from(["", "123456789012:"]), st.sampled_from(["", "function:"]), labels, tails).map("".join)
arns = st.tuples(
    st.sampled_from(["", "arn::lambda:", *(f"arn:{partition}:lambda:" for partition in PARTITIONS)]),
    st.sampled_from(["", *(f"{region}:" for region in REGIONS)]),
    st.sampled_from(["", "123456789012:"]),
    st.sampled_from(["", "function:"]),
    labels,
    tails,
).map("".join)
"""Of an ARN any part may be left out."""
nearly_names = st.builds(
    lambda name, place, inserted, cut: name[: place % len(name)] + inserted + name[place % len(name) + cut :],
    plain_names | arns,
    st.integers(0, 100),
    st.sampled_from(["", ":", "/", "$", ".", "..", " ", "\n", "\r\n", "\0", "%", "é", "☕", "\u0661", "arn:", "function:"]),
    st.integers(0, 2),
)


@given(plain_names | arns)
def test_names_are_accepted_as_in_the_model_but_for_dots(name: str) -> None:
    only_dots = re.search(r"(?:^|:)\.\.?(?::|$)", name) is not None
    assert model_takes("FunctionName", name)
    assert takes("FunctionName", name) == (not only_dots)


@settings(max_examples=3 * settings().max_examples)
@given(nearly_names | st.text("a.:$-_/1\n ", max_size=12))
def test_names_outside_the_model_are_refused(name: str) -> None:
    assert model_takes("FunctionName", name) or not takes("FunctionName", name)


@pytest.mark.parametrize(
    ("name", "plain", "qualifier", "region"),
    [
        ("arn:aws:lambda:us-east-1:123456789012:f", "f", None, "us-east-1"),
        ("us-east-1:123456789012:function:f", "f", None, "us-east-1"),
        ("us-east-1:f:live", "f", "live", "us-east-1"),
        ("123456789012:f:1", "f", "1", None),
        ("arn:aws:lambda:us-east-1:123456789012:function", "function", None, "us-east-1"),
        ("arn:aws:lambda:123456789012:function:f", "f", None, None),
        ("arn::lambda:eusc-de-east-1:f", "f", None, "eusc-de-east-1"),
        ("arn:aws:lambda:f", "f", None, None),
        ("function:f", "f", None, None),
        ("function", "function", None, None),
        ("us-east-1", "us-east-1", None, None),
    ],
)
def test_arn_may_omit_region_account_and_function(name: str, plain: str, qualifier: str | None, region: str | None) -> None:
    assert model_takes("FunctionName", name)
    assert takes("FunctionName", name)
    assert (names.plain_name_of(name), names.qualifier_of(name), names.region_of(name)) == (plain, qualifier, region)


@pytest.mark.parametrize(
    "name",
    [
        ".",
        "..",
        "function:..",
        "..:live",
    ],
)
def test_dot_names_are_refused(name: str) -> None:
    """A path segment of dots would name another resource."""
    assert model_takes("FunctionName", name)
    assert not takes("FunctionName", name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "a b",
        "a/b",
        "../functions",
        "a\n",
        "a\r\nX-Evil: 1",
        "\0",
        "orders☕",
        "a:b:c",
        "a:",
        ":a",
        "a?Qualifier=1",
        "a%2F",
        "arn:aws:s3:us-east-1:123456789012:function:orders",
        "arn:aws:lambda:us-east-1:" + "\u0661" * 12 + ":function:orders",
        "arn:aws:lambda:us-east-1:12345678901:function:orders",
    ],
)
def test_a_wrong_function_name_is_refused_and_shown(name: str) -> None:
    error = refusal(function_name=name)
    assert not model_takes("FunctionName", name)
    assert (error.member, error.limit) == ("function_name", None)
    assert f"function_name {name!r} is not a function name" in str(error)
    assert "\n" not in str(error)


def test_function_name_limit_is_256_characters() -> None:
    assert takes("FunctionName", "a" * 256)
    error = refusal(function_name="a" * 257)
    assert (error.member, error.limit) == ("function_name", 256)
    assert "257 characters; at most 256 are allowed" in str(error)
    assert len(str(refusal(function_name="é" * 250))) < 300


@pytest.mark.parametrize("name", [None, 7, b"orders", ["orders"]])
def test_non_string_name_is_refused(name: object) -> None:
    assert str(refusal(function_name=name)).startswith(f"function_name must be a string; got {kind_of(name)}")


@pytest.mark.parametrize("region", REGIONS)
def test_an_arn_of_another_region_is_refused(region: str) -> None:
    arn = f"arn:aws-x:lambda:{region}:123456789012:function:orders:live"
    assert names.region_of(arn) == region
    assert requested(function_name=arn, region=region)
    error = refusal(function_name=arn, region="eu-central-9")
    assert error.member == "function_name"
    assert f"is an ARN in {region}, and the client's region is eu-central-9" in str(error)


@pytest.mark.parametrize("name", ["orders", "orders:live", "123456789012:function:orders", "us-east-1", "not a name"])
def test_plain_name_has_no_region(name: str) -> None:
    assert names.region_of(name) is None


@pytest.mark.parametrize(
    ("name", "plain", "qualifier"),
    [
        ("orders", "orders", None),
        ("orders:live", "orders", "live"),
        ("1" * 12 + ":function:orders:1", "orders", "1"),
        ("orders:$LATEST", "orders", "$LATEST"),
        (ARN, "orders", None),
        (f"{ARN}:live", "orders", "live"),
        ("a b", "a b", None),
    ],
)
def test_plain_name_omits_account_and_qualifier(name: str, plain: str, qualifier: str | None) -> None:
    assert (names.plain_name_of(name), names.qualifier_of(name)) == (plain, qualifier)


# The other members

PATTERNED = {"Qualifier": "abzAZ019$-_.", "DurableExecutionName": "abzAZ019-_.", "TenantId": "abz019._:/=+-@ \n"}


@pytest.mark.parametrize("member", PATTERNED)
def test_other_names_are_accepted_as_in_the_model(member: str) -> None:
    """But for a tenant id with spaces around it: a header loses them, and the call would be another tenant's."""
    longest = MODEL.members[member].metadata["max"]

    @given(
        st.text(PATTERNED[member], max_size=12)
        | st.sampled_from(["$LATEST", "$LATEST.PUBLISHED", "é", "x" * longest, "x" * (longest + 1)])
    )
    def agrees(value: str) -> None:
        assert takes(member, value) == (model_takes(member, value) and value == value.strip(" "))

    agrees()


@pytest.mark.parametrize(
    ("members", "member", "limit", "says"),
    [
        ({"qualifier": "a b"}, "qualifier", None, "qualifier 'a b' may contain only letters, digits, $, - and _"),
        ({"qualifier": ""}, "qualifier", 128, "qualifier has 0 characters; 1 to 128 are allowed"),
        ({"qualifier": "x" * 129}, "qualifier", 128, "qualifier has 129 characters; 1 to 128 are allowed"),
        ({"qualifier": 7}, "qualifier", None, "qualifier must be a string; got int"),
        ({"durable_execution_name": "a.b"}, "durable_execution_name", None, "durable_execution_name 'a.b' may contain only"),
        ({"durable_execution_name": "x" * 65}, "durable_execution_name", 64, "has 65 characters; 1 to 64 are allowed"),
        ({"tenant_id": "x" * 257}, "tenant_id", 256, "tenant_id has 257 characters; 1 to 256 are allowed"),
        ({"tenant_id": b"blue"}, "tenant_id", None, "tenant_id must be a string; got bytes"),
        ({"invocation_type": "Async"}, "invocation_type", None, "'Async'; choose from RequestResponse, Event, DryRun"),
        ({"invocation_type": ""}, "invocation_type", None, "''; choose from"),
        ({"invocation_type": ["Event"]}, "invocation_type", None, "['Event']; choose from"),
        ({"log_type": "Full"}, "log_type", None, "log_type is 'Full'; choose from None, Tail"),
    ],
)
def test_a_wrong_member_is_named_with_its_limit(members: dict[str, Any], member: str, limit: int | None, says: str) -> None:
    error = refusal(**members)
    assert (error.member, error.limit) == (member, limit)
    assert says in str(error)
    assert isinstance(error, ValueError)


@pytest.mark.parametrize("tenant", ["SECRET☕", "SECRET\r\nX-Evil: 1", " SECRET", "SECRET ", "SECRET,"])
def test_refused_tenant_id_is_not_shown(tenant: str) -> None:
    assert "SECRET" not in str(refusal(tenant_id=tenant))


class Kind(Enum):
    QUEUED = "Event"
    TAIL = "Tail"
    OTHER = "Other"


def test_enum_members_are_accepted() -> None:
    assert requested(invocation_type=Kind.QUEUED).headers["x-amz-invocation-type"] == "Event"
    assert requested(log_type=Kind.TAIL).headers["x-amz-log-type"] == "Tail"
    assert refusal(invocation_type=Kind.OTHER).member == "invocation_type"
    assert requested(invocation_type=Kind.QUEUED, log_type=Kind.TAIL).headers["x-amz-log-type"] == "Tail"


@pytest.mark.parametrize(
    ("members", "header", "warning"),
    [
        ({"client_context": "e30="}, "x-amz-client-context", "client_context has no effect in an Event"),
        ({"log_type": "Tail"}, "x-amz-log-type", "log_type 'Tail' has no effect in an Event"),
        ({"log_type": "None"}, "x-amz-log-type", None),
    ],
)
async def test_members_without_effect_in_an_event_warn_once(
    members: dict[str, Any], header: str, warning: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    transport = FakeTransport({"orders": lambda event: event})
    async with LambdaClient(transport=transport) as client:
        for kind in ("Event", "Event", "RequestResponse"):
            await client.send(InvokeCommand(function_name="orders", payload={}, invocation_type=kind, **members))
    assert all(header in call.headers for call in transport.calls)
    assert len(transport.calls) == 3
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(said) == (warning is not None)
    assert warning is None or f"InvokeCommand 'orders': {warning}" in said[0]
    assert "e30" not in "".join(said)


def test_members_that_are_not_given_send_no_header() -> None:
    request = requested()
    assert dict(request.headers) == {"content-type": "application/octet-stream"}
    assert (request.method, request.url, request.body) == ("POST", "https://h/2015-03-31/functions/orders/invocations", b"")


@pytest.mark.parametrize(
    ("kind", "seconds"), [(None, 1860), ("RequestResponse", 1860), ("Event", 60), ("DryRun", 60), (Kind.QUEUED, 60)]
)
def test_read_limit_depends_on_the_invocation_type(kind: Any, seconds: float) -> None:
    assert INVOKE.default_read_timeout(InvokeCommandInput(function_name="orders", invocation_type=kind)) == seconds


@pytest.mark.parametrize(
    ("kind", "idempotent"), [(None, False), ("RequestResponse", False), ("Event", False), ("DryRun", True)]
)
def test_only_a_dry_run_is_idempotent_by_itself(kind: Any, idempotent: bool) -> None:
    assert INVOKE.is_idempotent(InvokeCommandInput(function_name="orders", invocation_type=kind), durable=()) is idempotent


def test_a_durable_function_makes_its_named_call_idempotent() -> None:
    named = InvokeCommandInput(function_name="orders", qualifier="live", durable_execution_name="order-7")
    assert not INVOKE.is_idempotent(named, durable={("orders", None), ("stock", "live")})
    assert INVOKE.is_idempotent(named, durable={("orders", "live")})
    assert not INVOKE.is_idempotent(attrs.evolve(named, durable_execution_name=None), durable={("orders", "live")})


# The API's own names


def test_input_accepts_api_member_names() -> None:
    members = {
        "FunctionName": "orders",
        "Payload": b"{}",
        "InvocationType": "RequestResponse",
        "LogType": "Tail",
        "ClientContext": "e30=",
        "Qualifier": "live",
        "TenantId": "blue",
        "DurableExecutionName": "once",
    }
    assert set(members) == set(MODEL.members)
    assert InvokeCommandInput.from_api(members) == InvokeCommandInput(
        function_name="orders",
        payload=b"{}",
        invocation_type="RequestResponse",
        log_type="Tail",
        client_context="e30=",
        qualifier="live",
        tenant_id="blue",
        durable_execution_name="once",
    )
    assert InvokeCommand.from_api(members).input == InvokeCommandInput.from_api(members)


@pytest.mark.parametrize(
    ("member", "says"),
    [
        ("functionName", r"did you mean FunctionName\?$"),
        ("function_name", r"did you mean FunctionName\?$"),
        ("Timeout", "it has FunctionName, Payload, "),
    ],
)
def test_an_unknown_member_is_named_with_the_known(member: str, says: str) -> None:
    with pytest.raises(InvalidInputError, match=f"Invoke has no member '{member}'; {says}") as caught:
        InvokeCommandInput.from_api({"FunctionName": "orders", member: "x"})
    assert caught.value.member == member


def test_an_input_without_a_function_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="Invoke needs the member 'FunctionName'"):
        InvokeCommandInput.from_api({"Payload": b"{}"})


def test_command_takes_an_input_or_members_not_both() -> None:
    input = InvokeCommandInput(function_name="orders", payload=b"{}")
    assert InvokeCommand(input).input is input
    assert InvokeCommand(function_name="orders", payload=b"{}").input == input
    with pytest.raises(TypeError, match="an input or its members, not both"):
        InvokeCommand(input, function_name="orders")  # type: ignore[call-overload]


# Payloads


@attrs.frozen
class Order:
    id: int
    lines: tuple["Line", ...] = ()


@dataclasses.dataclass
class Line:
    tea: str


@pytest.mark.parametrize(
    ("payload", "body"),
    [
        (None, b""),
        (b"", b""),
        (b"\xff\x00not json", b"\xff\x00not json"),
        (bytearray(b"{}"), b"{}"),
        (memoryview(b"a1b2")[::2], b"ab"),
        (memoryview(b"abcd").cast("B", (2, 2)), b"abcd"),
        (memoryview(b"abcd").cast("c"), b"abcd"),
        (array.array("B", [1, 2]), b"\1\2"),
        ((ctypes.c_ubyte * 2)(1, 2), b"\1\2"),
        (ctypes.create_string_buffer(b"ab", 2), b"ab"),
        ('{"tea": "té"}', '{"tea": "té"}'.encode()),
        ("", b""),
        ('"not an object"', b'"not an object"'),
        ({"tea": "té", "n": [1, 2.5, None, True]}, '{"tea":"té","n":[1,2.5,null,true]}'.encode()),
        ([], b"[]"),
        (0, b"0"),
        (False, b"false"),
        (12345678901234567890, b"12345678901234567890"),
        (Order(7, (Line("green"),)), b'{"id":7,"lines":[{"tea":"green"}]}'),
        ({"order": Order(1)}, b'{"order":{"id":1,"lines":[]}}'),
        (Line("black"), b'{"tea":"black"}'),
    ],
)
def test_payload_is_sent_as_bytes_text_or_json(payload: object, body: bytes) -> None:
    assert requested(payload=payload).body == body
    assert type(requested(payload=payload).body) is bytes


@pytest.mark.parametrize(
    "numbers",
    [
        *(array.array(code, [1, 2]) for code in "bhHiIlLqQfd"),
        *(kind(7) for kind in (ctypes.c_int64, ctypes.c_double, ctypes.c_ubyte, ctypes.c_bool)),
        (ctypes.c_int16 * 2)(1, 2),
        ctypes.c_char(b"7"),
        memoryview(b"\1\0\2\0").cast("H"),
        memoryview(b"12345678").cast("d"),
        memoryview(b"1234").cast("?"),
        memoryview(b"1234").cast("b"),
        memoryview(b"1").cast("B", ()),
    ],
    ids=lambda numbers: type(numbers).__name__,
)
def test_numeric_buffers_are_left_to_the_codec(numbers: Any) -> None:
    """The codec is asked for it, because it may know the type."""

    class Knowing(JsonCodec):
        def encode(self, value: object, /) -> bytes:
            return b"known" if value is numbers else super().encode(value)

    error = refusal(payload=numbers)
    assert (
        f"{type(numbers).__name__} has no JSON form; pass bytes, or a codec that supports it: LambdaClient(codec=...)"
        in str(error)
    )
    input = InvokeCommandInput(function_name="orders", payload=numbers)
    assert INVOKE.request(input, endpoint="https://h", codec=Knowing(), limits=PayloadLimits()).body == b"known"


def test_numpy_bytes_and_floats_are_accepted() -> None:
    numpy = pytest.importorskip("numpy")
    assert requested(payload=numpy.float64(7.5)).body == b"7.5"
    assert requested(payload=numpy.bytes_(b"ab")).body == b"ab"
    assert requested(payload=numpy.array([[1, 2], [3, 4]], dtype="uint8")).body == b"\1\2\3\4"
    for number in (numpy.int64(7), numpy.uint8(7), numpy.float32(7), numpy.bool_(True), numpy.array([1.5]), numpy.array([1])):
        assert "has no JSON form" in str(refusal(payload=number))
    assert "ndarray has no JSON form" in str(refusal(payload=numpy.zeros((2, 3), dtype="uint8").T))


def test_released_buffer_is_refused() -> None:
    released, closed = memoryview(b"SECRET"), mmap.mmap(-1, 4)
    released.release()
    closed.close()
    for payload in (released, closed):
        assert "payload's bytes cannot be read: the buffer is closed or was released" in str(refusal(payload=payload))


@pytest.mark.parametrize(
    ("given", "sent"),
    [(b"[1]", b"[1]"), (bytearray(b"[1]"), b"[1]"), (memoryview(b"[1]"), b"[1]"), ("[1]", None), (None, None)],
)
def test_codec_must_return_bytes(given: Any, sent: bytes | None) -> None:
    class Codec(JsonCodec):
        def encode(self, value: object, /) -> bytes:
            return given

    input = InvokeCommandInput(function_name="orders", payload=[1])
    if sent is None:
        with pytest.raises(InvalidInputError, match=f"the codec gave {type(given).__name__}, and must give bytes"):
            INVOKE.request(input, endpoint="https://h", codec=Codec(), limits=PayloadLimits())
    else:
        body = INVOKE.request(input, endpoint="https://h", codec=Codec(), limits=PayloadLimits()).body
        assert (body, type(body)) == (sent, bytes)


@pytest.mark.parametrize("raised", [KeyError("SECRET"), AttributeError("SECRET"), OverflowError("SECRET"), Exception("SECRET")])
def test_an_error_of_a_codec_is_a_refusal_without_content(raised: Exception) -> None:
    class Codec(JsonCodec):
        def encode(self, value: object, /) -> bytes:
            raise raised

    input = InvokeCommandInput(function_name="orders", payload=[1])
    with pytest.raises(InvalidInputError, match=f"payload cannot be encoded: {type(raised).__name__}") as caught:
        INVOKE.request(input, endpoint="https://h", codec=Codec(), limits=PayloadLimits())
    assert "SECRET" not in str(caught.value)


def test_a_later_change_of_a_payload_is_not_sent() -> None:
    payload = bytearray(b"{}")
    request = requested(payload=payload)
    payload[:] = b"[]"
    assert request.body == b"{}"


def circle() -> list[object]:
    found: list[object] = []
    found.append(found)
    return found


def nest(depth: int) -> object:
    found: object = None
    for _ in range(depth):
        found = [found]
    return found


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (float("nan"), "Out of range float values are not JSON compliant"),
        ({"x": float("inf")}, "Out of range float values"),
        ('"SECRET\ud800"', "payload cannot be encoded: UnicodeEncodeError"),
        ({"SECRET": "\udfff"}, "payload cannot be encoded: UnicodeEncodeError"),
        (circle(), "Circular reference detected"),
        (nest(100_000), "payload cannot be encoded: "),
        ({"SECRET": object()}, "object has no JSON form; pass bytes, or a codec that supports it: LambdaClient(codec=...)"),
        ({("SECRET",): 1}, "keys must be str"),
        ({1, 2}, "set has no JSON form"),
        (Order, "type has no JSON form"),
        (Line, "type has no JSON form"),
    ],
)
def test_a_payload_without_json_form_is_not_shown(payload: object, says: str) -> None:
    error = refusal(payload=payload)
    assert error.member == "payload"
    assert says in str(error)
    assert "SECRET" not in str(error)
    assert error.__suppress_context__


SIZES = [(None, 6_291_456), ("RequestResponse", 6_291_456), ("DryRun", 6_291_456), ("Event", 1_048_576)]


@pytest.mark.parametrize(("kind", "limit"), SIZES)
def test_a_payload_one_byte_over_its_limit_is_refused(kind: Any, limit: int) -> None:
    assert len(requested(invocation_type=kind, payload=b"x" * limit).body) == limit
    assert len(requested(invocation_type=kind, payload='"' + "é" * (limit // 2 - 1) + '"').body) == limit
    for payload in (b"x" * (limit + 1), '"' + "é" * (limit // 2 - 1) + 'x"', ["x" * (limit - 3)]):
        error = refusal(invocation_type=kind, payload=payload)
        assert isinstance(error, InvalidPayloadSizeError)
        assert isinstance(error, PayloadTooLargeError)
        assert (error.member, error.size, error.limit) == ("payload", limit + 1, limit)
        assert f"{limit + 1:,} bytes, and the limit of {kind or 'RequestResponse'} is {limit:,}" in str(error)


def test_payload_limits_can_be_changed() -> None:
    limits = PayloadLimits(request_response=10, event=20, client_context=8)
    assert requested(payload=b"x" * 10, limits=limits)
    assert requested(invocation_type="Event", payload=b"x" * 20, limits=limits)
    assert refusal(payload=b"x" * 11, limits=limits).limit == 10
    assert refusal(invocation_type="Event", payload=b"x" * 21, limits=limits).limit == 20
    assert refusal(client_context={"a": 12}, limits=limits).limit == 8


# The client context


def context_of(context: Mapping[str, object] | str) -> str:
    return requested(client_context=context).headers["x-amz-client-context"]


def test_client_context_is_sent_as_base64_json() -> None:
    context = {"custom": {"tea": "té☕"}, "env": {}}
    assert json.loads(base64.b64decode(context_of(context), validate=True)) == context
    assert context_of({}) == "e30="
    assert context_of("eyJyZWFkeSI6MX0=") == "eyJyZWFkeSI6MX0="


def test_a_client_context_over_3583_characters_is_refused() -> None:
    assert len(context_of({"x": "y" * 2677})) == 3580
    assert context_of(base64.b64encode(b'{"x":"' + b"y" * 2677 + b'"}').decode())
    for context in ({"x": "y" * 2678}, base64.b64encode(b'{"x":"' + b"y" * 2680 + b'"}').decode()):
        error = refusal(client_context=context)
        assert (error.member, error.limit) == ("client_context", 3583)
        assert "client_context has 3,584 characters in base64, and the limit is 3,583" in str(error)


@pytest.mark.parametrize(
    "context",
    [
        "SECRET\r\nX-Evil: 1",
        "SECRETé",
        "SECRET\0",
        {"SECRET": object()},
        {"SECRET": float("nan")},
        '{"custom": "SECRET"}',
        base64.b64encode(b'["SECRET"]').decode(),
        base64.b64encode(b"SECRET").decode(),
        base64.b64encode(b"[" * 2000).decode(),
    ],
)
def test_a_wrong_client_context_is_refused_and_not_shown(context: Any) -> None:
    error = refusal(client_context=context)
    assert error.member == "client_context"
    assert "SECRET" not in str(error)


def test_context_that_is_not_encoded_names_the_mapping() -> None:
    assert str(refusal(client_context='{"custom":1}')) == (
        "client_context is text that is not a JSON object in base64: pass the mapping itself, and the client encodes it"
    )
    assert context_of("eyJhIjoxfQ") == "eyJhIjoxfQ"  # without its padding, which decoders may do without
    assert context_of("") == ""


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    "context", [{"tea": "SECRET"}, {"Custom": {"tea": "SECRET"}}, base64.b64encode(b'{"tea":"SECRET"}').decode()]
)
async def test_a_context_that_python_does_not_see_warns_once(
    context: Any, streamed: bool, caplog: pytest.LogCaptureFixture
) -> None:
    transport = FakeTransport({"orders": json.dumps})
    async with LambdaClient(transport=transport) as client:
        for _ in range(2):
            if streamed:
                async with client.stream("orders", client_context=context) as stream:
                    await stream.read()
            else:
                await client.invoke("orders", client_context=context)
    assert ["x-amz-client-context" in call.headers for call in transport.calls] == [True, True]
    (record,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert "'orders': client_context has neither custom, client nor env" in record.getMessage()
    assert "SECRET" not in record.getMessage()


@pytest.mark.parametrize("context", [{"custom": {}}, {"client": {}, "tea": 1}, {"env": {}}, {}, "e30=", "eyJjdXN0b20iOnt9fQ=="])
async def test_a_context_that_python_sees_gives_no_warning(context: Any, caplog: pytest.LogCaptureFixture) -> None:
    async with LambdaClient(transport=FakeTransport({"orders": json.dumps})) as client:
        await client.invoke("orders", client_context=context)
    assert [record for record in caplog.records if record.levelname == "WARNING"] == []


# Recursion detection


@pytest.mark.parametrize("number", range(5))
async def test_trace_id_follows_the_shared_suite(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = suites.load("recursion-detection/recursion-detection.json")
    assert len(cases) == 5
    case = cases[number]
    for name, value in case["env"].items():
        monkeypatch.setenv(name, value)
    before, after = (
        Headers(dict(line.split(": ", 1) for line in case[lines])) for lines in ("requestHeadersBefore", "requestHeadersAfter")
    )

    async def set_headers(call: Any, call_next: Any) -> Any:
        call.request.headers.update(before)
        return await call_next(call)

    transport = FakeTransport({"orders": json.dumps})
    async with LambdaClient(transport=transport) as client:
        client.middleware_stack.add(set_headers, step="build", priority="high")
        await client.invoke("orders")
    sent = transport.calls[0].headers
    assert sent.get("X-Amzn-Trace-Id") == after.get("X-Amzn-Trace-Id")
    assert "x-amzn-trace-id" not in sent["authorization"]


def test_output_of_ones_own_needs_no_metadata() -> None:
    output = InvokeCommandOutput(status_code=202, payload=b"1")
    assert (output.json(), output.metadata) == (1, Metadata(http_status_code=202, attempts=0))


@pytest.mark.parametrize("command", [InvokeCommand, InvokeWithResponseStreamCommand])
def test_signature_of_a_command_shows_its_members(command: Any) -> None:
    shown = inspect.signature(command)
    assert "function_name: str = <needed without an input>" in str(shown)
    assert not {"more", "members"} & shown.parameters.keys()
    kind = InvokeCommandInput if command is InvokeCommand else InvokeWithResponseStreamCommandInput
    shown.bind(kind(function_name="f"))


@pytest.mark.parametrize("command", [InvokeCommand, InvokeWithResponseStreamCommand])
async def test_text_that_is_not_json_is_refused_by_send_too(command: Any) -> None:
    transport = FakeTransport({"f": json.dumps})
    async with LambdaClient(transport=transport) as client:
        for text in ("hello SECRET", " ", "nullable"):
            with pytest.raises(InvalidInputError, match=r"^payload is text that is not JSON; pass a value") as raised:
                await client.send(command(function_name="f", payload=text))
            assert (raised.value.member, raised.value.function_name) == ("payload", "f")
            assert "SECRET" not in str(raised.value)
        await client.send(command(function_name="f", payload='"hello"'))
    assert [call.payload for call in transport.calls] == [b'"hello"']
