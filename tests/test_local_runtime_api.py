"""The Runtime API's own rules, held against runtimes that break them."""

import time
from contextlib import asynccontextmanager

import aiohttp
import pytest

from aiolambda.local.invocations import Invocation
from aiolambda.local.runtime_api import RuntimeApi

INVOCATION = Invocation(request_id="8f507cfc-3f56", payload=b'{"a": 1}', function_arn="arn:x", trace_id="Root=1-2")


class Runtime:
    """A runtime client that does as it is told."""

    def __init__(self, address, session):
        self.url = f"http://{address}/2018-06-01/runtime"
        self.session = session

    async def next(self):
        async with self.session.get(f"{self.url}/invocation/next") as response:
            return response.status, response.headers, await response.read()

    async def post(self, path, body=b"", **headers):
        async with self.session.post(f"{self.url}/{path}", data=body, headers=headers) as response:
            return response.status, await response.json()


@asynccontextmanager
async def api_and_runtime():
    api = RuntimeApi()
    async with aiohttp.ClientSession() as session:
        try:
            yield api, Runtime(await api.start(), session)
        finally:
            await api.close()


async def test_an_invocation_is_handed_over_with_all_that_is_known_of_it():
    invocation = Invocation(
        request_id="1-2",
        payload=b"[1]",
        function_arn="arn:x",
        trace_id="Root=1",
        client_context='{"custom": 1}',
        tenant_id="blue",
    )
    async with api_and_runtime() as (api, runtime):
        answer = api.dispatch(invocation, deadline := time.time() + 3)
        status, headers, body = await runtime.next()
        assert await runtime.post("invocation/1-2/response", b"[2]") == (202, {"status": "OK"})
    assert (status, body, headers["Content-Type"]) == (200, b"[1]", "application/json")
    assert {name: value for name, value in headers.items() if name.startswith("Lambda-Runtime")} == {
        "Lambda-Runtime-Aws-Request-Id": "1-2",
        "Lambda-Runtime-Deadline-Ms": str(int(deadline * 1000)),
        "Lambda-Runtime-Invoked-Function-Arn": "arn:x",
        "Lambda-Runtime-Trace-Id": "Root=1",
        "Lambda-Runtime-Client-Context": '{"custom": 1}',
        "Lambda-Runtime-Aws-Tenant-Id": "blue",
    }
    assert (answer.result().payload, answer.result().error_type) == (b"[2]", None)


@pytest.mark.parametrize("path", ["invocation/somebody-else/response", "invocation/somebody-else/error"])
async def test_an_answer_to_an_invocation_that_does_not_run_is_refused(path):
    async with api_and_runtime() as (api, runtime):
        answer = api.dispatch(INVOCATION, 0)
        await runtime.next()
        status, body = await runtime.post(path, b"{}")
        assert not answer.done()
    assert (status, body["errorType"]) == (400, "InvalidRequestID")


async def test_an_invocation_is_answered_once():
    async with api_and_runtime() as (api, runtime):
        answer = api.dispatch(INVOCATION, 0)
        await runtime.next()
        statuses = [(await runtime.post(f"invocation/{INVOCATION.request_id}/response", body))[0] for body in (b"1", b"2")]
    assert statuses == [202, 400]
    assert answer.result().payload == b"1"


async def test_a_runtime_cannot_ask_for_more_before_it_has_answered():
    async with api_and_runtime() as (api, runtime):
        api.dispatch(INVOCATION, 0)
        await runtime.next()
        assert (await runtime.next())[0] == 403


async def test_an_error_of_the_function_keeps_its_bytes_and_its_type():
    async with api_and_runtime() as (api, runtime):
        answer = api.dispatch(INVOCATION, 0)
        await runtime.next()
        headers = {"Lambda-Runtime-Function-Error-Type": "Tea.Cold"}
        assert (await runtime.post(f"invocation/{INVOCATION.request_id}/error", b'{ "a":1}', **headers))[0] == 202
    assert (answer.result().payload, answer.result().error_type) == (b'{ "a":1}', "Tea.Cold")


async def test_an_error_without_a_type_is_an_error():
    async with api_and_runtime() as (api, runtime):
        answer = api.dispatch(INVOCATION, 0)
        await runtime.next()
        await runtime.post(f"invocation/{INVOCATION.request_id}/error")
    assert answer.result().error_type == "Function.Unknown"


async def test_a_runtime_is_ready_when_it_polls_and_has_failed_when_it_says_so():
    async with api_and_runtime() as (api, runtime):
        assert (await runtime.post("init/error", b'{"errorType": "A"}', **{"Lambda-Runtime-Function-Error-Type": "A"}))[
            0
        ] == 202
        assert api.ready.result() is not None
        assert api.ready.result().error_type == "A"
        assert (await runtime.post("init/error"))[0] == 403


async def test_a_response_that_is_too_large_is_refused_and_ends_the_invocation():
    async with api_and_runtime() as (api, runtime):
        answer = api.dispatch(INVOCATION, 0)
        await runtime.next()

        async def body():
            for _ in range(7):
                yield b"x" * 1_000_000

        status, content = await runtime.post(f"invocation/{INVOCATION.request_id}/response", body())
    assert (status, content["errorType"]) == (413, "RequestEntityTooLarge")
    assert answer.result().error_type == "Function.ResponseSizeTooLarge"


def test_payloads_and_contexts_are_in_no_repr():
    invocation = Invocation(
        request_id="1",
        payload=b"secret",
        function_arn="arn:x",
        trace_id="t",
        client_context='{"token": "secret"}',
        tenant_id="secret",
    )
    assert "secret" not in repr(invocation)
