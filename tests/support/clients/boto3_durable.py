"""Begins, follows and stops durable executions with boto3, and writes what it saw as JSON. Needs boto3 only.

Standard input is a JSON object: the `function`, and the `diary` that its handler writes to.
"""

import json
import sys
import time

import boto3
from botocore.exceptions import ClientError

asked = json.load(sys.stdin)
client = boto3.client("lambda")


def payload(op, **members):
    return json.dumps({"op": op, "diary": asked["diary"], **members})


def ended(arn):
    while (execution := client.get_durable_execution(DurableExecutionArn=arn))["Status"] == "RUNNING":
        time.sleep(0.05)
    return execution


def begun(op, **options):
    sent = {"FunctionName": asked["function"], "InvocationType": "Event", "Payload": payload(op), **options}
    return client.invoke(**sent)["DurableExecutionArn"]


def callback_of(arn):
    while True:
        history = client.get_durable_execution_history(DurableExecutionArn=arn, IncludeExecutionData=True)
        for event in history["Events"]:
            if event["EventType"] == "CallbackStarted":
                return event["CallbackStartedDetails"]["CallbackId"]
        time.sleep(0.05)


def refusal(call, **members):
    try:
        call(**members)
    except ClientError as error:
        return [type(error).__name__, error.response["ResponseMetadata"]["HTTPStatusCode"]]


whole = client.invoke(FunctionName=asked["function"], Payload=payload("steps", names=["one", "two"]))
failed = client.invoke(FunctionName=asked["function"], Payload=payload("fails", until=99))
arn = begun("asks", DurableExecutionName="boto3")
callback = callback_of(arn)
client.send_durable_execution_callback_heartbeat(CallbackId=callback)
client.send_durable_execution_callback_success(CallbackId=callback, Result=b'"tea"')
answered = ended(arn)
again = begun("asks", DurableExecutionName="boto3")
stopped_arn = begun("asks")
callback_of(stopped_arn)
stopped_at = client.stop_durable_execution(DurableExecutionArn=stopped_arn, Error={"ErrorMessage": "by hand"})["StopTimestamp"]
stopped = ended(stopped_arn)
listed = client.get_paginator("list_durable_executions_by_function").paginate(
    FunctionName=asked["function"].partition(":")[0], Statuses=["STOPPED"], PaginationConfig={"PageSize": 1}
)
json.dump(
    {
        "whole": json.load(whole["Payload"]),
        "failed": [failed["FunctionError"], "errorMessage" in json.load(failed["Payload"])],
        "answered": answered["Result"],
        "is the same": again == arn,
        "stopped": [stopped["Status"], stopped["Error"]["ErrorMessage"], stopped["EndTimestamp"] == stopped_at],
        "listed": [summary["DurableExecutionArn"] == stopped_arn for page in listed for summary in page["DurableExecutions"]],
        "unknown": refusal(client.get_durable_execution, DurableExecutionArn=arn[:-1] + "_"),
        "pause": refusal(client.pause_durable_execution, DurableExecutionArn=arn),
    },
    sys.stdout,
)
