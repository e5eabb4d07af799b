"""Makes the calls that stdin describes with aws-sdk-lambda, and writes the outcome of each: see `other_clients`.

Needs aws-sdk-lambda only.
"""

import asyncio
import base64
import json
import os
import re
import sys

from aws_sdk_lambda import models
from aws_sdk_lambda.client import AsyncLambdaClient
from aws_sdk_lambda.config import AsyncLambdaConfig
from smithy_core.exceptions import CallError

MEMBERS = (
    "StatusCode",
    "ExecutedVersion",
    "FunctionError",
    "LogResult",
    "DurableExecutionArn",
    "ResponseStreamContentType",
)


def text(data):
    return base64.b64encode(data).decode()


def attribute(member):
    return re.sub(r"(?<!^)(?=[A-Z])", "_", member).lower()


async def client_with(keys):
    url = os.environ["AWS_ENDPOINT_URL_LAMBDA"]
    return AsyncLambdaClient(config=await AsyncLambdaConfig.resolve(endpoint_uri=url, **keys))


async def outcome_of(call, own):
    sent = {attribute(name): value for name, value in call["input"].items()}
    if "payload" in sent:
        sent["payload"] = base64.b64decode(sent["payload"])
    client = await client_with(call["keys"]) if call["keys"] else own
    try:
        return await (streamed if call["streamed"] else buffered)(client, sent)
    except CallError as error:
        return refusal(error)
    finally:
        if client is not own:
            await client.close()


async def buffered(client, sent):
    answer = await client.invoke(models.InvokeInput(**sent))
    return {**chosen(answer, MEMBERS), "Payload": text(answer.payload or b"")}


async def streamed(client, sent):
    async with await client.invoke_with_response_stream(models.InvokeWithResponseStreamInput(**sent)) as stream:
        *chunks, last = [event.value async for event in stream.output_stream]
    pieces = [text(chunk.payload) for chunk in chunks]
    completion = chosen(last, ("ErrorCode", "ErrorDetails", "LogResult"))
    return {**chosen(stream.output, MEMBERS), "Chunks": pieces, "Completion": completion}


def refusal(error):
    status = error.response_metadata.http_status_code
    if type(error) is CallError:  # the model has no such error: its text has the code, and not the message
        return {"Code": re.search(r"#(\w+)", error.message.partition(" id: ")[2])[1], "StatusCode": status}
    told = {"Code": type(error).__name__, "Message": error.message, "StatusCode": status}
    return {**told, **chosen(error, ("Type", "Reason"))}


def chosen(answer, names):
    found = {name: getattr(answer, attribute(name), None) for name in names}
    return {name: value for name, value in found.items() if value is not None}


async def main():
    async with await client_with({}) as own:
        json.dump({name: await outcome_of(call, own) for name, call in json.load(sys.stdin).items()}, sys.stdout)


asyncio.run(main())
