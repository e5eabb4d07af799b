"""Clients of Lambda that others wrote, as processes: a list of calls in, the outcome of each out, in one form for all.

Owns their scripts in `clients/`, how they are started and what they write. Must not know the functions, or what to expect.
"""

import asyncio
import base64
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from aiolambda.local import LocalEndpoint

from . import peers
from .programs import output_of

SCRIPTS = Path(__file__).parent / "clients"
LIMIT = 120.0
"""Seconds for all calls of a client. They take a few."""

BOTO3, AWS_SDK, JS, CLI = "boto3", "aws-sdk-lambda", "JS v3", "AWS CLI"
CLIENTS = (BOTO3, AWS_SDK, JS, CLI)
STREAMING = (BOTO3, AWS_SDK, JS)
"""The AWS CLI has no command for InvokeWithResponseStream."""


@attrs.frozen
class Call:
    """One call: the members of the API's input. `Payload` is bytes, or a value that is encoded as JSON."""

    members: Mapping[str, Any]
    streamed: bool = False
    keys: Mapping[str, str] = attrs.field(factory=dict[str, str])
    """Keys to sign with, by the names that boto3 has for them. Default: those of the endpoint."""

    def described(self) -> dict[str, Any]:
        members = dict(self.members)
        if "Payload" in members:
            payload = members["Payload"]
            members["Payload"] = _base64(payload if isinstance(payload, bytes) else json.dumps(payload).encode())
        return {"input": members, "streamed": self.streamed, "keys": dict(self.keys)}


@attrs.frozen(kw_only=True)
class Outcome:
    """An answer or a refusal, as the client understood it. `None`: the client does not show it, or it was not there."""

    status: int | None = None
    version: str | None = None
    function_error: str | None = None
    content_type: str | None = None
    payload: bytes = b""
    chunks: list[bytes] | None = None
    """The chunks of a stream; `payload` is all of them."""
    completion: Mapping[str, str] | None = None
    """The members of a stream's InvokeComplete, but for the log."""
    log: str | None = None
    durable_execution_arn: str | None = None
    code: str | None = None
    message: str | None = None
    type: str | None = None
    reason: str | None = None

    def json(self) -> Any:
        return json.loads(self.payload)


async def outcomes(client: str, endpoint: LocalEndpoint, calls: Mapping[str, Call], folder: Path) -> dict[str, Outcome]:
    """Make the calls one after another in one process of the client. The test is skipped if it is not installed."""
    command, more = _command(client)
    environment = {
        **endpoint.environment(),
        **more,
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    process = await asyncio.create_subprocess_exec(*command, stdin=-1, stdout=-1, stderr=-1, env=environment, cwd=folder)
    asked = json.dumps({name: call.described() for name, call in calls.items()}).encode()
    out, err = await output_of(process, within=LIMIT, stdin=asked)
    if process.returncode:
        raise RuntimeError(f"the script of {client} ended with {process.returncode}: {err.decode()[-2000:]}")
    return {name: outcome_of(told) for name, told in json.loads(out).items()}


def _command(client: str) -> tuple[list[str], dict[str, str]]:
    if client == JS:
        modules = peers.node_modules("@aws-sdk/client-lambda")
        return [str(modules / ".bin" / "node"), str(SCRIPTS / "js_client.cjs")], {"NODE_PATH": str(modules)}
    script, package = {
        BOTO3: ("boto3_client.py", "boto3"),
        AWS_SDK: ("aws_sdk_client.py", "aws_sdk_lambda"),
        CLI: ("aws_cli.py", "awscli"),
    }[client]
    return [peers.clients_python(package), str(SCRIPTS / script)], {}


def outcome_of(told: Mapping[str, Any]) -> Outcome:
    """The outcome that a script wrote."""
    chunks = [base64.b64decode(chunk) for chunk in told["Chunks"]] if "Chunks" in told else None
    completion = dict(told["Completion"]) if "Completion" in told else None
    log = told.get("LogResult") if completion is None else completion.pop("LogResult", None)
    return Outcome(
        status=told.get("StatusCode"),
        version=told.get("ExecutedVersion"),
        function_error=told.get("FunctionError"),
        content_type=told.get("ResponseStreamContentType"),
        payload=base64.b64decode(told.get("Payload", "")) if chunks is None else b"".join(chunks),
        chunks=chunks,
        completion=completion,
        log=None if log is None else base64.b64decode(log).decode(),
        durable_execution_arn=told.get("DurableExecutionArn"),
        code=told.get("Code"),
        message=told.get("Message"),
        type=told.get("Type"),
        reason=told.get("Reason"),
    )


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
