"""The built-in Python runtime, a standalone script: load a handler and run it for the invocations of the Runtime API.

Its arguments are the folders of layers for the module path.

Owns the same as AWS's Python runtime: loading the handler, logging, and one invocation after another. The encoding of
results and errors is in `emulation/python_runtime.py`. In addition, a handler that is a generator streams its response. Must
not import this package or slow modules, because it runs by its path, once for each process.

Source: "Using the Lambda runtime API for custom runtimes" and "Using the Lambda context object" of the developer guide.
"""

import base64
import importlib.util
import json
import os
import socket
import sys
import traceback
import types
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from ...emulation import python_log, python_runtime
    from ...emulation.python_log import LogHandler
    from ...emulation.python_runtime import LambdaContext


def load_module(folder: str, name: str) -> types.ModuleType:
    """Load a module of this package by its path: importing it would load the whole package first."""
    package = __file__.rsplit("/", 3)[0]
    spec = importlib.util.spec_from_file_location(f"_{name}", f"{package}/{folder}/{name}.py")
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load {name}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if not TYPE_CHECKING:
    python_runtime = load_module("emulation", "python_runtime")
    python_log = load_module("emulation", "python_log")

API = "/2018-06-01/runtime"

Handler = Callable[[Any, "LambdaContext"], object]
Generated = Generator[object, None, None] | AsyncGenerator[object, None]


_TRACEBACK = "Aiolambda-Init-Traceback"
"""Where the module failed. Lambda's error of a failed import does not say it, and this endpoint shows it to people only."""
_MOST_OF_TRACE = 16_384
_ERROR_TYPE = "Lambda-Runtime-Function-Error-Type"
_ERROR_BODY = "Lambda-Runtime-Function-Error-Body"
_STREAMED = (
    "Content-Type: application/octet-stream\r\n"
    "Lambda-Runtime-Function-Response-Mode: streaming\r\n"
    "Transfer-Encoding: chunked\r\n"
    f"Trailer: {_ERROR_TYPE}, {_ERROR_BODY}\r\n"
)


class RuntimeApiClosed(Exception):
    """The connection to the Runtime API is closed, so the endpoint needs this process no longer."""


class RuntimeApiClient:
    """One HTTP/1.1 connection to the Runtime API. Supports only the parts of HTTP that this server needs.

    The response to an invocation is sent together with the poll for the next one: one packet instead of two.
    """

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._host = address
        self._socket = socket.create_connection((host, int(port)))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._stream = self._socket.makefile("rb")
        self._poll = self._head("GET", "/invocation/next", "")
        self._unsent = b""

    def next(self) -> tuple[dict[str, str], bytes]:
        """Wait for an invocation; header names are in lower case."""
        unsent, self._unsent = self._unsent, b""
        self._send(unsent + self._poll)
        if unsent:
            self._read()
        return self._read()

    def respond(self, request_id: str, payload: bytes, content_type: str) -> None:
        """Respond with the next poll."""
        self._unsent = self._post(f"/invocation/{request_id}/response", payload, f"Content-Type: {content_type}\r\n")

    def begin_stream(self, request_id: str) -> None:
        self._send(self._head("POST", f"/invocation/{request_id}/response", _STREAMED))

    def send_piece(self, piece: bytes) -> None:
        if piece:
            self._send(b"%x\r\n%b\r\n" % (len(piece), piece))

    def end_stream(self, trailers: str = "") -> None:
        self._send(f"0\r\n{trailers}\r\n".encode())
        self._read()

    def fail(self, request_id: str, error: Mapping[str, object]) -> None:
        """Respond with the next poll."""
        self._unsent = self._post_error(f"/invocation/{request_id}/error", error)

    def fail_init(self, error: Mapping[str, object], trace: str) -> None:
        encoded_trace = base64.b64encode(trace.encode(errors="replace")[-_MOST_OF_TRACE:]).decode()
        self._send(self._post_error("/init/error", error, f"{_TRACEBACK}: {encoded_trace}\r\n"))
        self._read()

    def _post_error(self, path: str, error: Mapping[str, object], further: str = "") -> bytes:
        headers = f"Content-Type: application/json\r\n{_ERROR_TYPE}: {header_of(error)}\r\n{further}"
        return self._post(path, encoded_error(error), headers)

    def _post(self, path: str, body: bytes, headers: str) -> bytes:
        return self._head("POST", path, f"{headers}Content-Length: {len(body)}\r\n") + body

    def _head(self, method: str, path: str, headers: str) -> bytes:
        return f"{method} {API}{path} HTTP/1.1\r\nHost: {self._host}\r\n{headers}\r\n".encode()

    def _send(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise RuntimeApiClosed from error

    def _read(self) -> tuple[dict[str, str], bytes]:
        headers: dict[str, str] = {}
        try:
            if not self._stream.readline():
                raise RuntimeApiClosed
            while line := self._stream.readline().rstrip(b"\r\n"):
                name, _, value = line.decode("latin-1").partition(":")
                headers[name.lower()] = value.strip()
            length = int(headers.get("content-length", "0"))
            body = self._stream.read(length)
        except OSError as error:
            raise RuntimeApiClosed from error
        if len(body) < length:
            raise RuntimeApiClosed
        return headers, body


def header_of(error: Mapping[str, object]) -> str:
    """The type of an error, in ASCII for a header."""
    return str(error["errorType"]).encode("ascii", "replace").decode()


def context_of(headers: Mapping[str, str]) -> "LambdaContext":
    client_context = headers.get("lambda-runtime-client-context")
    return python_runtime.LambdaContext(
        aws_request_id=headers["lambda-runtime-aws-request-id"],
        function_name=os.environ["AWS_LAMBDA_FUNCTION_NAME"],
        function_version=os.environ["AWS_LAMBDA_FUNCTION_VERSION"],
        invoked_function_arn=headers["lambda-runtime-invoked-function-arn"],
        memory_limit_in_mb=os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"],
        log_group_name=os.environ["AWS_LAMBDA_LOG_GROUP_NAME"],
        log_stream_name=os.environ["AWS_LAMBDA_LOG_STREAM_NAME"],
        deadline=int(headers["lambda-runtime-deadline-ms"]) / 1000,
        client_context=None if client_context is None else json.loads(client_context),
        identity=json.loads(headers.get("lambda-runtime-cognito-identity", "{}")),
        tenant_id=headers.get("lambda-runtime-aws-tenant-id"),
    )


def fault(error_type: str, message: str, trace: list[str] | None = None) -> Exception:
    return python_runtime.FaultException(error_type, message, trace)


def load(name: str) -> Handler:
    """Import the handler `path/module.function`.

    Raises `FaultException` with Lambda's message, or the exception that the module raises on import.
    """
    module_name, dot, function_name = name.rpartition(".")
    if not dot:
        raise fault("Runtime.MalformedHandlerName", f"Bad handler '{name}': not enough values to unpack (expected 2, got 1)")
    if module_name.partition(".")[0] in sys.builtin_module_names:
        raise fault("Runtime.BuiltInModuleConflict", f"Cannot use built-in module {module_name} as a handler module")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise fault("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}") from error
    except SyntaxError as error:
        place = f'  File "{error.filename}" Line {error.lineno}\n    {error.text}'
        raise fault("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}", [place]) from error
    try:
        handler: Handler = getattr(module, function_name)
    except AttributeError as error:
        raise fault("Runtime.HandlerNotFound", f"Handler '{function_name}' missing on module '{module_name}'") from error
    return handler


def error_of(error: Exception, request_id: str = "") -> dict[str, object]:
    """The members of an error. If the text of an exception cannot be made, the process ends, as on Lambda."""
    return python_runtime.error_of(error, request_id, hidden={__file__})


def traceback_of(error: Exception) -> str:
    """The frames of the module that failed, and its exception; empty if it has none, or if Lambda's own error shows it all."""
    cause = error.__cause__ or error
    if isinstance(cause, SyntaxError):
        return ""
    hidden = (__file__, importlib.__file__, "<frozen importlib")
    frames = [frame for frame in traceback.extract_tb(cause.__traceback__) if not frame.filename.startswith(hidden)]
    return "".join([*traceback.format_list(frames), *traceback.format_exception_only(cause)]) if frames else ""


def log_error(error: Mapping[str, object]) -> None:
    text = python_runtime.log_json(error) if python_log.is_json(os.environ) else python_runtime.log_text(error)
    python_runtime.encoded(text)  # a lone surrogate ends the process, as on Lambda
    sys.stdout.write(text)


def encoded_error(error: Mapping[str, object]) -> bytes:
    return python_runtime.encoded(python_runtime.to_json(error))


class ChunkedResponse:
    """The streamed response to one invocation. Its head is sent with the first piece."""

    def __init__(self, api: RuntimeApiClient, request_id: str) -> None:
        self._api = api
        self._request_id = request_id
        self.begun = False

    def write(self, piece: object) -> None:
        """Send one piece of a generator: bytes, or text encoded as UTF-8."""
        if not isinstance(piece, str | bytes):
            message = f"Unable to marshal response: a generator must yield bytes or str, not {type(piece).__name__}"
            raise fault("Runtime.MarshalError", message)
        self._begin()
        self._api.send_piece(piece.encode() if isinstance(piece, str) else piece)

    def end(self) -> None:
        self._begin()
        flush()
        self._api.end_stream()

    def fail(self, error: Mapping[str, object]) -> None:
        body = base64.b64encode(encoded_error(error)).decode()
        self._api.end_stream(f"{_ERROR_TYPE}: {header_of(error)}\r\n{_ERROR_BODY}: {body}\r\n")

    def _begin(self) -> None:
        if not self.begun:
            self._api.begin_stream(self._request_id)
            self.begun = True


def write_all(result: Generated, response: ChunkedResponse) -> None:
    """Send each piece as soon as the generator yields it."""
    if not isinstance(result, AsyncGenerator):
        for piece in result:
            response.write(piece)
        return
    import asyncio  # noqa: PLC0415 - slower to import than the rest of this file, and most handlers do not need it

    async def write() -> None:
        async for piece in result:
            response.write(piece)

    asyncio.run(write())


def serve_one(api: RuntimeApiClient, handler: Handler, log: "LogHandler") -> None:
    headers, event = api.next()
    request_id = log.request_id = headers["lambda-runtime-aws-request-id"]
    log.tenant_id = headers.get("lambda-runtime-aws-tenant-id")
    trace_id = headers.get("lambda-runtime-trace-id")
    if trace_id is None:
        os.environ.pop("_X_AMZN_TRACE_ID", None)
    else:
        os.environ["_X_AMZN_TRACE_ID"] = trace_id  # read by the AWS SDKs

    response = ChunkedResponse(api, request_id)
    try:
        context = context_of(headers)
        result = handler(python_runtime.unmarshal(event), context)
        if isinstance(result, types.GeneratorType | types.AsyncGeneratorType):
            write_all(cast("Generated", result), response)
            response.end()
            return
        content, content_type = python_runtime.marshal(result)
    except RuntimeApiClosed:
        raise
    except Exception as error:  # noqa: BLE001 - every exception of a handler becomes the response
        failure = error_of(error, request_id)
        log_error(failure)
        flush()
        if response.begun:
            response.fail(failure)
        else:
            api.fail(request_id, failure)
    else:
        flush()
        api.respond(request_id, python_runtime.encoded(content), content_type)


def flush() -> None:
    """Write the buffered output, which belongs to this invocation. A handler may have replaced or closed the streams."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            continue


def main() -> int:
    sys.path[:0] = [os.environ["LAMBDA_TASK_ROOT"], *sys.argv[1:]]
    log = python_log.set_up(sys.stdout, os.environ)
    try:
        api = RuntimeApiClient(os.environ["AWS_LAMBDA_RUNTIME_API"])
    except OSError:
        return 1
    try:
        try:
            handler = load(os.environ["_HANDLER"])
        except Exception as error:  # noqa: BLE001 - every exception of the module becomes the init error
            failure = error_of(error)
            log_error(failure)
            flush()
            api.fail_init(failure, traceback_of(error))
            return 1
        while True:
            serve_one(api, handler, log)
    except RuntimeApiClosed:
        return 1


if __name__ == "__main__":
    sys.exit(main())
