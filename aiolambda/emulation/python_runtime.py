"""The conventions of Lambda's Python runtime: its JSON, its form of an error, and the context object.

The source is awslambdaric 4.2, which encodes with simplejson. Results and errors have the same bytes here.

Must not import this package or slow modules: the built-in runtime loads this file by its path, once for each process.
"""

import contextlib
import json
import math
import sys
import time
import traceback
import types
from collections.abc import Callable, Collection, Mapping, Sequence
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Any, cast

__all__ = [
    "FaultException",
    "LambdaContext",
    "encoded",
    "error_of",
    "log_json",
    "log_text",
    "marshal",
    "to_json",
    "unmarshal",
]

WRITES_ASCII = sys.version_info < (3, 12)
"""The runtimes up to Python 3.11 escape what is not ASCII; later ones write UTF-8."""


class FaultException(Exception):
    """An error of the runtime about the handler or its result; `error_type` is Lambda's name for it."""

    def __init__(self, error_type: str, message: str, trace: list[str] | None = None) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.trace = trace or []


def marshal(result: Any, *, ascii: bool = WRITES_ASCII) -> tuple[str | bytes, str]:
    """The payload of a result as text or bytes, and its content type. Bytes stay as they are.

    `FaultException` if the result cannot be encoded.
    """
    if isinstance(result, bytes):
        return result, "application/unknown"
    coroutine: object = result
    if isinstance(coroutine, types.CoroutineType):
        coroutine.close()  # else Python would warn that it was never awaited
    try:
        return to_json(result, ascii=ascii), "application/json"
    except Exception as error:
        raise FaultException("Runtime.MarshalError", f"Unable to marshal response: {error}") from error


def unmarshal(payload: bytes) -> Any:
    """The event of a payload. `FaultException` if it is not JSON."""
    try:
        return json.loads(payload)
    except Exception as error:
        raise FaultException("Runtime.UnmarshalError", f"Unable to unmarshal input: {error}") from error


def encoded(content: str | bytes) -> bytes:
    """The bytes of what `marshal` and `to_json` return. `UnicodeEncodeError` for a lone surrogate, which ends the runtime."""
    return content if isinstance(content, bytes) else content.encode()


def to_json(value: object, *, ascii: bool = WRITES_ASCII) -> str:
    """Encode as the runtime does.

    Unlike the standard library, it writes a decimal with all its digits, bytes as text, and a named tuple as an object.
    """
    try:
        return _json_of(value, encode_basestring_ascii if ascii else encode_basestring, set())
    except RecursionError:
        raise RecursionError("maximum recursion depth exceeded while encoding a JSON object") from None


def _json_of(value: Any, quote: Callable[[str], str], parents: set[int]) -> str:
    """One value; `parents` has the ids of the containers around it."""
    if isinstance(value, str):
        return quote(value)
    if value is None or value is True or value is False:
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, bytes):
        return quote(value.decode())
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return _number(value)
    return _json_of_container(value, quote, parents)


def _json_of_container(value: Any, quote: Callable[[str], str], parents: set[int]) -> str:
    members = _members_of(value)
    items = cast("Sequence[Any]", value) if isinstance(value, list | tuple) else None
    if members is None and items is None:
        return _json_of_other(value)
    own_id = id(cast("object", value))
    if own_id in parents:
        raise ValueError("Circular reference detected")
    parents.add(own_id)
    if members is not None:
        pairs = [f"{quote(_key(key))}: {_json_of(item, quote, parents)}" for key, item in members.items()]
        text = f"{{{', '.join(pairs)}}}"
    else:
        text = f"[{', '.join([_json_of(item, quote, parents) for item in items or ()])}]"
    parents.discard(own_id)
    return text


def _members_of(value: Any) -> Mapping[Any, Any] | None:
    """The members of a dict, or of a value with a method `_asdict`, as named tuples have it; else `None`."""
    as_dict = getattr(value, "_asdict", None)
    members: Any = None
    if callable(as_dict):
        with contextlib.suppress(TypeError):
            members = as_dict()
        if not isinstance(members, dict | None):
            raise TypeError(f"_asdict() must return a dict, not {type(members).__name__}")
    if members is None and isinstance(value, dict):
        return cast("Mapping[Any, Any]", value)
    return cast("Mapping[Any, Any] | None", members)


def _json_of_other(value: Any) -> str:
    # A handler that has decimals has imported their module. Doing it here would slow down the start of every process.
    decimal = sys.modules.get("decimal")
    if decimal is not None and isinstance(value, decimal.Decimal):
        return "NaN" if value.is_nan() else str(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _number(value: float) -> str:
    """A float as JavaScript spells it, which JSON does not allow for the first three."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return float.__repr__(value)


def _key(key: Any) -> str:
    if isinstance(key, str):
        return key
    if key is None or key is True or key is False:
        return {None: "null", True: "true", False: "false"}[key]
    if isinstance(key, bytes):
        return key.decode()
    if isinstance(key, float):
        return _number(key)
    if isinstance(key, int):
        return str(int(key))
    raise TypeError(f"keys must be str, int, float, bool or None, not {type(key).__name__}")


def error_of(error: Exception, request_id: str = "", *, hidden: Collection[str] = ()) -> dict[str, object]:
    """The members of an error for an exception of the handler, or of the runtime itself.

    `hidden` are files whose frames lead to the handler and are not shown. Raises whatever `str(error)` raises.
    """
    if isinstance(error, FaultException):
        error_type, trace = error.error_type, error.trace
    else:
        error_type = type(error).__name__
        frames = [(frame.filename, frame.lineno, frame.name, frame.line) for frame in traceback.extract_tb(error.__traceback__)]
        first = next((index for index, frame in enumerate(frames) if frame[0] not in hidden), 0)
        trace = traceback.format_list(cast("list[Any]", frames[first:]))
    return {"errorMessage": str(error), "errorType": error_type, "requestId": request_id, "stackTrace": trace}


def log_text(error: Mapping[str, object]) -> str:
    """The lines that the runtime writes to its log for an error."""
    trace = "".join(cast("list[str]", error["stackTrace"])).rstrip("\n")
    described = ": ".join(str(part) for part in (error["errorType"], error["errorMessage"]) if part)
    lines = [f"[ERROR] {described}", "Traceback (most recent call last):", trace]
    return "\n".join([*lines, ""]) if trace else f"{lines[0]}\n"


def log_json(error: Mapping[str, object]) -> str:
    """The line of the log format JSON for an error."""
    timestamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return f"{to_json({'timestamp': timestamp, 'level': 'ERROR', **error})}\n"


class ClientContext:
    """The client context of the caller: `custom` and `env` are mappings, `client` describes an application."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.custom = content.get("custom")
        self.env = content.get("env")
        client = content.get("client")
        self.client = None if client is None else Client(client)


class Client:
    """The application of a mobile client."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.installation_id = content.get("installation_id")
        self.app_title = content.get("app_title")
        self.app_version_name = content.get("app_version_name")
        self.app_version_code = content.get("app_version_code")
        self.app_package_name = content.get("app_package_name")


class CognitoIdentity:
    """The Amazon Cognito identity of a mobile user. Its members are `None` without one."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.cognito_identity_id = content.get("cognitoIdentityId")
        self.cognito_identity_pool_id = content.get("cognitoIdentityPoolId")


_W3C_FIELDS = ("traceparent", "tracestate", "baggage")


class LambdaContext:
    """The second argument of a handler, with the same attributes as on Lambda. `deadline` is in seconds since the epoch."""

    def __init__(
        self,
        *,
        aws_request_id: str,
        function_name: str,
        function_version: str,
        invoked_function_arn: str,
        memory_limit_in_mb: str,
        log_group_name: str,
        log_stream_name: str,
        deadline: float,
        client_context: Mapping[str, Any] | None = None,
        identity: Mapping[str, Any] | None = None,
        tenant_id: str | None = None,
    ) -> None:
        self.aws_request_id = aws_request_id
        self.function_name = function_name
        self.function_version = function_version
        self.invoked_function_arn = invoked_function_arn
        self.memory_limit_in_mb = memory_limit_in_mb
        self.log_group_name = log_group_name
        self.log_stream_name = log_stream_name
        self.tenant_id = tenant_id
        self.client_context = None if client_context is None else ClientContext(client_context)
        self.identity = CognitoIdentity(identity or {})
        self._deadline = int(deadline * 1000)
        self._w3c = _w3c_of(client_context)

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function times out; at least 0."""
        return max(0, self._deadline - int(time.time() * 1000))

    def w3c(self) -> dict[str, str]:
        """The trace context of the caller, by the names of W3C's headers; empty without one."""
        return dict(self._w3c)

    def log(self, message: object) -> None:
        """Write to the log, without a line end."""
        sys.stdout.write(str(message))


def _w3c_of(client_context: Mapping[str, Any] | None) -> dict[str, str]:
    fields = (client_context or {}).get("w3c")
    if not isinstance(fields, Mapping):
        return {}
    found = {name: cast("Mapping[str, object]", fields).get(name) for name in _W3C_FIELDS}
    return {name: value for name, value in found.items() if isinstance(value, str)}
