"""Prints what botocore's model of Lambda says of invocations, as JSON. Run by the Python of an environment with botocore."""

import json
from typing import Any

import botocore
import botocore.session


def facts() -> dict[str, Any]:
    """Errors, members, limits, patterns and choices; of the descriptions, those that state a limit."""
    model = botocore.session.Session().get_service_model("lambda")
    shapes = model._service_description["shapes"]
    operations = {name: model.operation_model(name) for name in ("Invoke", "InvokeWithResponseStream")}
    return {
        "botocore": botocore.__version__,
        "errors": {
            name: {"status": shape["error"]["httpStatusCode"], "members": sorted(shape["members"])}
            | {"fault": "client" if shape["error"].get("senderFault") else "server"}
            for name, shape in shapes.items()
            if shape.get("exception")
        },
        "operations": {name: described(operation) for name, operation in operations.items()},
        "descriptions": {
            "Invoke": operations["Invoke"].documentation,
            "ClientContext": shapes["InvocationRequest"]["members"]["ClientContext"]["documentation"],
            "Timeout": shapes["CreateFunctionRequest"]["members"]["Timeout"]["documentation"],
        },
        "choices": {
            name: sorted(shapes[name]["enum"])
            for name in ("InvocationType", "ResponseStreamingInvocationType", "LogType", "ThrottleReason")
        },
        "durable": {
            "types": sorted(shapes["EventType"]["enum"]),
            "details": {name: shape["shape"] for name, shape in shapes["Event"]["members"].items() if name.endswith("Details")},
            "statuses": sorted(shapes["ExecutionStatus"]["enum"]),
            "largest_result": shapes["BinaryOperationPayload"]["max"],
            "patterns": {name: shapes[name]["pattern"] for name in ("DurableExecutionArn", "CallbackId")},
        },
        "events": {
            name: sorted(event.members)
            for name, event in operations["InvokeWithResponseStream"].output_shape.members["EventStream"].members.items()
        },
    }


def described(operation: Any) -> dict[str, Any]:
    return {
        "method": operation.http["method"],
        "path": operation.http["requestUri"],
        "status": operation.http["responseCode"],
        "errors": sorted(shape.name for shape in operation.error_shapes),
        "input": {name: member(shape) for name, shape in operation.input_shape.members.items()},
        "output": {name: member(shape)["at"] for name, shape in operation.output_shape.members.items()},
    }


def member(shape: Any) -> dict[str, Any]:
    """Where a member stands in a message, and what it may be."""
    at = f"{shape.serialization.get('location', 'body')} {shape.serialization.get('name', '')}".strip().lower()
    return {"at": at} | {name: shape.metadata.get(name) for name in ("min", "max", "pattern")}


if __name__ == "__main__":
    print(json.dumps(facts()))  # noqa: T201 - which is what it is for
