"""Prints what botocore's model of Lambda says of its operations, as JSON. Run by the Python of an environment with botocore.

Facts alone: names, types, places, flags, choices and ranges. No text of a description is read.
"""

import json
from typing import Any

import botocore
import botocore.session

BY_HAND = ("Invoke", "InvokeWithResponseStream")
"""Operations that the package has written by hand."""
HIDDEN = ("CheckpointToken", "EventSourceToken", "Location", "TenantId")
"""Members that are not to be shown, beside those that the model calls sensitive: tokens, presigned URLs, tenants."""
SCALARS = {
    "string": "str",
    "integer": "int",
    "long": "int",
    "double": "float",
    "float": "float",
    "boolean": "bool",
    "blob": "blob",
    "timestamp": "time",
}
PLACES = {"uri": "uri", "querystring": "query", "header": "header", "statusCode": "status"}


class Model:
    """The model of the service, as botocore's file has it."""

    def __init__(self) -> None:
        loader = botocore.session.Session().get_component("data_loader")
        self.service = loader.load_service_model("lambda", "service-2")
        self.paginators = loader.load_service_model("lambda", "paginators-1")["pagination"]
        self.waiters = loader.load_service_model("lambda", "waiters-2")["waiters"]
        self.shapes: dict[str, Any] = self.service["shapes"]
        self.structures: set[str] = set()

    def facts(self) -> dict[str, Any]:
        operations = {
            name: self.operation(operation)
            for name, operation in sorted(self.service["operations"].items())
            if name not in BY_HAND
        }
        structures: dict[str, Any] = {}
        while missing := sorted(self.structures - structures.keys()):
            structures |= {name: self.members(self.shapes[name]) for name in missing}
        return {
            "botocore": botocore.__version__,
            "operations": operations,
            "structures": dict(sorted(structures.items())),
            "paginators": self.paginators,
            "waiters": self.waiters,
        }

    def operation(self, described: dict[str, Any]) -> dict[str, Any]:
        output = described.get("output", {}).get("shape")
        return {
            "method": described["http"]["method"],
            "uri": described["http"]["requestUri"],
            "status": described["http"].get("responseCode", 200),
            "readonly": described.get("readonly", False),
            "idempotent": described.get("idempotent", False),
            "deprecated": described.get("deprecated", False),
            "errors": sorted(error["shape"] for error in described.get("errors", [])),
            "input": self.members(self.shapes[described["input"]["shape"]]) if "input" in described else [],
            "output": self.members(self.shapes[output]) if output else [],
            "output_shape": output,
        }

    def members(self, shape: dict[str, Any]) -> list[dict[str, Any]]:
        unknown = set(shape) - {"type", "required", "members", "documentation", "payload", "deprecated", "locationName"}
        assert not unknown, unknown  # noqa: S101 - a trait that nobody has looked at
        return [self.member(name, member, shape) for name, member in shape["members"].items()]

    def member(self, name: str, member: dict[str, Any], shape: dict[str, Any]) -> dict[str, Any]:
        target = self.shapes[member["shape"]]
        place = "payload" if shape.get("payload") == name else PLACES.get(member.get("location", ""), "body")
        return {
            "name": name,
            "kind": self.kind(member["shape"]),
            "place": place,
            "wire_name": member.get("locationName", name),
            "required": name in shape.get("required", []),
            "sensitive": self.is_sensitive(member["shape"]) or name in HIDDEN,
            "token": member.get("idempotencyToken", False),
            "choices": (self.shapes[target["member"]["shape"]] if target["type"] == "list" else target).get("enum", []),
            "range": [target.get("min"), target.get("max")] if SCALARS.get(target["type"]) in ("int", "float") else None,
        }

    def kind(self, name: str) -> str:
        shape = self.shapes[name]
        if shape["type"] == "list":
            return f"[{self.kind(shape['member']['shape'])}]"
        if shape["type"] == "map":
            return f"{{{self.kind(shape['value']['shape'])}}}"
        if shape["type"] == "structure":
            self.structures.add(name)
            return name
        return SCALARS[shape["type"]]

    def is_sensitive(self, name: str) -> bool:
        """Whether a value must not be shown. Structures hide their own members."""
        shape = self.shapes[name]
        inner = [shape[part]["shape"] for part in ("member", "key", "value") if part in shape]
        return shape.get("sensitive", False) or any(map(self.is_sensitive, inner))


if __name__ == "__main__":
    print(json.dumps(Model().facts()))
