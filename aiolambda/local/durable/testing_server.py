# pyright: basic, reportMissingImports=false
"""A standalone script: AWS's testing SDK for durable functions, served to one local endpoint.

Laws: only requests with the token of the endpoint are answered. The ARN of an execution has Lambda's form, and the endpoint can
tell it in advance. Nothing is logged: the SDK's log has payloads.

Standard input is the socket that listens. The variable `AIOLAMBDA_DURABLE_SETTINGS` has the settings as JSON: `token`,
`arn_prefix` (up to the account), `region`, and `invocation_limit` in seconds. boto3 finds the endpoint and its keys in the
environment. Next to the requests of the SDK there are `PUT /aiolambda/functions` and `GET /aiolambda/ended`.

Must not import this package, because it runs by its path in another Python.
"""

import hmac
import json
import logging
import os
import socket
import threading
import uuid
from collections import deque
from collections.abc import Callable
from http.server import HTTPServer
from typing import Any
from urllib.parse import parse_qs

from aws_durable_execution_sdk_python_testing.checkpoint.processor import CheckpointProcessor
from aws_durable_execution_sdk_python_testing.child_dispatcher import EndpointChildDispatcher, FunctionConfig, FunctionConfigs
from aws_durable_execution_sdk_python_testing.execution import Execution
from aws_durable_execution_sdk_python_testing.executor import Executor
from aws_durable_execution_sdk_python_testing.invoker import LambdaInvoker, create_lambda_client
from aws_durable_execution_sdk_python_testing.model import StartDurableExecutionInput, executed_version
from aws_durable_execution_sdk_python_testing.scheduler import Scheduler
from aws_durable_execution_sdk_python_testing.stores.memory import InMemoryExecutionStore
from aws_durable_execution_sdk_python_testing.web.server import RequestHandler, WebServer, WebServiceConfig
from aws_durable_execution_sdk_python_testing.worker.registry import ExecutionRegistry

TOKEN_HEADER = "X-Aiolambda-Durable"  # noqa: S105 - the name of a header
LONGEST_POLL = 20.0
"""Seconds until a request for the executions that have ended is answered with none."""


class Ended:
    """The executions that have ended, in order. `after` is the number of those that the endpoint knows."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._seen: set[str] = set()
        self._arns: deque[str] = deque()
        self._dropped = 0

    def add(self, arn: str) -> None:
        with self._changed:
            if arn not in self._seen:
                self._seen.add(arn)
                self._arns.append(arn)
                self._changed.notify_all()

    def after(self, known: int) -> list[str]:
        """Wait for those that follow. They are told again until a request knows them."""
        with self._changed:
            while self._arns and self._dropped < known:
                self._arns.popleft()
                self._dropped += 1
            self._changed.wait_for(lambda: bool(self._arns), LONGEST_POLL)
            return list(self._arns)


class Store(InMemoryExecutionStore):  # type: ignore[misc] # the SDK is not installed here
    """Tells of each execution that is saved with its end."""

    def __init__(self, ended: Ended) -> None:
        super().__init__()
        self._ended = ended

    def save(self, execution: Any) -> None:
        super().save(execution)
        self._tell(execution)

    def update(self, execution: Any) -> None:
        super().update(execution)
        self._tell(execution)

    def _tell(self, execution: Any) -> None:
        if execution.is_complete:
            self._ended.add(execution.durable_execution_arn)


class Server(WebServer):  # type: ignore[misc] # the SDK is not installed here
    """The SDK's server on a socket that listens already."""

    daemon_threads = True

    def __init__(self, executor: Any, token: str, functions: dict[str, Any], ended: Ended) -> None:
        self.token, self.functions, self.ended = token, functions, ended
        super().__init__(WebServiceConfig(host="127.0.0.1", port=0), executor)
        self.RequestHandlerClass = Handler

    def server_bind(self) -> None:
        self.socket.close()  # type: ignore[has-type] # as above
        self.socket = socket.socket(fileno=os.dup(0))
        self.server_address = self.socket.getsockname()

    def server_activate(self) -> None:
        """The endpoint has done it."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke is no news."""


class Handler(RequestHandler):  # type: ignore[misc] # the SDK is not installed here
    """The SDK's requests, and those of the endpoint, for those who know the token."""

    server: Server

    def do_GET(self) -> None:  # noqa: N802 - the name that http.server calls
        if self._is_admitted(super().do_GET) and self.path.startswith("/aiolambda/ended?"):
            known = int(parse_qs(self.path.partition("?")[2])["after"][0])
            self._reply({"Ended": self.server.ended.after(known)})

    def do_POST(self) -> None:  # noqa: N802 - the name that http.server calls
        self._is_admitted(super().do_POST)

    def do_PUT(self) -> None:  # noqa: N802 - the name that http.server calls
        if self._is_admitted(super().do_PUT) and self.path == "/aiolambda/functions":
            content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            configs = {name: FunctionConfig.from_dict(entry, name) for name, entry in content.items()}
            self.server.functions.update(configs)
            for name in [name for name in self.server.functions if name not in configs]:
                del self.server.functions[name]
            self._reply({})

    def _is_admitted(self, answer: Callable[[], None]) -> bool:
        """Whether the request is one of the endpoint's own. One of the SDK is answered, one without the token is refused."""
        if not hmac.compare_digest(self.headers.get(TOKEN_HEADER, ""), self.server.token):
            self.send_error(403)
            return False
        if self.path.startswith("/aiolambda/"):
            return True
        answer()
        return False

    def _reply(self, content: object) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())


def lambda_client(region: str, token: str, limit: int) -> Any:
    """A client of the endpoint whose invocations run a handler once, instead of starting an execution."""
    client = create_lambda_client(None, region, limit, mark_invocations=False)

    def mark(params: dict[str, Any], **_: Any) -> None:
        params["headers"][TOKEN_HEADER] = token

    client.meta.events.register("before-call.lambda.Invoke", mark)
    return client


def name_executions(prefix: str) -> None:
    """Give executions ARNs in Lambda's form. The SDK has a form of its own, and no setting for it."""

    def new(input: StartDurableExecutionInput) -> Execution:
        function = f"{prefix}:function:{input.function_name}:{executed_version(input.function_qualifier)}"
        arn = f"{function}/durable-execution/{input.execution_name}/{input.invocation_id or uuid.uuid4()}"
        return Execution(durable_execution_arn=arn, start_input=input, operations=[])

    Execution.new = staticmethod(new)


def main() -> None:
    settings = json.loads(os.environ["AIOLAMBDA_DURABLE_SETTINGS"])
    region, token, limit = settings["region"], settings["token"], settings["invocation_limit"]
    logging.disable(logging.CRITICAL)
    name_executions(settings["arn_prefix"])
    ended, functions = Ended(), dict[str, Any]()
    store, scheduler = Store(ended), Scheduler()
    registry, processor = ExecutionRegistry(store, scheduler), CheckpointProcessor(store, scheduler)
    invoker = LambdaInvoker(lambda_client(region, token, limit), region_name=region, read_timeout_seconds=limit)
    executor = Executor(
        store=store,
        scheduler=scheduler,
        invoker=invoker,
        checkpoint_processor=processor,
        invocation_timeout_seconds=limit,
        registry=registry,
        child_dispatcher=EndpointChildDispatcher(FunctionConfigs(functions), invoker.unmarked_client_for, limit),
        region=region,
    )
    processor.add_execution_observer(executor)
    processor.set_chained_invoke_preflight(executor.preflight_chained_invoke)
    scheduler.start()
    server: HTTPServer = Server(executor, token, functions, ended)
    server.serve_forever()


if __name__ == "__main__":
    main()
