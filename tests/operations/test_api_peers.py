"""Every operation beside botocore: the same requests, outputs and errors, for values that the tables generate."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiolambda import (
    Credentials,
    JsonCodec,
    LambdaClient,
    LambdaServiceException,
    Metadata,
    NoRetry,
    PayloadLimits,
    Request,
    Response,
)
from aiolambda.errors.service import EC2UnexpectedException, TooManyRequestsException
from aiolambda.operations.structure import Structure, table_of

from ..support.api_values import COMMANDS, OPERATIONS, Answering, Peer, body_members, inputs, least, packed, peer, wire

BYTES_IN_BODY = {"InvokeAsync", "SendDurableExecutionCallbackSuccess"}
"""botocore names no content type for them. The protocol has one for bytes, and the SDK for JavaScript sends it."""
EXAMPLES = settings(max_examples=20)


@pytest.fixture(scope="module")
def botocore() -> Iterator[Peer]:
    yield from peer()


def request_of(name: str, input: Structure) -> Request:
    endpoint = "https://lambda.eu-west-1.amazonaws.com"
    return OPERATIONS[name].request(input, endpoint=endpoint, codec=JsonCodec(), limits=PayloadLimits())


@pytest.mark.parametrize("name", OPERATIONS)
def test_request_is_that_of_botocore(name: str, botocore: Peer) -> None:
    kind = OPERATIONS[name].input_class
    tokens = [member.name for member in table_of(kind).members.values() if member.token]

    @EXAMPLES
    @given(inputs(kind))
    def is_equal(input: Structure) -> None:
        given = input.evolve(**{token: vars(input).get(token) or "token" for token in tokens})
        ours, theirs = request_of(name, given), botocore.call(name, given)["request"]
        assert (ours.method, ours.url) == (theirs["method"], theirs["url"].removesuffix("?"))  # left of an empty list
        assert ours.body == base64.b64decode(theirs["body"])
        types = {"content-type": theirs["headers"].get("content-type")} if "content-type" in theirs["headers"] else {}
        assert name in BYTES_IN_BODY or dict(ours.headers) == types

    is_equal()


@pytest.mark.parametrize("name", OPERATIONS)
def test_output_is_that_of_botocore(name: str, botocore: Peer) -> None:
    operation = OPERATIONS[name]
    input, members = least(operation.input_class), body_members(operation.output_class)

    @EXAMPLES
    @given(inputs(operation.output_class), st.sampled_from([200, 201, 202, 204]), st.booleans())
    def is_equal(expected: Structure, status: int, has_newer: bool) -> None:
        values = {member.wire_name: wire(getattr(expected, member.name, None), member.kind) for member in members}
        content = {name: value for name, value in values.items() if value is not None}
        content |= {"Newer": {"Member": [1]}, "Null": None} if has_newer else {}
        body, metadata = json.dumps(content).encode(), Metadata(http_status_code=status)
        output = operation.output(input, Response(status, {}, body), metadata=metadata, codec=JsonCodec())
        assert packed(output) == botocore.call(name, input, status=status, body=body)["output"]
        assert (output.raw, output.metadata) == (content, metadata)

    is_equal()


async def test_each_error_of_each_operation_is_that_of_botocore(botocore: Peer) -> None:
    transport = Answering(Response(500, {}))
    keys = Credentials("AKIDEXAMPLE", "secret")
    compared = 0
    async with LambdaClient(region="eu-west-1", credentials=keys, transport=transport, retry=NoRetry()) as client:
        for name, codes in botocore.ask("errors").items():
            for code in codes if name in OPERATIONS else []:
                content = {"Type": "User", "message": "said", "Reason": "CallerRateLimitExceeded", "EC2ErrorCode": "E"}
                body, headers = json.dumps(content).encode(), {"x-amzn-errortype": f"a#{code}:b"}
                input = least(OPERATIONS[name].input_class)
                transport.answers = [Response(400, headers, body)]
                with pytest.raises(LambdaServiceException) as raised:
                    await client.send(COMMANDS[name](input))
                theirs = botocore.call(name, input, status=400, body=body, **headers)["error"]
                assert described(raised.value) == {key: value for key, value in theirs.items() if key in KNOWN}
                assert type(raised.value).__name__ == code
                compared += 1
    assert compared > 400


KNOWN = {"Error", "Type", "Reason", "EC2ErrorCode"}


def described(error: LambdaServiceException) -> dict[str, Any]:
    """An error as botocore's client has it."""
    found: dict[str, Any] = {"Error": {"Code": error.code, "Message": error.message}, "Type": error.type}
    if isinstance(error, TooManyRequestsException):
        found["Reason"] = error.reason
    if isinstance(error, EC2UnexpectedException):
        found["EC2ErrorCode"] = error.ec2_error_code
    return found
