"""The built-in Python runtime: a script that loads a handler and serves it through the Lambda Runtime API.

Owns what AWS's own Python runtime owns: loading the handler, the context object, logging, and the shape of errors; and, beyond
that, a handler which is a generator streams its response. Must not import this package, nor anything slow: it is run by its
path, once for each process of a pool.

Source: "Using the Lambda runtime API for custom runtimes" and "Using the Lambda context object" of the developer guide.
"""

import base64
import importlib
import json
import logging
import os
import socket
import sys
import time
import traceback
import types
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from decimal import Decimal
from typing import Any, cast

API = "/2018-06-01/runtime"

Handler = Callable[[Any, "LambdaContext"], object]
Generated = Generator[object, None, None] | AsyncGenerator[object, None]


_ERROR_TYPE = "Lambda-Runtime-Function-Error-Type"
_ERROR_BODY = "Lambda-Runtime-Function-Error-Body"
_STREAMED = (
    "Content-Type: application/octet-stream\r\n"
    "Lambda-Runtime-Function-Response-Mode: streaming\r\n"
    "Transfer-Encoding: chunked\r\n"
    f"Trailer: {_ERROR_TYPE}, {_ERROR_BODY}\r\n"
)


class Fault(Exception):
    """What the runtime itself has to say against a handler or its result; `error_type` is Lambda's name for it."""

    def __init__(self, error_type: str, message: str, trace: list[str] | None = None) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.trace = trace or []


class ConnectionEnded(Exception):
    """The Runtime API is gone, and with it whoever this process worked for."""


class RuntimeApi:
    """One kept-alive HTTP/1.1 connection to the Runtime API. Speaks no more of HTTP than that server needs."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._host = address
        self._socket = socket.create_connection((host, int(port)))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._stream = self._socket.makefile("rb")

    def next(self) -> tuple[dict[str, str], bytes]:
        """Wait for an invocation; headers have lower-case names."""
        return self._exchange("GET", "/invocation/next")

    def respond(self, request_id: str, payload: bytes, content_type: str) -> None:
        self._exchange("POST", f"/invocation/{request_id}/response", payload, f"Content-Type: {content_type}\r\n")

    def begin_stream(self, request_id: str) -> None:
        self._send(self._head("POST", f"/invocation/{request_id}/response", _STREAMED))

    def send_piece(self, piece: bytes) -> None:
        if piece:
            self._send(b"%x\r\n%b\r\n" % (len(piece), piece))

    def end_stream(self, trailers: str = "") -> None:
        self._send(f"0\r\n{trailers}\r\n".encode())
        self._read()

    def fail(self, request_id: str, error: Mapping[str, object]) -> None:
        self._post_error(f"/invocation/{request_id}/error", error)

    def fail_init(self, error: Mapping[str, object]) -> None:
        self._post_error("/init/error", error)

    def _post_error(self, path: str, error: Mapping[str, object]) -> None:
        headers = f"Content-Type: application/json\r\n{_ERROR_TYPE}: {header_of(error)}\r\n"
        self._exchange("POST", path, json.dumps(error).encode(), headers)

    def _head(self, method: str, path: str, headers: str) -> bytes:
        return f"{method} {API}{path} HTTP/1.1\r\nHost: {self._host}\r\n{headers}\r\n".encode()

    def _exchange(self, method: str, path: str, body: bytes = b"", headers: str = "") -> tuple[dict[str, str], bytes]:
        self._send(self._head(method, path, f"{headers}Content-Length: {len(body)}\r\n") + body)
        return self._read()

    def _send(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise ConnectionEnded from error

    def _read(self) -> tuple[dict[str, str], bytes]:
        try:
            return self._read_reply()
        except OSError as error:
            raise ConnectionEnded from error

    def _read_reply(self) -> tuple[dict[str, str], bytes]:
        if not self._stream.readline():
            raise ConnectionEnded
        headers: dict[str, str] = {}
        while line := self._stream.readline().rstrip(b"\r\n"):
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        length = int(headers.get("content-length", "0"))
        body = self._stream.read(length)
        if len(body) < length:
            raise ConnectionEnded
        return headers, body


def header_of(error: Mapping[str, object]) -> str:
    """The type of an error, fit for a header."""
    return str(error["errorType"]).encode("ascii", "replace").decode()


class ClientContext:
    """What the caller says of itself: `custom` and `env` are mappings, `client` names an application."""

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
    """Whom a mobile SDK signed in; nobody, here."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.cognito_identity_id = content.get("cognitoIdentityId")
        self.cognito_identity_pool_id = content.get("cognitoIdentityPoolId")


class LambdaContext:
    """The second argument of a handler, with the attributes that it has on Lambda."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self.aws_request_id = headers["lambda-runtime-aws-request-id"]
        self.invoked_function_arn = headers["lambda-runtime-invoked-function-arn"]
        self.tenant_id = headers.get("lambda-runtime-aws-tenant-id")
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        client_context = headers.get("lambda-runtime-client-context")
        self.client_context = None if client_context is None else ClientContext(json.loads(client_context))
        self.identity = CognitoIdentity(json.loads(headers.get("lambda-runtime-cognito-identity", "{}")))
        self._deadline = int(headers["lambda-runtime-deadline-ms"])

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function's timeout ends this process; never below 0."""
        return max(0, self._deadline - int(time.time() * 1000))

    def log(self, message: object) -> None:
        sys.stdout.write(str(message))


def load(name: str) -> Handler:
    """The handler behind `path/module.function`; `Fault` as Lambda words it, or whatever importing the module raises."""
    module_name, dot, function_name = name.rpartition(".")
    if not dot:
        raise Fault("Runtime.MalformedHandlerName", f"Bad handler '{name}': not enough values to unpack (expected 2, got 1)")
    if module_name.partition(".")[0] in sys.builtin_module_names:
        raise Fault("Runtime.BuiltInModuleConflict", f"Cannot use built-in module {module_name} as a handler module")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise Fault("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}") from error
    except SyntaxError as error:
        place = f'  File "{error.filename}" Line {error.lineno}\n    {error.text}'
        raise Fault("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}", [place]) from error
    handler = getattr(module, function_name, None)
    if handler is None:
        raise Fault("Runtime.HandlerNotFound", f"Handler '{function_name}' missing on module '{module_name}'")
    return cast("Handler", handler)


def error_of(error: Exception, request_id: str = "") -> dict[str, object]:
    """An exception in the shape that Lambda's Python runtime gives it."""
    if isinstance(error, Fault):
        kind, trace = error.error_type, error.trace
    else:
        kind, trace = type(error).__name__, stack_of(error)
    return {"errorMessage": str(error), "errorType": kind, "requestId": request_id, "stackTrace": trace}


def stack_of(error: Exception) -> list[str]:
    """The frames of a traceback as lines, without those of this file that lead to the handler."""
    frames = [(frame.filename, frame.lineno, frame.name, frame.line) for frame in traceback.extract_tb(error.__traceback__)]
    first = next((index for index, frame in enumerate(frames) if frame[0] != __file__), 0)
    return traceback.format_list(cast("list[Any]", frames[first:]))


def log_error(error: Mapping[str, object]) -> None:
    trace = "".join(cast("list[str]", error["stackTrace"])).rstrip("\n")
    lines = [f"[ERROR] {error['errorType']}: {error['errorMessage']}", "Traceback (most recent call last):", trace]
    text = "\n".join([*lines, ""]) if trace else f"{lines[0]}\n"
    sys.stdout.write(text.encode(errors="backslashreplace").decode())


def encodable(value: object) -> object:
    """What Lambda's encoder takes beyond the standard one: decimals, and bytes that are UTF-8."""
    if isinstance(value, Decimal):
        return int(value) if value.is_finite() and value == value.to_integral_value() else float(value)
    if isinstance(value, bytes):
        return value.decode()
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def encode(result: object) -> tuple[bytes, str]:
    """A result as payload and content type; bytes go out as they are."""
    if isinstance(result, bytes):
        return result, "application/unknown"
    if isinstance(result, types.CoroutineType):
        result.close()
    try:
        return json.dumps(result, default=encodable, ensure_ascii=sys.version_info < (3, 12)).encode(), "application/json"
    except Exception as error:
        raise Fault("Runtime.MarshalError", f"Unable to marshal response: {error}") from error


def decode(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except Exception as error:
        raise Fault("Runtime.UnmarshalError", f"Unable to unmarshal input: {error}") from error


class Stream:
    """The streamed response to one invocation; it begins with its first piece."""

    def __init__(self, api: RuntimeApi, request_id: str) -> None:
        self._api = api
        self._request_id = request_id
        self.begun = False

    def write(self, piece: object) -> None:
        """Send what a generator yields: bytes, or text, as UTF-8."""
        if not isinstance(piece, str | bytes):
            kind = type(piece).__name__
            raise Fault("Runtime.MarshalError", f"Unable to marshal response: a generator yields bytes or str, not {kind}")
        self._begin()
        self._api.send_piece(piece.encode() if isinstance(piece, str) else piece)

    def end(self) -> None:
        self._begin()
        flush()
        self._api.end_stream()

    def fail(self, error: Mapping[str, object]) -> None:
        body = base64.b64encode(json.dumps(error).encode()).decode()
        self._api.end_stream(f"{_ERROR_TYPE}: {header_of(error)}\r\n{_ERROR_BODY}: {body}\r\n")

    def _begin(self) -> None:
        if not self.begun:
            self._api.begin_stream(self._request_id)
            self.begun = True


def write_all(result: Generated, stream: Stream) -> None:
    """Send what a generator yields, as it does."""
    if not isinstance(result, AsyncGenerator):
        for piece in result:
            stream.write(piece)
        return
    import asyncio  # noqa: PLC0415 - takes longer than the rest of this file; most handlers need none of it

    async def write() -> None:
        async for piece in result:
            stream.write(piece)

    asyncio.run(write())


def set_trace_id(trace_id: str | None) -> None:
    """Where the SDKs of AWS look for the trace of the invocation."""
    if trace_id is None:
        os.environ.pop("_X_AMZN_TRACE_ID", None)
    else:
        os.environ["_X_AMZN_TRACE_ID"] = trace_id


class RequestIdFilter:
    """Gives every log record the id of the invocation that it belongs to."""

    def __init__(self) -> None:
        self.request_id = ""

    def filter(self, record: logging.LogRecord) -> bool:
        record.aws_request_id = self.request_id
        return True


def set_up_logging() -> RequestIdFilter:
    """The root logger writes to stdout in Lambda's format; `AWS_LAMBDA_LOG_LEVEL` sets its level."""
    formatter = logging.Formatter(
        "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s", "%Y-%m-%dT%H:%M:%S"
    )
    formatter.converter = time.gmtime
    ids = RequestIdFilter()
    output = logging.StreamHandler(sys.stdout)
    output.setFormatter(formatter)
    output.addFilter(ids)
    root = logging.getLogger()
    root.addHandler(output)
    level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper()
    if level in logging.getLevelNamesMapping():
        root.setLevel(level)
    return ids


def serve_one(api: RuntimeApi, handler: Handler, ids: RequestIdFilter) -> None:
    headers, event = api.next()
    request_id = ids.request_id = headers["lambda-runtime-aws-request-id"]
    set_trace_id(headers.get("lambda-runtime-trace-id"))

    stream = Stream(api, request_id)
    try:
        result = handler(decode(event), LambdaContext(headers))
        if isinstance(result, types.GeneratorType | types.AsyncGeneratorType):
            write_all(cast("Generated", result), stream)
            stream.end()
            return
        payload, content_type = encode(result)
    except ConnectionEnded:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a handler raises is its answer
        failure = error_of(error, request_id)
        log_error(failure)
        flush()
        if stream.begun:
            stream.fail(failure)
        else:
            api.fail(request_id, failure)
    else:
        flush()
        api.respond(request_id, payload, content_type)


def flush() -> None:
    """A handler may have put streams of its own in the place of these, or closed them; what is in them counts to its call."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            continue


def main() -> int:
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    ids = set_up_logging()
    try:
        api = RuntimeApi(os.environ["AWS_LAMBDA_RUNTIME_API"])
    except OSError:
        return 1
    try:
        try:
            handler = load(os.environ["_HANDLER"])
        except Exception as error:  # noqa: BLE001 - whatever a module raises is what its callers are told
            failure = error_of(error)
            log_error(failure)
            flush()
            api.fail_init(failure)
            return 1
        while True:
            serve_one(api, handler, ids)
    except ConnectionEnded:
        return 1


if __name__ == "__main__":
    sys.exit(main())
