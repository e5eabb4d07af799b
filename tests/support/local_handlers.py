"""The functions that the tests of `aiolambda.local` and `aiolambda.cli` serve; loaded by path, in processes of their own.

Slow modules are imported by the handlers that need them: this file is loaded by hundreds of processes.
"""

# ruff: noqa: ARG005, PTH109, PTH110, PTH115, PTH123, PTH202, PTH208, S606, T201 - handlers as users write them

import decimal
import logging
import os
import sys
import time

print("loading the module")


def handler(event, context):
    op = event.get("op", "pid") if isinstance(event, dict) else "echo"
    return OPERATIONS[op](event, context)


def fail(event, context):
    raise ValueError(event.get("text", "a deliberate failure"))


def sleep(event, context):
    if "started" in event:
        with open(event["started"], "w") as file:
            file.write(str(os.getpid()))
    time.sleep(event["seconds"])
    if "finished" in event:
        with open(event["finished"], "w") as file:
            file.write(str(os.getpid()))
    return os.getpid()


def log(event, context):
    import subprocess

    print("printed")
    print("to stderr", file=sys.stderr)
    logging.getLogger("shop").warning("logged")
    os.write(1, b"written\n")
    subprocess.run(["echo", "by a child"], check=True)
    return os.getpid()


def log_records(event, context):
    logger = logging.getLogger("shop")
    for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        logger.log(level, "level %d", level)
    logger.warning({"order": 7}, extra={"table": "orders"})
    print("printed")
    try:
        fail(event, context)
    except ValueError:
        logger.exception("caught")
    fail(event, context)


def chatter(event, context):
    sys.stdout.write("x" * event["size"])
    return "done"


def describe(event, context):
    client_context = context.client_context
    return {
        "aws_request_id": context.aws_request_id,
        "function_name": context.function_name,
        "function_version": context.function_version,
        "invoked_function_arn": context.invoked_function_arn,
        "memory_limit_in_mb": context.memory_limit_in_mb,
        "log_group_name": context.log_group_name,
        "log_stream_name": context.log_stream_name,
        "identity": context.identity.cognito_identity_id,
        "tenant_id": context.tenant_id,
        "remaining": context.get_remaining_time_in_millis(),
        "trace": os.environ.get("_X_AMZN_TRACE_ID"),
        "client_context": client_context and {"custom": client_context.custom, "env": client_context.env},
        "client": client_context and client_context.client and client_context.client.app_title,
        "environment": {name: value for name, value in os.environ.items() if name.startswith(("AWS_", "LAMBDA_", "_HANDLER"))},
        "directory": os.getcwd(),
        "path": sys.path[0],
    }


def tell_request_id(event, context):
    with open(event["file"], "w") as file:
        file.write(context.aws_request_id)
    time.sleep(event["seconds"])
    return context.aws_request_id


def ask(event, context):
    """Ask the Runtime API of another process for work."""
    import http.client

    connection = http.client.HTTPConnection(event["address"])
    connection.request("GET", "/2018-06-01/runtime/invocation/next")
    return connection.getresponse().status


def all_variables(event, context):
    return dict(os.environ)


def surroundings(event, context):
    """All that a process can see of its parents: its own files and variables, and the variables of its ancestors."""

    def content(path):
        with open(path, "rb") as file:
            return file.read().decode()

    pids, files = [os.getpid()], {}
    for name in os.listdir("/proc/self/fd"):
        try:
            files[name] = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            continue  # that of the listing itself
    for _ in range(2):  # the supervisor and the reaper
        pids.append(int(content(f"/proc/{pids[-1]}/stat").rpartition(")")[2].split()[1]))
    return {"files": files, "variables": [content(f"/proc/{pid}/environ").split("\0") for pid in pids]}


def relay(event, context):
    import asyncio

    from aiolambda import LambdaClient

    async def invoke():
        async with LambdaClient() as client:
            return (await client.invoke(event["to"], event["payload"])).json()

    return asyncio.run(invoke())


def spawn(event, context):
    import subprocess

    child = subprocess.Popen(["sleep", "600"])
    with open(event["child"], "w") as file:
        file.write(str(child.pid))
    time.sleep(event["seconds"])


def leave_session(event, context):
    """Start a child in a session of its own; as a daemon, it has no parent, environment or file of this process either."""
    import subprocess

    program = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(600)"
    command = [sys.executable, "-c", program, event["child"]]
    if event.get("daemon") and not os.fork():
        os.setsid()
        if not os.fork():
            os.closerange(0, 256)
            os.execve(command[0], command, {})
        os._exit(0)
    elif not event.get("daemon"):
        subprocess.Popen(command, start_new_session=True)
    while not os.path.exists(event["child"]) or not os.path.getsize(event["child"]):
        time.sleep(0.01)
    if "then" in event:
        return OPERATIONS[event["then"]["op"]](event["then"], context)
    return os.getpid()


def exit_with(event, context):
    os._exit(event["code"])


def leave(event, context):
    sys.exit(event["code"])


async def coroutine(event, context):
    return "never seen"


def write(event, context):
    print("writing")
    for piece in event["pieces"]:
        yield piece
        time.sleep(event.get("pause", 0))
    yield b"" if "end" not in event else globals()[event["end"]](event, context)


def diary(event, context):
    with open(event["file"], "a") as file:
        file.write(f"{event['item']}\n")
    time.sleep(event["seconds"])
    return event["item"]


def touch(event, context):
    with open(event["file"], "w") as file:
        file.write("touched")
    return b""


def wait_and_write(event, context):
    time.sleep(event["seconds"])
    yield b"1"
    touch(event, context)


def wait_and_touch(event, context):
    time.sleep(event["seconds"])
    return touch(event, context)


async def limited(event, context):
    import asyncio

    async with asyncio.timeout(0.2):
        yield b"1"
        await asyncio.sleep(5)


async def write_later(event, context):
    import asyncio

    for piece in event["pieces"]:
        yield piece.encode()
        await asyncio.sleep(event.get("pause", 0))
    if "end" in event:
        globals()[event["end"]](event, context)


class NoText(Exception):
    def __str__(self):
        raise RuntimeError("no text")


def raise_without_text(event, context):
    raise NoText


def raise_chained(event, context):
    try:
        fail(event, context)
    except ValueError as error:
        raise LookupError from error


def stop(event, context):
    raise StopIteration("over")


def quit_program(event, context):
    sys.exit(event.get("status"))


def exact(event, context):
    numbers = ["12345678901234567.89", "1.50", "-0", "1E+5", "NaN", "-Infinity"]
    return {"decimals": [decimal.Decimal(number) for number in numbers], "floats": [float("nan"), 1e300], b"name": b"tea"}


OPERATIONS = {
    "exact": exact,
    "raise without text": raise_without_text,
    "raise chained": raise_chained,
    "stop": stop,
    "quit": quit_program,
    "surrogate": lambda event, context: "\ud800",
    "set": lambda event, context: {1},
    "all variables": all_variables,
    "ask": ask,
    "tell request id": tell_request_id,
    "bytes": lambda event, context: b'{ "exactly":\t"so" }',
    "big": lambda event, context: "x" * event["size"],
    "chatter": chatter,
    "coroutine": coroutine,
    "decimal": lambda event, context: {"price": decimal.Decimal("1.5"), "count": decimal.Decimal(3), "name": b"tea"},
    "describe": describe,
    "diary": diary,
    "echo": lambda event, context: event,
    "exit": exit_with,
    "fail": fail,
    "leave": leave,
    "leave session": leave_session,
    "length": lambda event, context: len(event["data"]),
    "log": log,
    "log records": log_records,
    "nothing": lambda event, context: None,
    "pid": lambda event, context: os.getpid(),
    "read input": lambda event, context: sys.stdin.read(),
    "relay": relay,
    "sleep": sleep,
    "spawn": spawn,
    "surroundings": surroundings,
    "write": write,
    "write later": write_later,
    "wait and write": wait_and_write,
    "wait and touch": wait_and_touch,
    "limited": limited,
    "unserializable": lambda event, context: {"value": object()},
}


def write_tea(event, context):
    yield from ["green ", "tea"]
