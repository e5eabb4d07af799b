"""botocore's waiters and paginators for Lambda, one JSON line in and one out: what they ask, and how they end.

Run by the Python of an environment with botocore. Nothing is sent over a network, and nothing sleeps.
"""

import json
import sys
from typing import Any

import botocore.session
import botocore.waiter
from botocore import xform_name
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError, PaginationError, WaiterError
from operation_peer import Raw, packed, unpacked


class Peer:
    """The client, the answers that it still gets, what it has sent, and how long it has slept."""

    def __init__(self) -> None:
        session = botocore.session.Session()
        config = Config(retries={"max_attempts": 0}, parameter_validation=False)
        keys = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "secret"}
        self.client = session.create_client("lambda", region_name="eu-west-1", config=config, **keys)
        self.client.meta.events.register("before-send.lambda", self.answer)
        loader = session.get_component("data_loader")
        self.waiters = botocore.waiter.WaiterModel(loader.load_service_model("lambda", "waiters-2"))
        self.answers: list[Any] = []
        self.sent: list[str] = []
        self.slept: list[float] = []
        botocore.waiter.time.sleep = self.slept.append  # type: ignore[assignment]

    def answer(self, request: Any, **_: Any) -> AWSResponse:
        self.sent.append(request.url)
        status, code, members = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        headers = {"x-amzn-errortype": code} if code else {}
        return AWSResponse(request.url, status, headers, Raw(json.dumps(members).encode()))

    def wait(self, waiter: str, input: dict[str, Any]) -> Any:
        try:
            botocore.waiter.create_waiter_with_client(waiter, self.waiters, self.client).wait(**input)
        except WaiterError as error:
            reason = str(error.kwargs["reason"])
            last = error.last_response.get("Error", {}).get("Code")
            kind = "error" if reason.startswith("An error occurred") else "timeout" if "Max attempts" in reason else "failure"
            return {"end": kind, "code": last}
        return {"end": "success", "code": None}

    def pages(self, operation: str, input: dict[str, Any], result_key: str) -> Any:
        paginator = self.client.get_paginator(xform_name(operation))
        items: list[Any] = []
        try:
            for page in paginator.paginate(**unpacked(input)):
                items += page.get(result_key) or []
        except PaginationError:
            return {"end": "same token", "items": items}
        except ClientError as error:
            return {"end": error.response["Error"]["Code"], "items": items}
        return {"end": "success", "items": items}

    def run(self, answers: list[Any], **asked: Any) -> Any:
        self.answers, self.sent, self.slept[:] = answers, [], []
        found = self.wait(**asked) if "waiter" in asked else self.pages(**asked)
        return {**packed(found), "sent": self.sent, "slept": self.slept}


def main() -> None:
    peer = Peer()
    for line in sys.stdin:
        print(json.dumps(peer.run(**json.loads(line))), flush=True)  # noqa: T201 - which is what it is for


if __name__ == "__main__":
    main()
