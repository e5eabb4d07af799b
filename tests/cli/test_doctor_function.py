"""What the doctor says of a function: its state, its limits, and the permissions that are missing for them."""

import json
from typing import Any

import pytest

from aiolambda import AccountLimits, FunctionDescription
from aiolambda.cli.doctor.function import check_limits, check_state

from ..support.cli import environment, run
from ..support.servers import Connection, Script, answer, raw_server

ACTIVE: dict[str, Any] = {"state": "Active", "last_update_status": "Successful"}
SETTINGS: dict[str, Any] = {"version": "7", "timeout": 900, "memory": 10_240}
SHOWN = "version 7, timeout 900 s, memory 10,240 MiB"


@pytest.mark.parametrize(
    ("members", "state", "text", "advice"),
    [
        (ACTIVE, "ok", f"the function is ready: {SHOWN}", None),
        (
            {"state": "Pending", "state_reason_code": "Creating", "state_reason": "It is being created."},
            "warning",
            f"its state is Pending, Creating: It is being created.; {SHOWN}",
            "wait until it is active; Lambda refuses most invocations until then",
        ),
        (
            {"state": "Inactive", "state_reason_code": "Idle"},
            "warning",
            f"its state is Inactive, Idle; {SHOWN}",
            "the first invocation starts it again, and fails meanwhile: repeat it, or wait until it is active",
        ),
        ({"state": "Newer"}, "warning", f"its state is Newer; {SHOWN}", "wait until it is active"),
        (
            {"state": "Failed", "state_reason_code": "ImageDeleted", "state_reason": "The image is gone."},
            "problem",
            f"its state is Failed, ImageDeleted: The image is gone.; {SHOWN}",
            "correct what the text names, and update or create the function again",
        ),
        (
            {"state": "Active", "last_update_status": "InProgress"},
            "warning",
            f"its last update is InProgress; {SHOWN}",
            "wait until it is updated; until then the old code runs",
        ),
        (
            {"state": "Active", "last_update_status": "Failed", "last_update_reason": "No subnet."},
            "warning",
            f"its last update is Failed: No subnet.; {SHOWN}",
            "update it again; until then the old code runs",
        ),
    ],
    ids=["ready", "pending", "inactive", "newer", "failed", "in progress", "update failed"],
)
def test_the_state_is_told_with_its_reason(members: dict[str, Any], state: str, text: str, advice: str | None) -> None:
    check = check_state(FunctionDescription(**SETTINGS, **members))
    assert (check.name, check.state, check.text, check.advice) == ("state", state, text, advice)
    assert {name: check.facts[name] for name in SETTINGS} == SETTINGS
    assert check.code == (3 if state == "problem" else 0)


def test_a_function_of_which_nothing_is_known_is_ready() -> None:
    assert check_state(FunctionDescription()).text == "the function is ready"


ACCOUNT = AccountLimits(concurrent_executions=1000, unreserved_concurrent_executions=990)


@pytest.mark.parametrize(
    ("reserved", "account", "state", "text"),
    [
        (10, ACCOUNT, "ok", "10 of the account's 1,000 concurrent invocations are reserved for it, and are its limit"),
        (10, AccountLimits(), "ok", "10 concurrent invocations are reserved for it, and are its limit"),
        (None, ACCOUNT, "ok", "it shares 990 of the account's 1,000 concurrent invocations with other functions"),
        (None, AccountLimits(), "skipped", "not known: the answer does not have them"),
        (0, ACCOUNT, "warning", "no invocation can run: its reserved concurrency is 0"),
    ],
    ids=["reserved", "reserved alone", "shared", "unknown", "none"],
)
def test_the_limits_are_those_of_the_function_or_of_the_account(
    reserved: int | None, account: AccountLimits, state: str, text: str
) -> None:
    check = check_limits(FunctionDescription(reserved_concurrency=reserved), account)
    assert (check.name, check.state, check.text) == ("limits", state, text)


def lambda_with(function: bytes, account: bytes) -> Script:
    """A server of one function: a DryRun is allowed, and these are the answers to the two questions."""

    async def script(connection: Connection) -> None:
        while True:
            path = (await connection.read_request())[0].split(b" ")[1]
            if b"/invocations" in path:
                await connection.write(answer("204 No Content", "x-amzn-requestid: id\r\n", b""))
            elif b"account-settings" in path:
                await connection.write(account)
            else:
                await connection.write(function if b"/functions/" in path else answer())

    return script


def members(**content: object) -> bytes:
    return answer("200 OK", "x-amzn-requestid: id\r\ncontent-type: application/json\r\n", json.dumps(content).encode())


FUNCTION = members(
    Configuration={"State": "Active", "LastUpdateStatus": "Successful", "Version": "7", "Timeout": 900, "MemorySize": 512}
)
RESERVED = members(Configuration={"State": "Active"}, Concurrency={"ReservedConcurrentExecutions": 5})
LIMITS = members(AccountLimit={"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 900})
DENIED = answer("403 Forbidden", "x-amzn-ErrorType: AccessDeniedException\r\n", b'{"Message": "not authorized"}')
UNKNOWN = answer("404 Not Found", "x-amzn-ErrorType: UnknownOperationException\r\n", b'{"Message": "no such thing"}')


@pytest.mark.parametrize(
    ("function", "account", "state", "limits"),
    [
        (
            FUNCTION,
            LIMITS,
            "the function is ready: version 7, timeout 900 s, memory 512 MiB",
            "it shares 900 of the account's 1,000 concurrent invocations with other functions",
        ),
        (
            DENIED,
            LIMITS,
            "not known: these credentials lack the permission lambda:GetFunction",
            "not known: they need the function's settings",
        ),
        (
            FUNCTION,
            DENIED,
            "the function is ready: version 7, timeout 900 s, memory 512 MiB",
            "not known: these credentials lack the permission lambda:GetAccountSettings",
        ),
        (
            RESERVED,
            DENIED,
            "the function is ready",
            "5 concurrent invocations are reserved for it, and are its limit",
        ),
        (
            UNKNOWN,
            UNKNOWN,
            "not known: UnknownOperationException, no such thing",
            "not known: they need the function's settings",
        ),
    ],
    ids=["all", "no function", "no account", "reserved", "another server"],
)
async def test_missing_permissions_are_no_problem(function: bytes, account: bytes, state: str, limits: str) -> None:
    async with raw_server(lambda_with(function, account)) as server:
        variables = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "eu-west-1"}
        given = environment(**variables, AWS_ENDPOINT_URL=server.url)
        done = await run("doctor", "--function", "app", "--qualifier", "7", "--json", env=given)
    told = json.loads(done.stdout)
    checks = {check["name"]: check["text"] for check in told["checks"]}
    assert (done.code, checks["state"], checks["limits"]) == (0, state, limits)
    assert [head.split(b" ")[1] for head, _ in server.requests if b"/functions/app?" in head] == [
        b"/2015-03-31/functions/app?Qualifier=7"
    ]
