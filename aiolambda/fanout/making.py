"""What is made of an item: its command, its key or hash, and the refusal of one that cannot be sent.

Owns the work of `map` and of `map_commands`. Must not know when it is sent.
"""

import hashlib
import json
from collections.abc import Callable
from typing import Any, TypeVar

import attrs

from ..checks import check_choice
from ..commands import InvokeCommand
from ..errors import InvalidInputError
from ..interfaces import Codec
from ..invocation import InvokeCommandInput, Payload
from ..protocol.invoke import encoded_payload
from ..tracebacks import forget_locals
from .source import Work

__all__ = ["maker_of_commands", "maker_of_items"]

Item = TypeVar("Item")


def maker_of_items(
    template: InvokeCommandInput,
    *,
    key: Callable[[Item], str] | None,
    payload: Callable[[Item], Payload] | None,
    check: Callable[[Payload, str], Payload],
    codec: Codec,
    idempotent: bool,
    hashed: bool,
) -> Callable[[int, Item], Work[Item]]:
    """For `map`: every item is the payload of one function, or has one."""

    def make(index: int, item: Item) -> Work[Item]:
        content = item if payload is None else payload(item)
        refusal, hash = None, None
        try:
            check(content, template.function_name)
            if hashed:
                content = encoded_payload(content, codec)
                hash = hashlib.sha256(content).hexdigest()
        except InvalidInputError as error:
            forget_locals(error)
            refusal = error.with_traceback(None)  # it would hold this frame, with the payload
        command = InvokeCommand(attrs.evolve(template, payload=content))
        return _work(index, item, command, key, idempotent=idempotent, hash=hash, refusal=refusal)

    return make


def maker_of_commands(
    *, key: Callable[[InvokeCommand], str] | None, codec: Codec, idempotent: bool | None, default: bool, hashed: bool
) -> Callable[[int, InvokeCommand], Work[InvokeCommand]]:
    """For `map_commands`: every item is a command."""

    def make(index: int, command: InvokeCommand) -> Work[InvokeCommand]:
        said = (idempotent, command.idempotent, default)
        repeats = next(value for value in said if value is not None)
        check_choice("idempotent", repeats)  # of a command that is not of this package, too
        refusal, hash, sent = None, None, command
        if hashed:
            try:
                content = encoded_payload(command.input.payload, codec)
                hash = _hash(command.input, content)
                sent = command.with_input(attrs.evolve(command.input, payload=content))
            except InvalidInputError as error:
                forget_locals(error)
                refusal = error.with_traceback(None)  # it would hold this frame, with the payload
        return _work(index, command, sent, key, idempotent=repeats, hash=hash, refusal=refusal)

    return make


def _work(
    index: int,
    item: Any,
    command: InvokeCommand,
    key: Callable[[Any], str] | None,
    *,
    idempotent: bool,
    hash: str | None,
    refusal: InvalidInputError | None,
) -> Work[Any]:
    given = None if key is None else key(item)
    if given is not None and not isinstance(given, str):  # pyright: ignore[reportUnnecessaryIsInstance] - a user's function
        raise InvalidInputError(f"key gives a string, not {type(given).__name__}", member="key")
    return Work(
        index=index,
        item=item,
        key=str(index) if given is None else given,
        command=command,
        function_name=command.input.function_name,
        idempotent=idempotent,
        given_key=given,
        hash=hash or f"refused-{index}",
        refusal=refusal,
    )


def _hash(input: InvokeCommandInput, payload: bytes) -> str:
    """Of what is sent, and to whom."""
    digest = hashlib.sha256(payload)
    whom = [input.function_name, input.qualifier, str(input.invocation_type or ""), input.tenant_id, input.client_context]
    digest.update(json.dumps(whom, default=str, sort_keys=True).encode())
    return digest.hexdigest()
