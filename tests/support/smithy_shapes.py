"""Structures of a Smithy model, built from its JSON syntax tree as this package builds those of Lambda.

Owns how a shape becomes a line of `_members`. Must not know a test case.
"""

import base64
import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from aiolambda.operations.api_operation import ApiOperation, OperationInput, OperationOutput
from aiolambda.operations.structure import Structure, python_name

_SCALARS = {
    **dict.fromkeys(("string", "enum"), "str"),
    **dict.fromkeys(("byte", "short", "integer", "long", "intEnum"), "int"),
    **dict.fromkeys(("float", "double"), "float"),
    "boolean": "bool",
    "blob": "blob",
    "document": "json",
}
_FORMATS = {"epoch-seconds": "time-epoch", "date-time": "time-iso", "http-date": "time-http"}
_PRELUDE = {"smithy.api#Unit": {"type": "structure"}}


class Shapes(dict[str, type[Structure]]):
    """The structures of a model by their ids. Each is built when it is first asked for."""

    def __init__(self, model: Mapping[str, Any]) -> None:
        super().__init__()
        self._shapes: dict[str, Any] = {**model["shapes"], **_PRELUDE}

    def shape(self, name: str) -> Any:
        """A shape; those of the prelude are named by their type."""
        return self._shapes.get(name) or {"type": name.partition("#")[2].removeprefix("Primitive").lower()}

    def __missing__(self, name: str) -> type[Structure]:
        return self.built(name, Structure)

    def built(self, name: str, base: type[Structure]) -> type[Structure]:
        """The structure with this base."""
        members = self.shape(name).get("members", {}).items()
        lines = tuple(self._line(one, member) for one, member in members)
        defaults = {python_name(one): None for one, member in members if "smithy.api#required" not in member.get("traits", {})}
        kind = self[name] = type(
            name.partition("#")[2],
            (base,),
            {"_members": lines, "_scope": classmethod(lambda _: self), **defaults},
        )
        return kind

    def operation(self, described: Mapping[str, Any]) -> ApiOperation[Any, Any]:
        """The operation of a case."""
        input = self.built(described["input"], OperationInput)
        output = self.built(described["output"], OperationOutput)
        route = f"{described['http']['method']} {described['http']['uri']}"
        return ApiOperation(described["operation"], route, input, output)  # type: ignore[type-var]

    def _line(self, name: str, member: Mapping[str, Any]) -> str:
        traits = member.get("traits", {})
        named = {"required": "required", "token": "idempotencyToken"}
        flags = [flag for flag, trait in named.items() if f"smithy.api#{trait}" in traits]
        place, wire_name = "body", name
        for trait, its_place in (("httpQuery", "query"), ("httpHeader", "header"), ("jsonName", "body")):
            if f"smithy.api#{trait}" in traits:
                place, wire_name = its_place, traits[f"smithy.api#{trait}"]
        for trait, its_place in (
            ("httpLabel", "uri"),
            ("httpPayload", "payload"),
            ("httpResponseCode", "status"),
            ("httpQueryParams", "query"),
        ):
            if f"smithy.api#{trait}" in traits:
                place = its_place
        return " ".join([name, self._kind(member), *flags, place, wire_name])

    def _kind(self, member: Mapping[str, Any]) -> str:
        shape = self.shape(member["target"])
        if shape["type"] in ("list", "set"):
            return f"[{self._kind(shape['member'])}]"
        if shape["type"] == "map":
            return f"{{{self._kind(shape['value'])}}}"
        if shape["type"] == "timestamp":
            traits = {**shape.get("traits", {}), **member.get("traits", {})}
            return _FORMATS.get(traits.get("smithy.api#timestampFormat", ""), "time")
        return _SCALARS.get(shape["type"], member["target"])

    def value(self, value: Any, name: str) -> Any:
        """A value of a case under the names of the API: text for bytes and numbers for moments become these."""
        shape = self.shape(name)
        if value is None:
            return None
        if shape["type"] in ("structure", "union"):
            return {one: self.value(inner, shape["members"][one]["target"]) for one, inner in value.items()}
        if shape["type"] in ("list", "set"):
            return [self.value(one, shape["member"]["target"]) for one in value]
        if shape["type"] == "map":
            return {one: self.value(inner, shape["value"]["target"]) for one, inner in value.items()}
        return _PLAIN.get(shape["type"], lambda plain: plain)(value)


_PLAIN: Mapping[str, Callable[[Any], Any]] = {
    "blob": str.encode,
    "float": float,
    "double": float,
    "timestamp": lambda seconds: dt.datetime.fromtimestamp(seconds, dt.UTC),
}


def of_js(value: Any) -> Any:
    """A value of the suite that was made with the SDK for JavaScript."""
    if isinstance(value, list):
        return [of_js(one) for one in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"$bytes"}:
        return base64.b64decode(value["$bytes"])
    if value.keys() == {"$epoch_ms"}:
        return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(milliseconds=value["$epoch_ms"])
    return {name: of_js(one) for name, one in value.items()}
