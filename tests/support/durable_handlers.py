"""Handlers of durable functions, with AWS's SDK. Each run of a step adds a line to the file that the event names.

A process of a function imports this; the tests do not have the SDK.
"""

import time
from pathlib import Path

from aws_durable_execution_sdk_python import durable_execution
from aws_durable_execution_sdk_python.config import CallbackConfig, Duration, StepConfig
from aws_durable_execution_sdk_python.retries import RetryStrategyConfig, create_retry_strategy

RETRIES = create_retry_strategy(RetryStrategyConfig(max_attempts=3, initial_delay=Duration.from_seconds(1)))


def note(event, text):
    with Path(event["diary"]).open("a") as diary:
        diary.write(f"{text}\n")


@durable_execution
def handler(event, context):
    return OPERATIONS[event["op"]](event, context)


def steps(event, context):
    for name in event["names"]:
        context.step(lambda _, name=name: note(event, name), name=name)
    return {"steps": event["names"]}


def waits(event, context):
    note(event, "run")
    context.wait(Duration.from_seconds(1), name="pause")
    return "waited"


def asks(event, context):
    callback = context.create_callback(name="answer", config=CallbackConfig(timeout=Duration.from_seconds(60)))
    context.step(lambda _: note(event, callback.callback_id), name="told")
    return {"answer": callback.result()}


def fails(event, context):
    def attempt(_):
        note(event, "attempt")
        with Path(event["diary"]).open() as diary:
            if len(diary.readlines()) < event["until"]:
                raise ValueError("no tea yet")
        return "tea"

    return context.step(attempt, name="brew", config=StepConfig(retry_strategy=RETRIES))


def invokes(event, context):
    return {"of": event["function"], "answered": context.invoke(event["function"], event["payload"], name="child")}


def sleeps(event, context):
    note(event, "asleep")
    time.sleep(event["seconds"])
    return "slept"


def plain(event, context):
    return {"plain": event}


OPERATIONS = {"steps": steps, "waits": waits, "asks": asks, "fails": fails, "invokes": invokes, "sleeps": sleeps}
