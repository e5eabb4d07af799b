"""Functions like those whose answers were recorded from Lambda: see `tests/local/test_recorded_answers.py`."""

# ruff: noqa: PTH123, T201 - handlers as users write them

import os
import time

COUNT = 0
NUMBER = 0


def echo(event, context):
    print("hello world")
    return event


def nothing(event, context):
    time.sleep(0.01)


def count(event, context):
    global COUNT  # noqa: PLW0603
    COUNT += 1
    return {"counter": COUNT - 1}


def hello(event, context):
    return {"Hello": os.environ["Hello"]}  # noqa: SIM112 - the name of the recorded variable


def environment(event, context):
    return {"environment": dict(os.environ)}


def request_id(event, context):
    return context.aws_request_id


def describe(event, context):
    names = "invoked_function_arn function_version function_name memory_limit_in_mb aws_request_id log_group_name"
    described = {name: getattr(context, name) for name in names.split()}
    client_context = context.client_context
    return {
        "event": event,
        "context": {**described, "log_stream_name": context.log_stream_name, "client_context": client_context},
    }


def variant(event, context):
    return {
        "function_version": context.function_version,
        "request_id": context.aws_request_id,
        "request_prefix": event["request_prefix"],
        "function_variant": os.environ["FUNCTION_VARIANT"],
    }


def fail(event, context):
    raise Exception(f"Failed: {event['error_msg']}")


def large(event, context):
    return "x" * event["size"]


def keep(event, context):
    """Keep something in a file and in the process, or read it, or sleep."""
    global NUMBER  # noqa: PLW0603
    if "write" in event:
        with open(event["write"], "w") as file:
            file.write("some-content")
        NUMBER = 42
    if "sleep" in event:
        time.sleep(event["sleep"])
    if "read" in event:
        with open(event["read"]) as file:
            return {"content": file.read()}
    return {"number": NUMBER}
