"""botocore's client for Lambda, one JSON line in and one out: what it sends for an input, and what it makes of an answer.

Run by the Python of an environment with botocore. Nothing is sent over a network. Bytes and moments stand in JSON as
`{"blob": base64}` and `{"time": ISO 8601}`.
"""

import base64
import datetime as dt
import io
import json
import sys
from typing import Any

import botocore.session
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError


class Raw(io.BytesIO):
    """The body of an answer, as urllib3 gives it."""

    def stream(self, **_: Any) -> Any:
        yield self.read()


class Client:
    """The client, and what it has sent last."""

    def __init__(self) -> None:
        session = botocore.session.Session()
        self.model = session.get_service_model("lambda")
        config = Config(retries={"max_attempts": 0}, parameter_validation=False)
        keys = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "secret"}
        self.client = session.create_client("lambda", region_name="eu-west-1", config=config, **keys)
        self.client.meta.events.register("before-send.lambda", self.answer)
        self.sent: Any = None
        self.given: dict[str, Any] = {}

    def answer(self, request: Any, **_: Any) -> AWSResponse:
        self.sent = request
        body = base64.b64decode(self.given["body"])
        return AWSResponse(request.url, self.given["status"], self.given["headers"], Raw(body))

    def call(self, operation: str, input: Any, answer: dict[str, Any]) -> dict[str, Any]:
        self.given = answer
        try:
            found = {"output": self.client._make_api_call(operation, unpacked(input))}
        except ClientError as error:
            found = {"error": error.response}
        for content in found.values():
            content.pop("ResponseMetadata")
        body = self.sent.body or b""
        headers = {name.lower(): text(value) for name, value in self.sent.headers.items()}
        return {
            "request": {
                "method": self.sent.method,
                "url": self.sent.url,
                "headers": headers,
                "body": base64.b64encode(body.encode() if isinstance(body, str) else body).decode(),
            },
            **packed(found),
        }

    def errors(self) -> dict[str, list[str]]:
        return {
            name: sorted(shape.name for shape in self.model.operation_model(name).error_shapes)
            for name in self.model.operation_names
        }


def text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def unpacked(value: Any) -> Any:
    if isinstance(value, list):
        return [unpacked(one) for one in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"blob"}:
        return base64.b64decode(value["blob"])
    if value.keys() == {"time"}:
        return dt.datetime.fromisoformat(value["time"])
    return {name: unpacked(one) for name, one in value.items()}


def packed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: packed(one) for name, one in value.items()}
    if isinstance(value, list):
        return [packed(one) for one in value]
    if hasattr(value, "read"):
        value = value.read()
    if isinstance(value, bytes):
        return {"blob": base64.b64encode(value).decode()}
    if isinstance(value, dt.datetime):
        return {"time": value.astimezone(dt.UTC).isoformat()}
    return value


def main() -> None:
    client = Client()
    for line in sys.stdin:
        asked = json.loads(line)
        found = client.errors() if asked == "errors" else client.call(**asked)
        print(json.dumps(found), flush=True)  # noqa: T201 - which is what it is for


if __name__ == "__main__":
    main()
