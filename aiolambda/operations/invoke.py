"""Invoke on the wire: what is checked of its input, the request that it becomes, and the output that an answer is.

Owns the operation's path, headers and limits. Must not know how a request is signed or sent, or what an error is good for.
Source: the Lambda API reference, "Invoke", and the restJson1 protocol.
"""

import base64
import contextlib
import json
from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal, Protocol, cast

from ..errors import InvalidInputError, InvalidPayloadSizeError
from ..pipeline.call import UnreadFile
from ..protocol import names, uri
from ..types.http import Headers, Request, Response, StreamingBody
from ..types.interfaces import Codec
from ..types.values import Metadata, PayloadLimits, text_of
from .invoke_types import InvokeCommandInput, InvokeCommandOutput

__all__ = [
    "INVOKE",
    "SYNCHRONOUS_READ_LIMIT",
    "InvocationInput",
    "InvokeOperation",
    "check",
    "default_read_timeout",
    "encoded_payload",
    "request",
    "type_of",
    "warning_of_context",
]

SYNCHRONOUS_READ_LIMIT = 1860.0
"""Seconds without a byte: a synchronous call may run for 1,800 s, and an answer needs a little longer.

Source: the description of Invoke in the Lambda service model, since November 2026.
"""
QUEUEING_READ_LIMIT = 60.0
"""The same for `Event` and `DryRun`, which run nothing while the caller waits."""

_LOG_TYPES = ("None", "Tail")
_BYTES = ("B", "c")
"""The formats of a buffer that holds bytes: unsigned ones, and those of `ctypes.create_string_buffer`."""
_NO_BUFFERS: tuple[type, ...] = (dict, list)
"""What most payloads are; these need not be asked for a buffer, or whether they are a file."""
_SEEN_IN_PYTHON = {"custom", "client", "env"}
"""The members of a client context that Lambda's runtime for Python hands on."""


class InvocationInput(Protocol):
    """What the inputs of the operations that invoke a function have in common."""

    @property
    def function_name(self) -> str: ...
    @property
    def payload(self) -> object: ...
    @property
    def invocation_type(self) -> str | None: ...
    @property
    def log_type(self) -> str | None: ...
    @property
    def client_context(self) -> Mapping[str, object] | str | None: ...
    @property
    def qualifier(self) -> str | None: ...
    @property
    def tenant_id(self) -> str | None: ...


class InvokeOperation:
    """The operation `Invoke` of 2015-03-31."""

    name = "Invoke"
    streamed = False

    def function_name(self, input: InvokeCommandInput, /) -> str:
        return input.function_name

    def invocation_type(self, input: InvokeCommandInput, /) -> str:
        """`RequestResponse` where the input names none."""
        return type_of(input)

    def default_read_timeout(self, input: InvokeCommandInput, /) -> float:
        """The read limit in seconds where the caller gave none."""
        return default_read_timeout(input)

    def is_idempotent(self, input: InvokeCommandInput, /, *, durable: Collection[tuple[str, str | None]]) -> bool:
        """Whether a repeat does no harm: a `DryRun` runs nothing, and a durable function runs once for each execution name."""
        if type_of(input) == "DryRun":
            return True
        return input.durable_execution_name is not None and (input.function_name, input.qualifier) in durable

    def check(self, input: InvokeCommandInput, /, *, region: str | None, limits: PayloadLimits) -> str | None:
        """`InvalidInputError` for what Lambda would refuse; the size of the payload is checked when it is encoded.

        Returns a warning for members that Lambda takes, and that have no effect.
        """
        check(input, region=region, types=("RequestResponse", "Event", "DryRun"))
        if input.durable_execution_name is not None:
            names.check_pattern("durable_execution_name", input.durable_execution_name)
        if type_of(input) == "Event":
            return _warning_of_event(input)
        return None if input.client_context is None else warning_of_context(input.client_context)

    def request(self, input: InvokeCommandInput, /, *, endpoint: str, codec: Codec, limits: PayloadLimits) -> Request:
        """The request without host, user agent and signature. `InvalidInputError` for a payload that cannot be sent."""
        return request(
            input,
            endpoint=endpoint,
            path="/2015-03-31/functions/{}/invocations",
            codec=codec,
            limits=limits,
            durable_execution_name=input.durable_execution_name,
        )

    def output(
        self, input: InvokeCommandInput, response: Response, /, *, metadata: Metadata, codec: Codec
    ) -> InvokeCommandOutput:
        """The output of an answer that is no error."""
        fields = response.fields
        return InvokeCommandOutput(
            status_code=response.status,
            function_error=cast('Literal["Handled", "Unhandled"] | None', fields.get("x-amz-function-error") or None),
            log_result=fields.get("x-amz-log-result"),
            payload=response.body,
            executed_version=fields.get("x-amz-executed-version"),
            durable_execution_arn=fields.get("x-amz-durable-execution-arn"),
            metadata=metadata,
            codec=codec,
            function_name=input.function_name,
            invocation_type=type_of(input),
        )

    def open_answer(self, output: InvokeCommandOutput, /) -> StreamingBody | None:
        """An output of this operation has all of its answer."""
        return None


INVOKE = InvokeOperation()


def type_of(input: InvocationInput) -> str:
    """The invocation type, `RequestResponse` where the input names none."""
    kind = input.invocation_type
    return "RequestResponse" if kind is None else str(text_of(kind) or "RequestResponse")


def default_read_timeout(input: InvocationInput) -> float:
    """The read limit in seconds where the caller gave none."""
    return SYNCHRONOUS_READ_LIMIT if type_of(input) == "RequestResponse" else QUEUEING_READ_LIMIT


def check(input: InvocationInput, *, region: str | None, types: tuple[str, ...]) -> None:
    """`InvalidInputError` for a name or a choice that Lambda would refuse."""
    names.check_function_name(input.function_name)
    arn_region = names.region_of(input.function_name)
    if arn_region is not None and region is not None and arn_region != region:
        raise InvalidInputError(
            f"function_name names the region {arn_region}, and the client's region is {region}; "
            "LambdaClient(use_arn_region=True) goes to the ARN's",
            member="function_name",
        )
    _check_choice("invocation_type", input.invocation_type, types)
    _check_choice("log_type", input.log_type, _LOG_TYPES)
    if input.qualifier is not None:
        names.check_pattern("qualifier", input.qualifier)
    if input.tenant_id is not None:
        names.check_pattern("tenant_id", input.tenant_id)


def _check_choice(member: str, given: str | None, choices: tuple[str, ...]) -> None:
    value = None if given is None else text_of(given)
    if value is not None and value not in choices:
        raise InvalidInputError(f"{member} is {value!r}; choose from {', '.join(choices)}", member=member)


def request(
    input: InvocationInput,
    *,
    endpoint: str,
    path: str,
    codec: Codec,
    limits: PayloadLimits,
    durable_execution_name: str | None = None,
) -> Request:
    """The request to a path that has a place for the function's name."""
    kind = type_of(input)
    limit = limits.event if kind == "Event" else limits.request_response
    body = _body(input.payload, codec, limit)
    if len(body) > limit:
        raise InvalidPayloadSizeError(
            f"payload has {len(body):,} bytes, and the limit of {kind} is {limit:,}", size=len(body), limit=limit
        )
    fields = {"content-type": "application/octet-stream"}
    if input.invocation_type is not None:
        fields["x-amz-invocation-type"] = kind
    if input.log_type is not None:
        fields["x-amz-log-type"] = str(text_of(input.log_type))
    if durable_execution_name is not None:
        fields["x-amz-durable-execution-name"] = durable_execution_name
    if input.tenant_id is not None:
        fields["x-amz-tenant-id"] = input.tenant_id
    if input.client_context is not None:
        fields["x-amz-client-context"] = _client_context(input.client_context, limits.client_context)
    query = "" if input.qualifier is None else f"?Qualifier={uri.encode_label(input.qualifier)}"
    return Request("POST", f"{endpoint}{path.format(uri.encode_label(input.function_name))}{query}", Headers.of(fields), body)


def _warning_of_event(input: InvokeCommandInput) -> str | None:
    """What of the input has no effect in an `Event`."""
    if input.client_context is not None:
        return "client_context has no effect in an Event: Lambda hands it to the function in a synchronous call only"
    if text_of(input.log_type) == "Tail":
        return "log_type 'Tail' has no effect in an Event: only the answer to a synchronous call has a log"
    return None


def encoded_payload(payload: object, codec: Codec) -> bytes:
    """The bytes that a payload is sent as. `InvalidInputError` for an open file, for nothing is read here."""
    with contextlib.suppress(UnreadFile):
        return _body(payload, codec, 0)
    raise InvalidInputError(
        "payload is an open file, and its bytes are needed before it is sent: give them instead "
        "(in a map with a journal, key= is enough)",
        member="payload",
    )


def _body(payload: object, codec: Codec, limit: int) -> bytes:
    """The bytes that a payload is sent as. `UnreadFile` for an open file, for reading it may take its time."""
    if payload is None:
        return b""
    if isinstance(payload, bytes):
        return payload
    if isinstance(payload, str):
        return _encoded("payload", payload.encode)
    if not isinstance(payload, _NO_BUFFERS):
        content = _bytes_in(payload)
        if content is not None:
            return content
        if _is_file(payload):
            raise UnreadFile(payload, limit)
    return _encoded("payload", lambda: codec.encode(payload))


def _bytes_in(payload: object) -> bytes | None:
    """The content of a buffer of bytes; `None` for anything else."""
    try:
        view = memoryview(cast("Any", payload))
    except TypeError:
        return None
    except (ValueError, BufferError):
        pass
    else:
        return view.tobytes() if _holds_bytes(view) else None
    raise InvalidInputError("payload's bytes cannot be read: it is closed, or was released", member="payload")


def _holds_bytes(view: memoryview) -> bool:
    """Whether a buffer is bytes in an order; the memory of numbers is no payload, nor is one byte that is a number."""
    return view.format.lstrip("@=<>!") in _BYTES and view.ndim > 0 and (view.ndim == 1 or view.c_contiguous)


def _is_file(payload: object) -> bool:
    """Whether it is to be read, as boto3 sees it; but a value of the caller's own may have a method of that name."""
    kind = type(payload)
    is_value = issubclass(kind, Mapping) or hasattr(kind, "__attrs_attrs__") or hasattr(kind, "__dataclass_fields__")
    return not is_value and callable(getattr(payload, "read", None))


def warning_of_context(context: Mapping[str, object] | str) -> str | None:
    """A warning if no function in Python would see anything of a context: these are handed three members of it."""
    members = _members_of(context)
    if not members or not _SEEN_IN_PYTHON.isdisjoint(members):
        return None
    return (
        "client_context has neither custom, client nor env: a function in Python sees nothing of it; put your values under "
        "custom, as in {'custom': {...}}"
    )


def _members_of(context: object) -> Collection[object]:
    """The names in a context; of a string that is ready, as far as it can be read."""
    if isinstance(context, str):
        try:
            context = cast("object", json.loads(base64.b64decode(context)))
        except (ValueError, RecursionError):
            return ()
    return cast("Mapping[object, object]", context).keys() if isinstance(context, Mapping) else ()


def _client_context(context: object, limit: int) -> str:
    if not isinstance(context, str | Mapping):
        raise InvalidInputError(
            f"client_context is a mapping, or a string that is ready, not {type(context).__name__}", member="client_context"
        )
    if isinstance(context, str):
        ready = context
        if not (ready.isascii() and ready.isprintable()):
            raise InvalidInputError(
                "client_context as a string is base64, ready to be sent as a header", member="client_context"
            )
    else:
        ready = base64.b64encode(
            _encoded("client_context", lambda: json.dumps(context, separators=(",", ":"), allow_nan=False).encode())
        ).decode()
    if len(ready) > limit:
        raise InvalidInputError(
            f"client_context has {len(ready):,} characters in base64, and the limit is {limit:,}",
            member="client_context",
            limit=limit,
        )
    return ready


def _encoded(member: str, encode: Callable[[], bytes]) -> bytes:
    """What `encode` gives. Its failure names the member and the kind of failure: the text of a codec may hold the value."""
    try:
        content = cast("object", encode())
    except InvalidInputError:
        raise
    except Exception as error:  # noqa: BLE001 - a codec may be anybody's, and one value must not end a whole map
        reason = type(error).__name__
    else:
        if isinstance(content, bytes | bytearray | memoryview):
            return bytes(cast("bytes", content))
        reason = f"the codec gave {type(content).__name__}, and must give bytes"
    raise InvalidInputError(f"{member} cannot be encoded: {reason}", member=member) from None
