"""Makes the calls that stdin describes with boto3, its paginators and its waiters, and writes the answers. Needs boto3 only.

A call is `{"call": "get_function", "input": {...}}`, or has "pages" or "wait" in place of "call".
"""

import json
import sys

import boto3
from botocore.exceptions import ClientError, WaiterError

client = boto3.client("lambda")


def answer_to(asked):
    given = asked["input"]
    try:
        if "pages" in asked:
            return [plain(page) for page in client.get_paginator(asked["pages"]).paginate(**given)]
        if "wait" in asked:
            return client.get_waiter(asked["wait"]).wait(**given, WaiterConfig={"Delay": 0, "MaxAttempts": 5})
        return plain(getattr(client, asked["call"])(**given))
    except ClientError as error:
        return {"Error": error.response["Error"], "Status": error.response["ResponseMetadata"]["HTTPStatusCode"]}
    except WaiterError as error:
        return {"Error": str(error), "Last": plain(error.last_response)}


def plain(answer):
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


json.dump([answer_to(asked) for asked in json.load(sys.stdin)], sys.stdout, default=str)
