"""Makes the calls that stdin describes with boto3, and writes the outcome of each: see `other_clients`. Needs boto3 only."""

import base64
import json
import sys

import boto3
from botocore.exceptions import ClientError

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


def outcome_of(call, own):
    client = boto3.client("lambda", **call["keys"]) if call["keys"] else own
    sent = call["input"]
    if "Payload" in sent:
        sent["Payload"] = base64.b64decode(sent["Payload"])
    try:
        return streamed(client, sent) if call["streamed"] else buffered(client, sent)
    except ClientError as error:
        return refusal(error.response)


def buffered(client, sent):
    answer = client.invoke(**sent)
    return {**chosen(answer, MEMBERS), "Payload": text(answer["Payload"].read())}


def streamed(client, sent):
    answer = client.invoke_with_response_stream(**sent)
    *chunks, last = answer["EventStream"]
    pieces = [text(event["PayloadChunk"]["Payload"]) for event in chunks]
    return {**chosen(answer, MEMBERS), "Chunks": pieces, "Completion": last["InvokeComplete"]}


def refusal(answer):
    error, status = answer["Error"], answer["ResponseMetadata"]["HTTPStatusCode"]
    told = {"Code": error["Code"], "Message": error["Message"], "StatusCode": status}
    return {**told, **chosen(answer, ("Type", "Reason"))}


def chosen(answer, names):
    return {name: answer[name] for name in names if name in answer}


own = boto3.client("lambda")
json.dump({name: outcome_of(call, own) for name, call in json.load(sys.stdin).items()}, sys.stdout)
