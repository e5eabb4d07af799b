"""Mistakes that people make at the door: one row a mistake, with the class and the whole text of its error.

Each is raised by the line that has the mistake, and nothing but this package stands between that line and the error.
"""

import ast
import asyncio
import inspect
import pydoc
import re
import threading
import traceback
from pathlib import Path
from types import CoroutineType
from typing import Any
from unittest.mock import AsyncMock, create_autospec

import pytest

import aiolambda
import aiolambda.credentials
from aiolambda import (
    ConfigurationError,
    Credentials,
    InvalidInputError,
    InvokeCommand,
    InvokeWithResponseStreamCommand,
    LambdaClient,
    LambdaClientConfig,
    MiddlewareStackError,
)
from aiolambda.client.arguments import _ELSEWHERE, _NO_COUNTERPART, CALL_REMEDIES, ArgumentError
from aiolambda.testing import FakeTransport
from aiolambda.types.mistakes import NamedElsewhere, nearest, snake

PACKAGE = str(Path(aiolambda.__file__).parent)
HERE = "the line of the mistake"

SETUP = """
from pathlib import Path
from aiohttp import ClientSession
from aiolambda import *
from aiolambda import InvokeWithResponseStreamCommand, InvokeWithResponseStreamCommandInput, SessionTransport
from aiolambda.credentials import *
from aiolambda import CredentialsProvider, RetryStrategy
from aiolambda.local import LocalEndpoint, LocalFunction
from aiolambda.operations import PublishVersionCommand
from aiolambda.testing import FakeTransport

async def good(call, call_next):
    return await call_next(call)

def ready_made():
    return good(None, None)

def curried(next):
    async def inner(args):
        return await next(args)
    return inner

def sync_middleware(call, call_next):
    return call_next(call)

async def one_parameter(call):
    return None

async def three_parameters(call, call_next, context):
    return None

async def noted(note, call, call_next):
    return None

async def swapped(next, args):
    return await next(args)

async def handler_first(handler, context):
    return await handler(context)

async def oddly_named(n, args):
    return await n(args)

async def asks_next(n, args):
    return args.request

async def asks_context(call, call_next):
    return call.context

async def text_body(call, call_next):
    call.request.body = '{"secret": "hunter2"}'
    return await call_next(call)

async def no_call(call, call_next):
    return await call_next()

class OwnRetry(RetryStrategy):
    def pause(self, failure):
        return None

class NoPause(RetryStrategy):
    def puase(self, failure):
        return None

class AsyncPause:
    async def pause(self, failure):
        return None

    def succeeded(self, failures):
        pass

class NoKeys(CredentialsProvider):
    pass

class AsyncCodec:
    async def encode(self, value):
        return b""

    def decode(self, data, type):
        return None

class MiddlewareClass:
    async def __call__(self, call, call_next):
        return await call_next(call)

async def numbers():
    yield 1

def plain_numbers():
    yield 1

async def coroutine():
    return [1]

FUNCTION = LocalFunction(name="f", handler="a.b", root=Path())
command = InvokeCommand(function_name="f")
"""

MISTAKES: list[tuple[str, type[Exception], str]] = [
    (
        "Timeouts(tota=1)",
        TypeError,
        "Timeouts has no argument 'tota'; did you mean total?",
    ),
    ("Timeouts(read_timeout=5)", TypeError, "Timeouts has no argument 'read_timeout'; did you mean read?"),
    ("Timeouts(connect_timeout_s=5)", TypeError, "Timeouts has no argument 'connect_timeout_s'; did you mean connect?"),
    (
        "StandardRetry(total_max_attempts=5)",
        TypeError,
        "StandardRetry has no argument 'total_max_attempts'; did you mean max_attempts?",
    ),
    ("(await client.invoke('f', 1))['Payload']", TypeError, "InvokeCommandOutput is not a dictionary: write output.payload"),
    (
        "(await client.invoke('f', 1))['ResponseMetadata']",
        TypeError,
        "InvokeCommandOutput is not a dictionary: write output.metadata",
    ),
    (
        "(await client.invoke('f', 1))[0]",
        TypeError,
        "InvokeCommandOutput is not a dictionary: its values are attributes, such as output.metadata",
    ),
    (
        "'FunctionError' in await client.invoke('f', 1)",
        TypeError,
        "InvokeCommandOutput is not a dictionary: write output.function_error is not None",
    ),
    ("list(await client.invoke('f', 1))", TypeError, "'InvokeCommandOutput' object is not iterable"),
    (
        "EventReceipt(status_code=202, metadata=None)['StatusCode']",
        TypeError,
        "EventReceipt is not a dictionary: write output.status_code",
    ),
    (
        "client.exceptions.ResourceNotFoundException",
        AttributeError,
        (
            "'LambdaClient' object has no attribute 'exceptions'; import the classes from aiolambda, such as "
            "ResourceNotFoundException; those of rarer codes are in aiolambda.errors.service"
        ),
    ),
    (
        "Timeouts(30)",
        TypeError,
        "Timeouts takes keyword arguments only, such as Timeouts(total=...); got an int",
    ),
    (
        "Timeouts(Read=1)",
        TypeError,
        "Timeouts has no argument 'Read'; did you mean read?",
    ),
    (
        "Timeouts(total=0)",
        ValueError,
        "total must be a number of seconds, above 0 and at most 1,000,000,000, or None for no limit; got 0",
    ),
    (
        "Timeouts(total=-1)",
        ValueError,
        "total must be a number of seconds, above 0 and at most 1,000,000,000, or None for no limit; got -1",
    ),
    (
        'Timeouts(total=float("nan"))',
        ValueError,
        "total must be a number of seconds, above 0 and at most 1,000,000,000, or None for no limit; got nan",
    ),
    (
        "Timeouts(total=True)",
        ValueError,
        "total must be a number of seconds, above 0 and at most 1,000,000,000, or None for no limit; got True",
    ),
    (
        'Timeouts(total="30")',
        ValueError,
        "total must be a number of seconds, above 0 and at most 1,000,000,000, or None for no limit; got '30'",
    ),
    (
        'LambdaClient(timeout="30")',
        ConfigurationError,
        ("timeout must be a number of seconds, above 0 and at most 1,000,000,000, Timeouts(...), or None; got '30'"),
    ),
    (
        "LambdaClient(timeout=0)",
        ConfigurationError,
        ("timeout must be a number of seconds, above 0 and at most 1,000,000,000, Timeouts(...), or None; got 0"),
    ),
    (
        "LambdaClient(timeout=-1)",
        ConfigurationError,
        ("timeout must be a number of seconds, above 0 and at most 1,000,000,000, Timeouts(...), or None; got -1"),
    ),
    (
        "LambdaClient(timeout=True)",
        ConfigurationError,
        ("timeout must be a number of seconds, above 0 and at most 1,000,000,000, Timeouts(...), or None; got True"),
    ),
    (
        'LambdaClient(timeout={"total": 3})',
        ConfigurationError,
        (
            "timeout must be a number of seconds, above 0 and at most 1,000,000,000, Timeouts(...), or None; got "
            "a value of type dict"
        ),
    ),
    (
        'LambdaClientConfig(regoin="eu-west-1")',
        TypeError,
        "LambdaClientConfig has no argument 'regoin'; did you mean region?",
    ),
    (
        'LambdaClientConfig({"region": "eu-west-1"})',
        TypeError,
        "LambdaClientConfig takes keyword arguments only, such as LambdaClientConfig(region=...); got a dict",
    ),
    (
        "TcpKeepAlive(idel=1)",
        TypeError,
        "TcpKeepAlive has no argument 'idel'; did you mean idle?",
    ),
    (
        "TcpKeepAlive(count=0)",
        ValueError,
        "count must be a whole number, 1 to 127; got 0",
    ),
    (
        "PayloadLimits(evnt=1)",
        TypeError,
        "PayloadLimits has no argument 'evnt'; did you mean event?",
    ),
    (
        "PayloadLimits(6_000_000)",
        TypeError,
        "PayloadLimits takes keyword arguments only, such as PayloadLimits(request_response=...); got an int",
    ),
    (
        'ResponseLimits(body="1")',
        ValueError,
        "body must be a whole number, 1 or more; got '1'",
    ),
    (
        "ResponseLimits(boddy=1)",
        TypeError,
        "ResponseLimits has no argument 'boddy'; did you mean body?",
    ),
    (
        'Credentials(accessKeyId="AKIDEXAMPLE", secretAccessKey="hunter2")',
        TypeError,
        "Credentials has no argument 'accessKeyId'; did you mean access_key_id?",
    ),
    (
        'Credentials(aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="hunter2")',
        TypeError,
        "Credentials has no argument 'aws_access_key_id'; did you mean access_key_id?",
    ),
    (
        'Credentials({"accessKeyId": "AKIDEXAMPLE"})',
        TypeError,
        ("Credentials takes separate arguments: Credentials(access_key_id=..., secret_access_key=...); got a dict"),
    ),
    (
        'Credentials("AKIDEXAMPLE")',
        TypeError,
        "Credentials needs secret_access_key=...",
    ),
    (
        'Credentials("AKIDEXAMPLE", 5)',
        TypeError,
        "secret_access_key must be a string; got int",
    ),
    (
        'LambdaClient(credentials={"accessKeyId": "AKIDEXAMPLE", "secretAccessKey": "hunter2"})',
        ConfigurationError,
        (
            "credentials must be Credentials, or a provider of them; got a dict: write "
            "Credentials(access_key_id=..., secret_access_key=..., session_token=...)"
        ),
    ),
    (
        'LambdaClient(credentials={"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "hunter2"})',
        ConfigurationError,
        (
            "credentials must be Credentials, or a provider of them; got a dict: write "
            "Credentials(access_key_id=..., secret_access_key=..., session_token=...)"
        ),
    ),
    (
        'LambdaClient(credentials="my-profile")',
        ConfigurationError,
        ("credentials must be Credentials, or a provider of them; got a string: for a profile, write profile=..."),
    ),
    (
        'LambdaClient(credentials=("AKIDEXAMPLE", "hunter2"))',
        ConfigurationError,
        (
            "credentials must be Credentials, or a provider of them; got a tuple: write "
            "Credentials(access_key_id, secret_access_key)"
        ),
    ),
    (
        "LambdaClient(ca_bundle=False)",
        ConfigurationError,
        (
            "ca_bundle must be a PEM file or a folder of certificates; got False: TLS is always verified, by "
            "default with the system's authorities"
        ),
    ),
    (
        "StandardRetry(max_attempts=0)",
        ConfigurationError,
        "max_attempts must be a whole number, 1 or more; got 0",
    ),
    (
        "StandardRetry(max_attempts=-1)",
        ConfigurationError,
        "max_attempts must be a whole number, 1 or more; got -1",
    ),
    (
        'StandardRetry(max_attempts="3")',
        ConfigurationError,
        "max_attempts must be a whole number, 1 or more; got '3'",
    ),
    (
        "StandardRetry(maxAttempts=3)",
        TypeError,
        "StandardRetry has no argument 'maxAttempts'; did you mean max_attempts?",
    ),
    (
        "StandardRetry(3)",
        TypeError,
        "StandardRetry takes keyword arguments only, such as StandardRetry(max_attempts=...); got an int",
    ),
    (
        'StandardRetry(throttling="tme")',
        ConfigurationError,
        "throttling must be 'time' or 'attempts'; got 'tme'",
    ),
    (
        'InvokeCommand({"FunctionName": "f"})',
        TypeError,
        (
            "InvokeCommand takes an InvokeCommandInput, or its members by keyword; got a dict: write "
            "InvokeCommand.from_api(members)"
        ),
    ),
    (
        'InvokeCommand({"function_name": "f"})',
        TypeError,
        ("InvokeCommand takes an InvokeCommandInput, or its members by keyword; got a dict: write InvokeCommand(**members)"),
    ),
    (
        'InvokeCommand("f")',
        TypeError,
        (
            "InvokeCommand takes an InvokeCommandInput, or its members by keyword; got a string: write "
            "InvokeCommand(function_name=...)"
        ),
    ),
    (
        'InvokeCommand(FunctionName="f", Payload=b"hunter2")',
        TypeError,
        (
            "InvokeCommand has no argument 'FunctionName'; did you mean function_name? or, for the names of the "
            "API, write InvokeCommand.from_api({...})"
        ),
    ),
    (
        'InvokeCommand(function_nam="f")',
        TypeError,
        "InvokeCommand has no argument 'function_nam'; did you mean function_name?",
    ),
    (
        'InvokeCommand(payload=b"hunter2")',
        TypeError,
        "InvokeCommand needs function_name=...",
    ),
    (
        "InvokeCommand()",
        TypeError,
        "InvokeCommand needs function_name=...",
    ),
    (
        'InvokeCommand.from_api({"FunctionName": "f", "Paylod": b"hunter2"})',
        InvalidInputError,
        "Invoke has no member 'Paylod'; did you mean Payload?",
    ),
    (
        'InvokeCommand.from_api({"function_name": "f"})',
        InvalidInputError,
        "Invoke has no member 'function_name'; did you mean FunctionName?",
    ),
    (
        'InvokeCommand.from_api([("FunctionName", "f")])',
        InvalidInputError,
        "from_api takes a mapping, such as {'FunctionName': 'orders'}; got a list",
    ),
    (
        'InvokeCommand.from_api({"Payload": b"hunter2"})',
        InvalidInputError,
        "Invoke needs the member 'FunctionName'",
    ),
    (
        'InvokeCommandInput(FunctionName="f")',
        TypeError,
        "InvokeCommandInput has no argument 'FunctionName'; did you mean function_name?",
    ),
    (
        'InvokeCommandInput({"FunctionName": "f"})',
        TypeError,
        ("InvokeCommandInput takes keyword arguments only, such as InvokeCommandInput(function_name=...); got a dict"),
    ),
    (
        'InvokeWithResponseStreamCommand({"FunctionName": "f"})',
        TypeError,
        (
            "InvokeWithResponseStreamCommand takes an InvokeWithResponseStreamCommandInput, or its members by "
            "keyword; got a dict: write InvokeWithResponseStreamCommand.from_api(members)"
        ),
    ),
    (
        'InvokeWithResponseStreamCommand(FunctionName="f")',
        TypeError,
        (
            "InvokeWithResponseStreamCommand has no argument 'FunctionName'; did you mean function_name? or, for "
            "the names of the API, write InvokeWithResponseStreamCommand.from_api({...})"
        ),
    ),
    (
        'InvokeWithResponseStreamCommand(durable_execution_name="x", function_name="f")',
        TypeError,
        (
            "InvokeWithResponseStreamCommand has no argument 'durable_execution_name'; it has function_name, "
            "payload, invocation_type, log_type, client_context, qualifier, tenant_id"
        ),
    ),
    (
        'InvokeWithResponseStreamCommandInput(FunctionName="f")',
        TypeError,
        "InvokeWithResponseStreamCommandInput has no argument 'FunctionName'; did you mean function_name?",
    ),
    (
        'Headers([("a", "b")])',
        TypeError,
        "Headers takes a mapping of names to values; got a list: for pairs, write Headers(dict(pairs))",
    ),
    (
        'Headers({1: "b"})',
        TypeError,
        "Headers takes names that are strings; got one of type int",
    ),
    (
        'Headers("a: b")',
        TypeError,
        "Headers takes a mapping of names to values; got a string: write Headers({name: value})",
    ),
    (
        "stack.add(lambda next, context: None)",
        MiddlewareStackError,
        (
            "a middleware is `async def middleware(call, call_next): return await call_next(call)`; <lambda> "
            "(FILE:LINE) is no async function"
        ),
    ),
    (
        "stack.add(curried)",
        MiddlewareStackError,
        (
            "a middleware is `async def middleware(call, call_next): return await call_next(call)`; curried "
            "(FILE:LINE) is no async function"
        ),
    ),
    (
        "stack.add(sync_middleware)",
        MiddlewareStackError,
        (
            "a middleware is `async def middleware(call, call_next): return await call_next(call)`; "
            "sync_middleware (FILE:LINE) is no async function"
        ),
    ),
    (
        "stack.add(one_parameter)",
        MiddlewareStackError,
        (
            "a middleware is `async def middleware(call, call_next): return await call_next(call)`; one_parameter"
            " (FILE:LINE) takes (call)"
        ),
    ),
    (
        "stack.add(three_parameters)",
        MiddlewareStackError,
        (
            "a middleware is `async def middleware(call, call_next): return await call_next(call)`; "
            "three_parameters (FILE:LINE) takes (call, call_next, context)"
        ),
    ),
    (
        "stack.add(ready_made())",
        MiddlewareStackError,
        (
            "a middleware is `async def middleware(call, call_next): return await call_next(call)`; good was "
            "called already: pass the function itself, without (...)"
        ),
    ),
    (
        'stack.add("retryMiddleware")',
        MiddlewareStackError,
        ("a middleware is `async def middleware(call, call_next): return await call_next(call)`; a string cannot be called"),
    ),
    (
        "stack.add(MiddlewareClass)",
        MiddlewareStackError,
        (
            "a middleware is `async def middleware(call, call_next): return await call_next(call)`; "
            "MiddlewareClass is a class: create an instance of it"
        ),
    ),
    (
        'stack.add(good, step="finalise")',
        MiddlewareStackError,
        (
            "'finalise' is not a step; choose from initialize, serialize, build, finalize, deserialize (did you "
            "mean 'finalize'?)"
        ),
    ),
    (
        "stack.add(good, step=None)",
        MiddlewareStackError,
        "None is not a step; choose from initialize, serialize, build, finalize, deserialize",
    ),
    (
        'stack.add(good, priority="hgh")',
        MiddlewareStackError,
        "'hgh' is not a priority; choose from high, normal, low (did you mean 'high'?)",
    ),
    (
        "stack.add(good, name=5)",
        MiddlewareStackError,
        "name must be a string; got an int",
    ),
    (
        'stack.add(good, tags="a")',
        MiddlewareStackError,
        "tags are several strings, and 'a' is one; write ['a']",
    ),
    (
        'stack.add_relative_to(good, relation="befor", to_middleware="retryMiddleware")',
        MiddlewareStackError,
        "'befor' is not a relation; choose from before, after (did you mean 'before'?)",
    ),
    (
        'stack.add_relative_to(good, relation="before", to_middleware="retryMiddlware")',
        MiddlewareStackError,
        "to_middleware='retryMiddlware' is not the name of a middleware; did you mean 'retryMiddleware'?",
    ),
    (
        'stack.add_relative_to(good, relation="before", to_middleware=good)',
        MiddlewareStackError,
        "to_middleware is the name of a middleware, as text; got a function",
    ),
    (
        ('stack.add_relative_to(good, relation="before", to_middleware="elsewhere"); await client.send(command)'),
        MiddlewareStackError,
        (
            "elsewhere is not found when adding anonymous middleware before elsewhere; at FILE:LINE: add that "
            "middleware, or remove this one"
        ),
    ),
    (
        "stack.use(good)",
        MiddlewareStackError,
        "a plugin has apply_to_stack(stack); a function has not: for a middleware, write add(middleware)",
    ),
    (
        'stack.use({"applyToStack": good})',
        MiddlewareStackError,
        "a plugin has apply_to_stack(stack); a dict has not: give an object that has it",
    ),
    (
        'stack.add(good, only="InvokeCommand")',
        MiddlewareStackError,
        ("only= takes command classes, such as InvokeCommand, and 'InvokeCommand' is none: a command class has an `operation`"),
    ),
    (
        "with LambdaClient() as c: pass",
        TypeError,
        "a client is used in an async block: async with LambdaClient(...) as client: ...",
    ),
    (
        'with client.stream("f") as stream: pass',
        TypeError,
        (
            "a stream is read in a block: async with client.stream(...) as stream: async for chunk in stream: "
            "...; to wait for the whole answer, await client.invoke(...)"
        ),
    ),
    (
        'with client.map("f", []) as run: pass',
        TypeError,
        (
            "a map is iterated, not awaited: async with client.map(...) as run: async for result in run: ..., "
            "or all of its results: await client.map(...).collect()"
        ),
    ),
    (
        'await client.stream("f")',
        TypeError,
        (
            "a stream is read in a block: async with client.stream(...) as stream: async for chunk in stream: "
            "...; to wait for the whole answer, await client.invoke(...)"
        ),
    ),
    (
        'await client.map("f", [])',
        TypeError,
        (
            "a map is iterated, not awaited: async with client.map(...) as run: async for result in run: ..., "
            "or all of its results: await client.map(...).collect()"
        ),
    ),
    (
        'for result in client.map("f", []): pass',
        TypeError,
        (
            "a map is iterated, not awaited: async with client.map(...) as run: async for result in run: ..., "
            "or all of its results: await client.map(...).collect()"
        ),
    ),
    (
        'for chunk in client.stream("f"): pass',
        TypeError,
        (
            "a stream is read in a block: async with client.stream(...) as stream: async for chunk in stream: "
            "...; to wait for the whole answer, await client.invoke(...)"
        ),
    ),
    (
        'await client.send("f")',
        InvalidInputError,
        ("send takes a command; got a string: to invoke a function by its name, write client.invoke(name, payload)"),
    ),
    (
        "await client.send(InvokeCommand)",
        InvalidInputError,
        ("send takes a command; got the class InvokeCommand: create a command, InvokeCommand(function_name=...)"),
    ),
    (
        'await client.send({"FunctionName": "f"})',
        InvalidInputError,
        "send takes a command; got a dict: write InvokeCommand.from_api(members), or InvokeCommand(**members)",
    ),
    (
        'await client.send(InvokeCommandInput(function_name="f"))',
        InvalidInputError,
        "send takes a command; got an InvokeCommandInput: write InvokeCommand(input)",
    ),
    (
        "await client.send(None)",
        InvalidInputError,
        "send takes a command; got None: write InvokeCommand(function_name=..., payload=...)",
    ),
    (
        'await client.send(command, timeout="30")',
        InvalidInputError,
        ("timeout must be a number of seconds, above 0 and at most 1,000,000,000, Timeouts(...), or None; got '30'"),
    ),
    (
        "await client.send(command, timeout=0)",
        InvalidInputError,
        ("timeout must be a number of seconds, above 0 and at most 1,000,000,000, Timeouts(...), or None; got 0"),
    ),
    (
        "await client.invoke(command)",
        InvalidInputError,
        "function_name must be a string; got an InvokeCommand: send a command with client.send(command)",
    ),
    (
        "await client.invoke(InvokeCommand)",
        InvalidInputError,
        ("function_name must be a string; got the class InvokeCommand: send a command with client.send(command)"),
    ),
    (
        'await client.invoke({"FunctionName": "f"})',
        InvalidInputError,
        (
            "function_name must be a string; got a dict: write client.send(InvokeCommand.from_api(members)), or "
            "client.invoke(name, payload)"
        ),
    ),
    (
        'await client.invoke("f", {}, timeout="30")',
        InvalidInputError,
        ("timeout must be a number of seconds, above 0 and at most 1,000,000,000, Timeouts(...), or None; got '30'"),
    ),
    (
        'await client.invoke("f", {}, timeout=0)',
        InvalidInputError,
        ("timeout must be a number of seconds, above 0 and at most 1,000,000,000, Timeouts(...), or None; got 0"),
    ),
    (
        'await client.invoke("f", {}, timeout=float("nan"))',
        InvalidInputError,
        ("timeout must be a number of seconds, above 0 and at most 1,000,000,000, Timeouts(...), or None; got nan"),
    ),
    (
        'await client.invoke("f", {}, timeout=True)',
        InvalidInputError,
        ("timeout must be a number of seconds, above 0 and at most 1,000,000,000, Timeouts(...), or None; got True"),
    ),
    (
        'await client.invoke("my function")',
        InvalidInputError,
        (
            "function_name 'my function' is not a function name, name:qualifier, partial ARN or ARN (letters, "
            "digits, -, _ and .) (function 'my function')"
        ),
    ),
    (
        'await client.invoke("https://lambda.eu-west-1.amazonaws.com/2015-03-31/functions/f/invocations")',
        InvalidInputError,
        (
            "function_name 'https://lambda.eu-west-1.amazonaws.com/2015-03-31/functions/f/invocations' is not a "
            "function name, name:qualifier, partial ARN or ARN (letters, digits, -, _ and .) (function "
            "'https://lambda.eu-west-1.amazonaws.com/2015-03-31/functions/f/invocations')"
        ),
    ),
    (
        'await client.invoke("arn:aws:lambda:eu-west-1:123:function:f")',
        InvalidInputError,
        (
            "function_name 'arn:aws:lambda:eu-west-1:123:function:f' is not a function name, name:qualifier, "
            "partial ARN or ARN (letters, digits, -, _ and .) (function "
            "'arn:aws:lambda:eu-west-1:123:function:f')"
        ),
    ),
    (
        'await client.invoke("")',
        InvalidInputError,
        ("function_name '' is not a function name, name:qualifier, partial ARN or ARN (letters, digits, -, _ and .)"),
    ),
    (
        "await client.invoke(None)",
        InvalidInputError,
        "function_name must be a string; got None",
    ),
    (
        'await client.invoke("f", qualifier=5)',
        InvalidInputError,
        "qualifier must be a string; got int (function 'f')",
    ),
    (
        'await client.invoke("f", log_type="tail")',
        InvalidInputError,
        "log_type is 'tail'; choose from None, Tail (did you mean 'Tail'?) (function 'f')",
    ),
    (
        'client.map("f", [], concurrency=0)',
        ConfigurationError,
        "concurrency must be a number of invocations, 1 or more, 'adaptive' or 'limits'; got 0",
    ),
    (
        'client.map("f", {"a": 1})',
        ConfigurationError,
        ("items must be an iterable, or an asynchronous one; got a dict: write items.values(), or items.items() for pairs"),
    ),
    (
        'client.map("f", "abc")',
        ConfigurationError,
        (
            "items must be an iterable, or an asynchronous one; got a string: for one item, write [item]; for the"
            " lines of a text, text.splitlines()"
        ),
    ),
    (
        'client.map("f", Path("items.jsonl"))',
        ConfigurationError,
        (
            "items must be an iterable, or an asynchronous one; got a PosixPath: for the lines of the file, open it: with"
            " open(path, 'rb') as lines"
        ),
    ),
    (
        'client.map("f", [], on_progress=coroutine)',
        ConfigurationError,
        ("on_progress must be a plain function, because nothing would await a coroutine; let it call asyncio.create_task"),
    ),
    (
        'client.map("f", numbers)',
        ConfigurationError,
        "items must be an iterable, or an asynchronous one; got a function: call it, and pass its result",
    ),
    (
        'client.map("f", plain_numbers)',
        ConfigurationError,
        "items must be an iterable, or an asynchronous one; got a function: call it, and pass its result",
    ),
    (
        'client.map("f", 5)',
        ConfigurationError,
        "items must be an iterable, or an asynchronous one; got an int",
    ),
    (
        'client.map("f", None)',
        ConfigurationError,
        "items must be an iterable, or an asynchronous one; got None",
    ),
    (
        'client.map("f", coroutine())',
        ConfigurationError,
        "items must be an iterable, or an asynchronous one; got a coroutine: await it, and pass its result",
    ),
    (
        'client.map("my function", [])',
        InvalidInputError,
        (
            "function_name 'my function' is not a function name, name:qualifier, partial ARN or ARN (letters, "
            "digits, -, _ and .)"
        ),
    ),
    (
        "client.map(command, [])",
        InvalidInputError,
        "function_name must be a string; got an InvokeCommand: send a command with client.send(command)",
    ),
    (
        'client.map("f", [], timeout="3")',
        InvalidInputError,
        ("timeout must be a number of seconds, above 0 and at most 1,000,000,000, Timeouts(...), or None; got '3'"),
    ),
    (
        'client.map("f", [], invocation_type="event")',
        ConfigurationError,
        (
            "invocation_type must be RequestResponse or Event in a map; got 'event': choose from RequestResponse,"
            " Event (did you mean 'Event'?)"
        ),
    ),
    (
        "client.map_commands(command)",
        ConfigurationError,
        "commands must be an iterable, or an asynchronous one; got an InvokeCommand",
    ),
    (
        'client.map_commands({"a": command})',
        ConfigurationError,
        (
            "commands must be an iterable, or an asynchronous one; got a dict: write commands.values(), or "
            "commands.items() for pairs"
        ),
    ),
    (
        'async with client.map_commands(["f"]) as run: await anext(aiter(run))',
        InvalidInputError,
        ("map_commands takes commands; got a string: to invoke a function by its name, write client.invoke(name, payload)"),
    ),
    (
        "async with client.map_commands([PublishVersionCommand(function_name='f')]) as run: await anext(aiter(run))",
        InvalidInputError,
        "map_commands takes commands that invoke functions; got a PublishVersionCommand: write client.send(command)",
    ),
    (
        "FakeTransport([])",
        ConfigurationError,
        "FakeTransport takes a mapping of function names to handlers, such as {'price': handler}; got a list",
    ),
    (
        'FakeTransport({"f": 5})',
        ConfigurationError,
        (
            "FakeTransport takes a mapping of function names to handlers, such as {'price': handler}; the handler"
            " of 'f' is an int, not a function of the event: for a fixed answer, write lambda event: answer"
        ),
    ),
    (
        "FakeTransport(good)",
        ConfigurationError,
        ("FakeTransport takes a mapping of function names to handlers, such as {'price': handler}; got a function"),
    ),
    (
        "FakeTransport({5: good})",
        ConfigurationError,
        ("FakeTransport takes a mapping of function names to handlers, such as {'price': handler}; got a name of type int"),
    ),
    (
        'LocalFunction(nam="f", handler="a.b", root=Path())',
        TypeError,
        "LocalFunction has no argument 'nam'; did you mean name?",
    ),
    (
        'LocalFunction(name="f", handler=good, root=Path())',
        ConfigurationError,
        ("the handler of function 'f' must be Lambda's Handler setting, such as 'module.function'; got a function"),
    ),
    (
        'LocalFunction(name="f", handler="a.b", root=5)',
        ConfigurationError,
        "the root of function 'f' must be the directory of the handler, as a Path; got an int",
    ),
    (
        'LocalFunction(name="f", handler="a.b", root=Path(), environment={"A": 5})',
        ConfigurationError,
        "function 'f': the value of the variable A must be text without NUL characters",
    ),
    (
        'LocalFunction(name="f", handler="a.b", root=Path(), environment=["A=5"])',
        ConfigurationError,
        "the environment of function 'f' must be a mapping of names to values; got a list",
    ),
    (
        'LocalFunction(name="f", handler="a.b", root=Path(), runtime="python")',
        ConfigurationError,
        "the runtime of function 'f' must be a command as a tuple of strings, or None; got a string",
    ),
    (
        'LocalEndpoint({"f": good})',
        ConfigurationError,
        "functions must be LocalFunctions, as in LocalEndpoint([LocalFunction(...)]); got a dict",
    ),
    (
        "LocalEndpoint(FUNCTION)",
        ConfigurationError,
        "functions must be LocalFunctions, as in LocalEndpoint([LocalFunction(...)]); got a LocalFunction",
    ),
    (
        'LocalEndpoint(["f=a.py:b"])',
        ConfigurationError,
        "functions must be LocalFunctions, as in LocalEndpoint([LocalFunction(...)]); got one of type str",
    ),
    (
        'LocalEndpoint([], credentials={"a": 1})',
        ConfigurationError,
        "credentials must be Credentials(...); got a dict",
    ),
    (
        "LocalEndpoint([], region=5)",
        ConfigurationError,
        "region must be a string; got int",
    ),
    (
        "LocalEndpoint([], on_log=5)",
        ConfigurationError,
        "on_log must be a function; got 5",
    ),
    (
        "LocalEndpoint([], prt=5)",
        TypeError,
        "LocalEndpoint has no argument 'prt'; did you mean port?",
    ),
    (
        "with LocalEndpoint([]) as endpoint: pass",
        TypeError,
        "an endpoint is used in an async block: async with LocalEndpoint(...) as endpoint: ...",
    ),
    (
        "SessionTransport(None)",
        TypeError,
        "SessionTransport takes an aiohttp.ClientSession; got None",
    ),
    (
        "SessionTransport(ClientSession)",
        TypeError,
        "SessionTransport takes an aiohttp.ClientSession; got the class ClientSession",
    ),
    (
        "from_profile(5)",
        ConfigurationError,
        "from_profile takes the name of a profile; got 5",
    ),
    (
        'from_botocore("my-profile")',
        ConfigurationError,
        ("from_botocore takes a session of boto3, botocore or aiobotocore; got str, which has no get_credentials"),
    ),
    (
        "from_botocore(None)",
        ConfigurationError,
        ("from_botocore takes a session of boto3, botocore or aiobotocore; got NoneType, which has no get_credentials"),
    ),
    (
        'assume_role("arn:aws:iam::123456789012:role/caller", duration=3600)',
        ConfigurationError,
        "duration must be a timedelta, from 15 minutes to 12 hours; got 3600",
    ),
    (
        "NoRetry(3)",
        TypeError,
        "NoRetry takes no arguments",
    ),
    (
        "LambdaClient(retry=StandardRetry)",
        ConfigurationError,
        "retry must be a retry strategy; got the class StandardRetry: create an instance of it",
    ),
    (
        "LambdaClient(limits=6)",
        ConfigurationError,
        "limits must be PayloadLimits(...); got 6",
    ),
    (
        "LambdaClient(max_concurrency=0)",
        ConfigurationError,
        "max_concurrency must be a whole number, 1 to 1,000,000,000; got 0",
    ),
    (
        'await client.close(grace="5")',
        ConfigurationError,
        "grace must be a number of seconds, 0 to 1,000,000,000, or None; got '5'",
    ),
    (
        "NoRetry(max_attempts=1)",
        TypeError,
        "NoRetry takes no arguments; got 'max_attempts'",
    ),
    (
        'Timeouts({"total": 3})',
        TypeError,
        "Timeouts takes keyword arguments only, such as Timeouts(total=...); got a dict",
    ),
    (
        "LambdaClientConfig(max_attempts=5)",
        TypeError,
        (
            "LambdaClientConfig has no argument 'max_attempts'; it has region, profile, credentials, "
            "endpoint_url, ignore_configured_endpoint_urls, use_fips_endpoint, use_dualstack_endpoint, "
            "use_arn_region, timeout, tcp_keepalive, retry, retry_stale_connections, "
            "disable_clock_skew_correction, max_concurrency, idempotent, hedge_after, limits, response_limits, codec, "
            "transport, idle_connection_timeout, ca_bundle, ssl_context, proxy, logger, user_agent_extra, "
            "user_agent_app_id"
        ),
    ),
    (
        'client.invoke("f", Payload=1)',
        TypeError,
        "LambdaClient.invoke() has no argument 'Payload'; did you mean payload?",
    ),
    (
        'client.invoke(FunctionName="f")',
        TypeError,
        "LambdaClient.invoke() has no argument 'FunctionName'; did you mean function_name?",
    ),
    (
        'client.invoke("f", InvocationType="Event")',
        TypeError,
        (
            "LambdaClient.invoke() has no argument 'InvocationType'; write client.invoke_event(...) for 'Event', "
            "client.dry_run(...) for 'DryRun'"
        ),
    ),
    (
        'client.invoke(FunctionName="f", Payload="hunter2", InvocationType="Event")',
        TypeError,
        (
            "LambdaClient.invoke() has no argument 'FunctionName'; did you mean function_name?; no argument "
            "'Payload'; did you mean payload?; no argument 'InvocationType'; write client.invoke_event(...) for "
            "'Event', client.dry_run(...) for 'DryRun'"
        ),
    ),
    (
        'client.invoke("f", {}, "hunter2")',
        TypeError,
        "LambdaClient.invoke() takes function_name, payload by position; got a string too: write qualifier=...",
    ),
    (
        "client.invoke()",
        TypeError,
        "LambdaClient.invoke() needs function_name=...",
    ),
    (
        'client.invoke("f", function_name="f")',
        TypeError,
        "LambdaClient.invoke() got function_name twice, by position and by name",
    ),
    (
        'client.invoke_event(FunctionName="f")',
        TypeError,
        "LambdaClient.invoke_event() has no argument 'FunctionName'; did you mean function_name?",
    ),
    (
        'client.stream("f", Payload="hunter2")',
        TypeError,
        "LambdaClient.stream() has no argument 'Payload'; did you mean payload?",
    ),
    (
        'client.dry_run("f", json="hunter2")',
        TypeError,
        "LambdaClient.dry_run() has no argument 'json'; write payload=...",
    ),
    (
        "client.send(command, abortSignal=5)",
        TypeError,
        "LambdaClient.send() has no argument 'abortSignal'; cancel the task of the call, or write timeout=..., in seconds",
    ),
    (
        'client.send(command, {"abortSignal": 5})',
        TypeError,
        (
            "LambdaClient.send() takes keyword arguments, not a dictionary; cancel the task of the call, or write"
            " timeout=..., in seconds"
        ),
    ),
    (
        'client.send(command, {"requestTimeout": 5, "idempotent": True, 7: 1, "zzz": 1})',
        TypeError,
        (
            "LambdaClient.send() takes keyword arguments, not a dictionary; write idempotent=...; write "
            "timeout=..., in seconds (JavaScript counts milliseconds)"
        ),
    ),
    (
        "client.send(command, 5)",
        TypeError,
        "LambdaClient.send() takes command by position; got an int too: write timeout=...",
    ),
    (
        'client.map("f", [], limit=5)',
        TypeError,
        "LambdaClient.map() has no argument 'limit'; write concurrency=...",
    ),
    (
        'client.map("f", [], max_concurrency=5)',
        TypeError,
        (
            "LambdaClient.map() has no argument 'max_concurrency'; write concurrency=... in a map, "
            "LambdaClient(max_concurrency=...) for all calls"
        ),
    ),
    (
        'client.map("f", [], InvocationType="Event")',
        TypeError,
        "LambdaClient.map() has no argument 'InvocationType'; did you mean invocation_type?",
    ),
    (
        "client.map_commands([], limit=5)",
        TypeError,
        "LambdaClient.map_commands() has no argument 'limit'; write concurrency=...",
    ),
    (
        'stack.add(good, {"step": "build"})',
        TypeError,
        "MiddlewareStack.add() takes keyword arguments, not a dictionary; write step=...",
    ),
    (
        'stack.add(good, "build")',
        TypeError,
        "MiddlewareStack.add() takes middleware by position; got a string too: write step=...",
    ),
    (
        "stack.add(good, overide=True)",
        TypeError,
        "MiddlewareStack.add() has no argument 'overide'; did you mean override?",
    ),
    (
        'stack.add(good, tag="a")',
        TypeError,
        "MiddlewareStack.add() has no argument 'tag'; did you mean tags?",
    ),
    (
        'stack.add(good, toMiddleware="a")',
        TypeError,
        (
            "MiddlewareStack.add() has no argument 'toMiddleware'; write add_relative_to(middleware, "
            "relation=..., to_middleware=...)"
        ),
    ),
    (
        'stack.add(good, relation="before")',
        TypeError,
        "MiddlewareStack.add() has no argument 'relation'; write add_relative_to(middleware, relation=..., to_middleware=...)",
    ),
    (
        'stack.add_relative_to(good, {"relation": "before", "toMiddleware": "a"})',
        TypeError,
        "MiddlewareStack.add_relative_to() takes keyword arguments, not a dictionary; write relation=..., to_middleware=...",
    ),
    (
        'stack.add_relative_to(good, relation="before", toMiddleware="a")',
        TypeError,
        "MiddlewareStack.add_relative_to() has no argument 'toMiddleware'; did you mean to_middleware?",
    ),
    (
        'stack.add_relative_to(good, step="build")',
        TypeError,
        (
            "MiddlewareStack.add_relative_to() has no argument 'step'; the anchor decides: for a step, write "
            "add(middleware, step=...)"
        ),
    ),
    (
        'assume_role(RoleArn="arn:aws:iam::123456789012:role/caller")',
        TypeError,
        "assume_role() has no argument 'RoleArn'; did you mean role_arn?",
    ),
    (
        'assume_role("arn:aws:iam::123456789012:role/caller", RoleSessionName="a")',
        TypeError,
        "assume_role() has no argument 'RoleSessionName'; write session_name=...",
    ),
    (
        'assume_role("arn:aws:iam::123456789012:role/caller", DurationSeconds=900)',
        TypeError,
        "assume_role() has no argument 'DurationSeconds'; write duration=datetime.timedelta(seconds=...)",
    ),
    (
        'from_profile(profile="a")',
        TypeError,
        "from_profile() takes profile by position: write from_profile(profile)",
    ),
    (
        'InvokeCommand("f", {"a": "hunter2"})',
        TypeError,
        (
            "InvokeCommand takes an InvokeCommandInput, or its members by keyword; got a string: write "
            "InvokeCommand(function_name=..., payload=...)"
        ),
    ),
    (
        'InvokeCommand(InvokeCommandInput(function_name="f"), {})',
        TypeError,
        "InvokeCommand takes one input by position; got a dict too",
    ),
    (
        "InvokeCommand(None, {})",
        TypeError,
        (
            "InvokeCommand takes an InvokeCommandInput, or its members by keyword; got None: write "
            "InvokeCommand(function_name=..., payload=...)"
        ),
    ),
    (
        'InvokeWithResponseStreamCommand("f", {})',
        TypeError,
        (
            "InvokeWithResponseStreamCommand takes an InvokeWithResponseStreamCommandInput, or its members by "
            "keyword; got a string: write InvokeWithResponseStreamCommand(function_name=..., payload=...)"
        ),
    ),
    (
        "LambdaClient(retry=NoPause())",
        ConfigurationError,
        "retry must be a retry strategy; NoPause derives from RetryStrategy, and has no pause() of its own: define it",
    ),
    (
        "LambdaClient(retry=AsyncPause())",
        ConfigurationError,
        "retry must be a retry strategy; AsyncPause.pause() is an async function: write a plain one, def pause",
    ),
    (
        "LambdaClient(credentials=NoKeys())",
        ConfigurationError,
        (
            "credentials must be Credentials, or a provider of them; NoKeys derives from CredentialsProvider, and"
            " has no get_credentials() of its own: define it"
        ),
    ),
    (
        "LambdaClient(codec=AsyncCodec())",
        ConfigurationError,
        "codec must be a codec; AsyncCodec.encode() is an async function: write a plain one, def encode",
    ),
    (
        "LambdaClient(retry=5)",
        ConfigurationError,
        "retry must be a retry strategy; got an int, which has no pause(): write StandardRetry(max_attempts=5)",
    ),
    (
        'LambdaClient(retry="adaptive")',
        ConfigurationError,
        (
            "retry must be a retry strategy; got a string, which has no pause(): write "
            "StandardRetry(max_attempts=...) or NoRetry()"
        ),
    ),
    (
        'LambdaClient(retry={"max_attempts": 5})',
        ConfigurationError,
        "retry must be a retry strategy; got a dict, which has no pause(): write StandardRetry(max_attempts=...) or NoRetry()",
    ),
    (
        'LambdaClient(logger="console")',
        ConfigurationError,
        "logger must be a logging.Logger; got a string, which has no isEnabledFor(): write logging.getLogger('console')",
    ),
    (
        "LambdaClient(credentials=from_profile)",
        ConfigurationError,
        (
            "credentials must be Credentials, or a provider of them; got a function, which has no "
            "get_credentials(): call it, as in from_profile(...)"
        ),
    ),
    (
        "LambdaClient(credentials=coroutine)",
        ConfigurationError,
        (
            "credentials must be Credentials, or a provider of them; got a function, which has no "
            "get_credentials(): give an object with `async def get_credentials(self)`"
        ),
    ),
    (
        "LambdaClient(keepAlive=True)",
        ArgumentError,
        "LambdaClient: unknown keyword 'keepAlive'; connections are always reused; see idle_connection_timeout=",
    ),
    (
        'LambdaClient(defaultsMode="standard")',
        ArgumentError,
        "LambdaClient: unknown keyword 'defaultsMode'; there is none: set each value, such as timeout= and retry=",
    ),
    (
        "LambdaClient(requestTimeout=3000)",
        ArgumentError,
        "LambdaClient: unknown keyword 'requestTimeout'; write timeout=..., in seconds (JavaScript counts milliseconds)",
    ),
    (
        "LambdaClient(connectionTimeout=3000)",
        ArgumentError,
        (
            "LambdaClient: unknown keyword 'connectionTimeout'; write timeout=Timeouts(connect=...), in seconds "
            "(JavaScript counts milliseconds)"
        ),
    ),
    (
        "LambdaClient(socketTimeout=3000)",
        ArgumentError,
        (
            "LambdaClient: unknown keyword 'socketTimeout'; write timeout=Timeouts(read=...), in seconds "
            "(JavaScript counts milliseconds)"
        ),
    ),
    (
        "LambdaClient(rejectUnauthorized=False)",
        ArgumentError,
        (
            "LambdaClient: unknown keyword 'rejectUnauthorized'; TLS is always verified; to trust a certificate "
            "of your own, write ca_bundle="
        ),
    ),
    (
        'LambdaClient(apiVersion="2015-03-31")',
        ArgumentError,
        "LambdaClient: unknown keyword 'apiVersion'; there is one version of this API, 2015-03-31",
    ),
    (
        "LambdaClient(systemClockOffset=5)",
        ArgumentError,
        (
            "LambdaClient: unknown keyword 'systemClockOffset'; there is none: the client corrects its clock by "
            "itself, unless disable_clock_skew_correction=True"
        ),
    ),
    (
        "stack.add(swapped)",
        MiddlewareStackError,
        (
            "a middleware is `async def middleware(call, call_next): return await call_next(call)`; swapped "
            "(FILE:LINE) takes (next, args): the call comes first, and call_next second"
        ),
    ),
    (
        "stack.add(handler_first)",
        MiddlewareStackError,
        (
            "a middleware is `async def middleware(call, call_next): return await call_next(call)`; handler_first"
            " (FILE:LINE) takes (handler, context): the call comes first, and call_next second"
        ),
    ),
    (
        "stack.add(oddly_named); await client.send(command)",
        TypeError,
        "'Call' object is not callable",
    ),
    (
        "stack.add(asks_next); await client.send(command)",
        AttributeError,
        "'CallNext' object has no attribute 'request'",
    ),
    (
        "stack.add(asks_context); await client.send(command)",
        AttributeError,
        "'Call' object has no attribute 'context'; write call.state for notes, call.command_name for the command",
    ),
    (
        "stack.add(no_call); await client.send(command)",
        TypeError,
        "call_next() missing 1 required positional argument: 'call'",
    ),
    (
        'stack.add(text_body, step="build"); await client.send(command)',
        ConfigurationError,
        "call.request.body must be bytes; got a string: write text.encode()",
    ),
    (
        'stack.remove_by_tag(["x"])',
        MiddlewareStackError,
        "tag must be a string; got a list",
    ),
    (
        "stack.add(good, tags=[1])",
        MiddlewareStackError,
        "tags must be strings; got an int",
    ),
    (
        "stack.add(good, aliases=5)",
        MiddlewareStackError,
        "aliases must be strings, as in aliases=['a']; got an int",
    ),
    (
        "client.destroy()",
        AttributeError,
        "'LambdaClient' object has no attribute 'destroy'; write await client.close(), or async with",
    ),
    (
        'client.invokeWithResponseStream("f")',
        AttributeError,
        "'LambdaClient' object has no attribute 'invokeWithResponseStream'; write client.stream(...)",
    ),
    (
        'client.get_paginator("list_functions")',
        AttributeError,
        (
            "'LambdaClient' object has no attribute 'get_paginator'; write client.pages(command), such as "
            "client.pages(ListFunctionsCommand())"
        ),
    ),
    (
        'client.list_aliases(FunctionName="f")',
        AttributeError,
        "'LambdaClient' object has no attribute 'list_aliases'; write client.aliases(...)",
    ),
    (
        'client.publish_version(FunctionName="f")',
        AttributeError,
        (
            "'LambdaClient' object has no attribute 'publish_version'; write client.send(PublishVersionCommand(...)); the "
            "commands are in aiolambda.operations"
        ),
    ),
    (
        "client.middlewareStack.add(good)",
        AttributeError,
        "'LambdaClient' object has no attribute 'middlewareStack'; write client.middleware_stack",
    ),
    (
        "client.config.maxAttempts",
        AttributeError,
        "'LambdaClientConfig' object has no attribute 'maxAttempts'; see config.retry, such as StandardRetry(max_attempts=3)",
    ),
    (
        "client.config.region_name",
        AttributeError,
        "'LambdaClientConfig' object has no attribute 'region_name'; write config.region",
    ),
]
"""The line, the class of its error, and the text of its error. A place in a file is `FILE:LINE` there."""


def fake() -> LambdaClient:
    return LambdaClient(transport=FakeTransport({"f": lambda event: event}))


async def error_of(line: str, client: LambdaClient) -> Exception:
    """The error that a line raises."""
    names: dict[str, Any] = {}
    exec(compile(SETUP, "setup", "exec"), names)  # noqa: S102 - the text above
    names |= {"client": client, "stack": client.middleware_stack}
    code = compile(line, HERE, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    try:
        running = eval(code, names)  # noqa: S307 - a line of the table
        if inspect.iscoroutine(running):
            await running
    except Exception as error:
        return error
    raise AssertionError(f"{line} raised nothing")


@pytest.mark.parametrize(("line", "kind", "text"), MISTAKES, ids=[line for line, _, _ in MISTAKES])
async def test_mistake_is_told_where_it_is_written(line: str, kind: type[Exception], text: str) -> None:
    async with fake() as client:
        error = await error_of(line, client)
        assert (type(error), in_any_place(str(error))) == (kind, text)
        files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
        inside = files[files.index(HERE) + 1 :]
        assert [file for file in inside if not file.startswith(PACKAGE) and file != "setup"] == []
        assert error.__suppress_context__ or error.__context__ is None
        assert "hunter2" not in "".join(traceback.format_exception(error)).replace(line, "")
        assert client.stats.in_flight == 0


def in_any_place(text: str) -> str:
    """The text with `FILE:LINE` for the places that it names."""
    return re.sub(rf"(setup|{HERE}):\d+", "FILE:LINE", text)


@pytest.mark.parametrize(
    "line",
    [
        'stack.add(good, step="finalizeRequest")',
        "stack.add(MiddlewareClass())",
        "import functools; stack.add(functools.partial(noted, None))",
        'stack.add(good, name="a", aliases=("b",), tags={"c"})',
        "LambdaClient(retry=OwnRetry())",
        'stack.add_relative_to(good, relation="before", to_middleware="myRetryMiddleware")',
        'client.map("f", ())',
        'client.map("f", numbers())',
        'client.map("f", range(3), invocation_type="Event")',
        'LocalFunction(name="f", handler="a.b", root=".")',
        "Timeouts(queue=0)",
        "LambdaClient(timeout=None)",
        'Headers({"a": "b"})',
        'InvokeCommand(InvokeCommandInput(function_name="f"))',
        "await client.send(command, timeout=5)",
    ],
)
async def test_correct_line_is_accepted(line: str) -> None:
    async with fake() as client:
        with pytest.raises(AssertionError, match="raised nothing"):
            await error_of(line, client)


METHODS = ["send", "invoke", "invoke_event", "dry_run", "stream", "map", "map_commands"]


@pytest.mark.parametrize("name", METHODS)
def test_method_keeps_its_signature(name: str) -> None:
    method = getattr(LambdaClient, name)
    assert not {"args", "kwargs"} & inspect.signature(method).parameters.keys()
    assert "Args:" in (method.__doc__ or "")
    assert method.__qualname__ == f"LambdaClient.{name}"
    assert inspect.unwrap(method).__qualname__ == method.__qualname__
    assert inspect.iscoroutinefunction(method) == (name not in ("stream", "map", "map_commands"))
    assert (f"async {name}(" in pydoc.plain(pydoc.render_doc(method))) == inspect.iscoroutinefunction(method)
    assert isinstance(getattr(create_autospec(LambdaClient), name), AsyncMock) == inspect.iscoroutinefunction(method)


def test_every_remedy_names_something_to_do() -> None:
    settings = inspect.signature(LambdaClient).parameters.keys() - {"config"}
    assert not settings & {*_ELSEWHERE, *_NO_COUNTERPART}
    assert not _ELSEWHERE.keys() & _NO_COUNTERPART.keys()
    for name in ("send", "invoke"):
        assert not inspect.signature(getattr(LambdaClient, name)).parameters.keys() & CALL_REMEDIES.keys()
    for remedies in (_ELSEWHERE, _NO_COUNTERPART, CALL_REMEDIES):
        assert all(snake(name) == name for name in remedies)


@pytest.mark.parametrize("kind", [LambdaClient, LambdaClientConfig])
def test_names_of_other_libraries_are_not_listed(kind: Any) -> None:
    elsewhere = {name for name, value in vars(kind).items() if isinstance(value, NamedElsewhere)}
    assert elsewhere
    one = kind()
    assert not elsewhere & {*dir(one), *dir(kind)}
    assert [name for name in elsewhere if hasattr(one, name) or hasattr(kind, name)] == []
    shown = pydoc.plain(pydoc.render_doc(kind))
    assert [name for name in elsewhere if f"|  {name}\n" in shown] == []
    assert "config" in dir(LambdaClient)


def test_internal_names_are_not_listed() -> None:
    assert not {"add_closing", "fold_for"} & {*dir(LambdaClient().middleware_stack)}
    for module in (aiolambda.credentials, aiolambda.errors):
        assert {name for name in dir(module) if not name.startswith("__")} == {*module.__all__}


async def test_closed_client_says_so() -> None:
    client = fake()
    await client.open()
    assert repr(client) == "<LambdaClient region nowhere, 0 calls in flight>"
    await client.close()
    assert repr(client) == "<LambdaClient region nowhere, 0 calls in flight, closed>"


def test_repr_of_a_command_shows_what_is_given() -> None:
    command = InvokeCommand(function_name="f", payload={"a": "hunter2"}, client_context={"a": "hunter2"}, tenant_id="hunter2")
    assert repr(command) == (
        "InvokeCommand(InvokeCommandInput(function_name='f', payload=<a dict>, invocation_type=None, log_type=None, "
        "client_context=<given>, qualifier=None, tenant_id=<given>, durable_execution_name=None))"
    )
    for payload, shown in ((None, "None"), (b"hunter2", "<7 bytes>"), ("hunter2", "<7 characters>"), (7, "<an int>")):
        for kind in (InvokeCommand, InvokeWithResponseStreamCommand):
            text = repr(kind(function_name="f", payload=payload))
            assert f"payload={shown}, " in text
            assert "client_context=None" in text


async def test_middleware_can_be_added_by_a_decorator() -> None:
    async with fake() as client:

        @client.middleware_stack.add
        async def note(call: Any, call_next: Any) -> Any:
            call.state["seen"] = True
            return await call_next(call)

        assert inspect.iscoroutinefunction(note)
        assert (await client.invoke("f", 1)).json() == 1
        assert client.middleware_stack.remove(note)


async def test_error_of_the_type_of_the_call_passes() -> None:
    """A TypeError from inside of a method is not an error of its arguments."""
    async with fake() as client:
        with pytest.raises(TypeError, match="^hello$"):
            client.map("f", Untyped())  # type: ignore[arg-type]


class Untyped:
    @property
    def __class__(self) -> Any:
        raise TypeError("hello")


def test_other_thread_is_told_to_make_its_own_client() -> None:
    client = fake()
    told: list[str] = []

    async def elsewhere() -> None:
        with pytest.raises(ConfigurationError) as raised:
            await client.invoke("f", 1)
        told.append(str(raised.value))

    async def main() -> None:
        async with client:
            thread = threading.Thread(target=lambda: asyncio.run(elsewhere()))
            thread.start()
            await asyncio.to_thread(thread.join)

    asyncio.run(main())
    [text] = told
    assert text == (
        "this client is bound to another running event loop; create one client per loop, and so per thread: "
        "async with LambdaClient(...) as client inside of it"
    )


def test_call_without_a_loop_says_what_it_needs() -> None:
    call = fake().invoke("f")
    assert isinstance(call, CoroutineType)
    with pytest.raises(ConfigurationError) as raised:
        call.send(None)
    assert str(raised.value) == (
        "LambdaClient must be used inside an asyncio task, and no asyncio loop is running here: use asyncio.run(main())"
    )


async def test_wrong_function_name_is_not_quoted(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", logger="aiolambda")
    wrong: Any = {"FunctionName": "f", "Payload": "hunter2"}
    async with fake() as client:
        for command in (lambda: client.invoke(wrong), lambda: client.send(InvokeCommand(function_name=wrong))):
            with pytest.raises(InvalidInputError) as raised:
                await command()
            assert "hunter2" not in str(raised.value) + str(getattr(raised.value, "__notes__", ""))
    assert "InvalidInputError" in caplog.text
    assert "hunter2" not in caplog.text


def test_boto_session_is_sent_to_from_botocore() -> None:
    session = pytest.importorskip("botocore.session").Session()
    with pytest.raises(ConfigurationError, match=r"got an object of botocore.session: write .*from_botocore\(session\)$"):
        LambdaClient(credentials=session)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("tota", "total"),
        ("FunctionName", "function_name"),
        ("maxConcurrency", "max_concurrency"),
        ("regoin", "region"),
        ("colour", None),
        (5, None),
    ],
)
def test_nearest_name_is_found(name: object, meant: str | None) -> None:
    assert nearest(name, ["total", "function_name", "max_concurrency", "region"]) == meant


def test_credentials_in_a_traceback_are_hidden() -> None:
    with pytest.raises(TypeError) as raised:
        Credentials("AKIDEXAMPLE", "hunter2", 5)  # type: ignore[arg-type]
    inside = [frame for frame, _ in traceback.walk_tb(raised.value.__traceback__)][1:]
    assert inside
    assert not any("hunter2" in repr(frame.f_locals) for frame in inside)


@pytest.mark.parametrize("wrong", [True, "1", float("nan"), [1]], ids=repr)
async def test_wrong_timeout_after_its_equal_is_refused(wrong: Any) -> None:
    async with fake() as client:
        for _ in range(2):
            await client.invoke("f", 1, timeout=1)
            with pytest.raises(InvalidInputError, match="timeout must be a number of seconds") as raised:
                await client.invoke("f", 1, timeout=wrong)
            assert raised.value.member == "timeout"
