"""What is made of an item: its command, its key or hash, and the refusal of one that cannot be sent.

Owns the work of `map` and of `map_commands`. Must not know when it is sent.
"""

import hashlib
import json
from collections.abc import Callable
from typing import Any, TypeVar

import attrs

from ..commands import InvokeCommand
from ..errors import InvalidInputError
from ..interfaces import Codec
from ..invocation import InvokeCommandInput, Payload
from ..protocol.invoke import encoded_payload
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
        refusal = None
        try:
            check(content, template.function_name)
            if hashed:
                content = encoded_payload(content, codec)
        except InvalidInputError as error:
            refusal = error
        command = InvokeCommand(attrs.evolve(template, payload=content))
        return _work(index, item, command, item, key, idempotent=idempotent, hashed=hashed, refusal=refusal)

    return make


def maker_of_commands(
    *, key: Callable[[InvokeCommand], str] | None, codec: Codec, idempotent: bool | None, default: bool, hashed: bool
) -> Callable[[int, InvokeCommand], Work[InvokeCommand]]:
    """For `map_commands`: every item is a command."""

    def make(index: int, command: InvokeCommand) -> Work[InvokeCommand]:
        said = (idempotent, command.idempotent, default)
        repeats = next(value for value in said if value is not None)
        refusal = None
        if hashed:
            try:
                encoded_payload(command.input.payload, codec)
            except InvalidInputError as error:
                refusal = error
        return _work(index, command, command, command, key, idempotent=repeats, hashed=hashed, refusal=refusal, codec=codec)

    return make


def _work(
    index: int,
    item: Any,
    command: InvokeCommand,
    keyed: Any,
    key: Callable[[Any], str] | None,
    *,
    idempotent: bool,
    hashed: bool,
    refusal: InvalidInputError | None,
    codec: Codec | None = None,
) -> Work[Any]:
    given = None if key is None else key(keyed)
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
        hash=_hash(command.input, codec) if hashed and given is None and refusal is None else f"refused-{index}",
        refusal=refusal,
    )


def _hash(input: InvokeCommandInput, codec: Codec | None) -> str:
    """Of what is sent: the payload, and in a map of commands, to whom."""
    payload = input.payload if codec is None else encoded_payload(input.payload, codec)
    digest = hashlib.sha256(payload if isinstance(payload, bytes) else b"")
    if codec is not None:
        whom = [input.function_name, input.qualifier, str(input.invocation_type or ""), input.tenant_id, input.client_context]
        digest.update(json.dumps(whom, default=str, sort_keys=True).encode())
    return digest.hexdigest()
