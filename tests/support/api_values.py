"""Values for the operations that manage functions: strategies from their tables, and one form to compare with other clients.

Owns how a value is generated and written as JSON. Must not know what to expect of it.
"""

import base64
import datetime as dt
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from aiolambda import Request, Response
from aiolambda.operations.api import commands
from aiolambda.operations.api_operation import ApiOperation, OperationCommand
from aiolambda.operations.structure import Kind, Member, Structure, table_of

COMMANDS: dict[str, type[OperationCommand[Any, Any]]] = {
    name.removesuffix("Command"): getattr(commands, name) for name in commands.__all__ if name.endswith("Command")
}
"""The commands by the name of their operation."""
OPERATIONS: dict[str, ApiOperation[Any, Any]] = {name: command.operation for name, command in COMMANDS.items()}

_MISSING = "no environment with botocore's model (AIOLAMBDA_MODEL_PYTHON names its Python)"
_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
_MOMENTS = st.integers(0, 4 * 10**15).map(
    lambda count: dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=count)
)
_SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "str": _TEXTS,
    "int": st.integers(-(2**31), 2**31),
    "float": st.floats(allow_nan=False, allow_infinity=False),
    "bool": st.booleans(),
    "blob": st.binary(max_size=8),
    "time": _MOMENTS | _MOMENTS.map(lambda moment: moment.replace(microsecond=0)),
}


# Values in Python


def inputs(kind: type[Structure]) -> st.SearchStrategy[Structure]:
    """Structures of this kind, with any choice of the members that need not be given."""
    table = table_of(kind)
    values = {name: _values(member.kind, is_label=member.place == "uri") for name, member in table.members.items()}
    needed = {name: values[name] for name in values if name in table.required}
    return st.fixed_dictionaries(needed, optional={name: values[name] for name in values if name not in needed}).map(
        lambda members: kind(**{name: members[name] for name in table.members if name in members})
    )


def _values(kind: Kind, *, is_label: bool = False) -> st.SearchStrategy[Any]:
    if is_label and kind.name == "str":
        return _TEXTS.filter(lambda text: text not in ("", ".", ".."))
    if kind.structure is not None:
        inner_structure = kind.structure
        return st.deferred(lambda: inputs(inner_structure))
    if kind.inner is not None:
        inner = _values(kind.inner)
        return st.lists(inner, max_size=2) if kind.name == "list" else st.dictionaries(_TEXTS, inner, max_size=2)
    return _SCALARS[kind.name]


def least(kind: type[Structure]) -> Structure:
    """The structure with the members that must be given, each with a plain value."""
    return kind(**{name: _plain(member.kind) for name, member in table_of(kind).members.items() if member.required})


def _plain(kind: Kind) -> Any:
    if kind.structure is not None:
        return least(kind.structure)
    if kind.inner is not None:
        return [] if kind.name == "list" else {}
    return {"str": "x", "int": 1, "float": 0.5, "bool": True, "blob": b"x", "time": dt.datetime(2026, 11, 30, tzinfo=dt.UTC)}[
        kind.name
    ]


# JSON


def packed(value: Any) -> Any:
    """A value with the names of the API, as JSON can have it: the same form as that of `operation_peer`."""
    if isinstance(value, Structure):
        members = table_of(type(value)).members
        found = {member.api_name: getattr(value, name, None) for name, member in members.items()}
        return {name: packed(one) for name, one in found.items() if one is not None}
    if isinstance(value, Mapping):
        return {name: packed(one) for name, one in value.items()}
    if isinstance(value, list):
        return [packed(one) for one in value]
    if isinstance(value, bytes):
        return {"blob": base64.b64encode(value).decode()}
    if isinstance(value, dt.datetime):
        return {"time": value.astimezone(dt.UTC).isoformat()}
    return value


def wire(value: Any, kind: Kind) -> Any:
    """A value as it stands in the JSON of an answer."""
    if value is None:
        return None
    if kind.structure is not None:
        members = table_of(kind.structure).members.items()
        found = {member.wire_name: wire(getattr(value, name, None), member.kind) for name, member in members}
        return {name: one for name, one in found.items() if one is not None}
    if kind.inner is not None and kind.name == "list":
        return [wire(one, kind.inner) for one in value]
    if kind.inner is not None:
        return {name: wire(one, kind.inner) for name, one in value.items()}
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value.timestamp() if isinstance(value, dt.datetime) else value


def body_members(kind: type[Structure]) -> list[Member]:
    return [member for member in table_of(kind).members.values() if member.place == "body"]


# Transports


class Answering:
    """A transport that gives the same answer to every request, and keeps the requests."""

    def __init__(self, *answers: Response | Exception) -> None:
        self.answers, self.requests = list(answers), list[Request]()

    async def send(self, request: Request, /) -> Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return Response(answer.status, answer.headers, answer.body)

    def stream(self, request: Request, /) -> Any:
        raise NotImplementedError

    async def close(self) -> None:
        """There is nothing to close."""


# botocore


class Peer:
    """botocore's client in a process of its own."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def ask(self, question: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{json.dumps(question)}\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def call(self, operation: str, input: Structure, *, status: int = 200, body: bytes = b"{}", **headers: str) -> Any:
        answer = {"status": status, "headers": headers, "body": base64.b64encode(body).decode()}
        return self.ask({"operation": operation, "input": packed(input), "answer": answer})


def peer(script: str = "operation_peer.py") -> Iterator[Peer]:
    """The peer, for a fixture. Skips the test if there is none. `script` is a file of this folder."""
    python = os.environ.get("AIOLAMBDA_MODEL_PYTHON")
    if python is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{_MISSING}, and CI must have it")
        pytest.skip(_MISSING)
    command = [python, str(Path(__file__).with_name(script))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Peer(process)
        finally:
            if process.stdin is not None:
                process.stdin.close()
            process.wait(timeout=30)
