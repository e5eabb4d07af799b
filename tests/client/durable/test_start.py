"""Starting a durable execution: what is sent, and how it is found again if the answer is lost."""

import asyncio
import io
import pickle
import re
import traceback
from typing import Any

import pytest

from aiolambda import (
    AccessDeniedException,
    AiolambdaError,
    ClientClosedError,
    ConnectError,
    ConnectionLostError,
    Delivery,
    DurableExecutionAlreadyStartedException,
    InvalidInputError,
    InvocationTimeoutError,
    LambdaServiceException,
    NotDurableError,
    Request,
    Response,
    StandardRetry,
    Timeouts,
)

from ...support.durable_service import MISSING, DurableService, Fact, arn_of, client_of, now
from ...support.function_service import failure, found

pytestmark = pytest.mark.virtual_time

ARN = arn_of("order-7")


async def lost(_: Request) -> Any:
    raise ConnectionLostError("lost")


def sent(service: DurableService) -> list[bytes]:
    return [body for kind, body in service.bodies if kind == "start"]


def begun(input: str = '{"id":7}', **members: Any) -> Any:
    """A start that begins an execution, and whose answer is lost."""

    async def lose(request: Request) -> Any:
        assert service.facts is not None
        service.facts["order-7"] = Fact("order-7", input=input, **members)
        raise ConnectionLostError("lost")

    service = DurableService(faults={"start": [lose]})
    return service


# What is sent


async def test_a_start_is_an_event_with_a_name() -> None:
    service, headers = DurableService(), {}

    async def look(request: Request) -> None:
        headers.update({name.lower(): value for name, value in request.headers.items()})

    service.faults["start"] = [look]
    async with client_of(service) as client:
        execution = await client.start_durable("orders", {"id": 7}, name="order-7", qualifier="live", tenant_id="t-1")
    assert (execution.arn, execution.name, execution.function_name) == (ARN, "order-7", "orders")
    assert repr(execution) == f"<DurableExecution {ARN}>"
    assert headers["x-amz-invocation-type"] == "Event"
    assert (headers["x-amz-durable-execution-name"], headers["x-amz-tenant-id"]) == ("order-7", "t-1")
    assert sent(service) == [b'{"id":7}']
    assert service.asked[0][2].endswith("/functions/orders/invocations?Qualifier=live")


async def test_a_start_without_a_name_gets_a_random_one() -> None:
    service = DurableService()
    async with client_of(service) as client:
        names = {(await client.start_durable("orders:live")).name for _ in range(20)}
    assert len(names) == 20
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{20,64}", name) for name in names)


@pytest.mark.parametrize("function_name", ["orders:live", "orders:7", "orders:$LATEST", f"{ARN.split('/')[0]}"])
async def test_a_qualifier_may_stand_in_the_name(function_name: str) -> None:
    async with client_of(DurableService()) as client:
        assert (await client.start_durable(function_name, name="order-7")).arn == ARN


@pytest.mark.parametrize(
    ("function_name", "members", "text"),
    [
        ("orders", {}, "needs a version or an alias of its function, or \\$LATEST: write 'orders:live', or qualifier="),
        (ARN.split(":7/")[0], {}, "needs a version or an alias"),
        ("no name", {}, "is not a function name"),
        ("../orders:live", {}, "is not a function name"),
        ("orders:live", {"name": ""}, "durable_execution_name has 0 characters"),
        ("orders:live", {"name": "x" * 65}, "durable_execution_name has 65 characters"),
        ("orders:live", {"name": "a/b"}, "may contain only letters"),
        ("orders:live", {"name": "a\r\nX: 1"}, "may contain only letters"),
        ("orders:live", {"name": "🍵"}, "may contain only letters"),
        ("orders:live", {"name": 7}, "must be a string; got int"),
        ("orders:live", {"payload": "hello"}, "payload is text that is not JSON"),
        ("orders:live", {"payload": b"x" * 2_000_000}, "the limit of Event"),
        ("orders", {"qualifier": "a b"}, "qualifier 'a b' may contain only"),
    ],
)
async def test_a_wrong_start_is_refused_before_sending(function_name: str, members: Any, text: str) -> None:
    service = DurableService()
    async with client_of(service) as client:
        with pytest.raises(InvalidInputError, match=text):
            await client.start_durable(function_name, members.pop("payload", None), **members)
    assert service.asked == []


async def test_a_function_that_is_not_durable_is_told() -> None:
    service = DurableService(starts=False)
    async with client_of(service) as client:
        with pytest.raises(NotDurableError, match="the event was accepted, but the function is not durable") as raised:
            await client.start_durable("orders:live", name="order-7")
    assert (raised.value.delivery, raised.value.function_name, raised.value.request_id) == (
        Delivery.ACCEPTED,
        "orders:live",
        "id",
    )
    assert pickle.loads(pickle.dumps(raised.value)).may_have_run
    assert service.kinds() == ["start"]


async def test_an_answer_with_a_strange_arn_is_refused() -> None:
    service = DurableService(
        faults={"start": [Response(202, {"x-amzn-requestid": "id", "x-amz-durable-execution-arn": "../../x"})]}
    )
    async with client_of(service) as client:
        with pytest.raises(AiolambdaError, match="accepted, but what its answer names is not the ARN of a durable") as raised:
            await client.start_durable("orders:live", name="order-7")
    assert (raised.value.delivery, raised.value.function_name) == (Delivery.ACCEPTED, "orders:live")


# A lost answer


async def test_a_lost_answer_is_looked_up_and_not_sent_again() -> None:
    service = begun()
    async with client_of(service, retry=StandardRetry()) as client:
        execution = await client.start_durable("orders:live", {"id": 7}, name="order-7")
        assert execution.arn == ARN
        service.facts["order-7"].statuses = [(0.0, "SUCCEEDED")]
        service.facts["order-7"].result = "1"
        assert (await execution.result()).json() == 1
    assert service.kinds() == ["start", "list", "data", "get", "data"]
    assert service.asked[1][2].endswith("/functions/orders/durable-executions?DurableExecutionName=order-7")


@pytest.mark.parametrize("name", [None, "order-7"])
async def test_the_lookup_waits_until_the_execution_is_visible(name: str | None) -> None:
    async def lose(request: Request) -> Any:
        name = {name.lower(): value for name, value in request.headers.items()}["x-amz-durable-execution-name"]
        service.facts[name] = Fact(name, visible_at=12.0)
        raise InvocationTimeoutError("late", exceeded="read")

    service = DurableService(faults={"start": [lose]})
    async with client_of(service) as client:
        execution = await client.start_durable("orders:live", name=name)
    assert execution.name in service.facts
    assert 12 <= now() <= 21
    assert 3 <= service.count()["list"] <= 8
    assert service.count()["start"] == 1


async def test_an_execution_that_is_listed_may_not_be_found_at_first() -> None:
    service = begun()
    service.faults["data"] = [MISSING, MISSING]
    async with client_of(service) as client:
        assert (await client.start_durable("orders:live", {"id": 7}, name="order-7")).arn == ARN
    assert (service.count()["start"], service.count()["data"]) == (1, 3)


async def test_failures_of_the_lookup_that_pass_are_survived() -> None:
    service = begun()
    service.faults["list"] = [
        failure("TooManyRequestsException", 429),
        ConnectError("refused"),
        found(),
        Response(200, {}, b"<"),
    ]
    service.faults["data"] = [failure("ServiceException", 500)]
    async with client_of(service) as client:
        assert (await client.start_durable("orders:live", {"id": 7}, name="order-7")).arn == ARN
    assert service.count()["start"] == 1


@pytest.mark.parametrize("qualifier", ["7", "$LATEST"])
async def test_a_version_narrows_the_lookup(qualifier: str) -> None:
    service = begun()
    async with client_of(service) as client:
        await client.start_durable("orders", {"id": 7}, name="order-7", qualifier=qualifier)
    assert f"Qualifier={qualifier.replace('$', '%24')}" in service.asked[1][2]


async def test_a_lost_answer_without_an_execution_stays_an_error() -> None:
    service = DurableService(faults={"start": [lost]})
    async with client_of(service) as client:
        with pytest.raises(ConnectionLostError, match="function 'orders:live'") as raised:
            await client.start_durable("orders:live", {"id": 7}, name="order-7")
    assert raised.value.delivery is Delivery.UNKNOWN
    (note,) = raised.value.__notes__
    assert note == (
        "A lookup of 30 s found no durable execution 'order-7'. If it began, follow it with "
        "client.durable_executions('orders', name='order-7'), or: aiolambda durable list orders --name order-7"
    )
    assert 30 <= now() <= 30.1
    assert service.count()["start"] == 1


async def test_a_lookup_that_is_forbidden_says_so() -> None:
    service = DurableService(faults={"start": [lost], "list": [failure("AccessDeniedException", 403)]})
    async with client_of(service) as client:
        with pytest.raises(ConnectionLostError) as raised:
            await client.start_durable("orders:live", name="order-7")
    assert raised.value.__notes__[0].startswith(
        "The durable execution 'order-7' could not be looked up: AccessDeniedException."
    )
    assert service.kinds() == ["start", "list"]


async def test_a_service_that_is_gone_ends_the_lookup_in_time() -> None:
    service = DurableService(faults={"start": [lost], "list": [ConnectError("refused")] * 100})
    async with client_of(service) as client:
        with pytest.raises(ConnectionLostError) as raised:
            await client.start_durable("orders:live", name="order-7")
    assert "could not be looked up: ConnectError" in raised.value.__notes__[0]
    assert 30 <= now() <= 30.1


@pytest.mark.parametrize(("timeout", "seconds"), [(5, 5), (Timeouts(total=4), 4), (100, 30), (None, 30)], ids=str)
async def test_the_lookup_takes_no_longer_than_the_call_might(timeout: Any, seconds: float) -> None:
    service = DurableService(faults={"start": [lost]})
    async with client_of(service) as client:
        with pytest.raises(ConnectionLostError):
            await client.start_durable("orders:live", name="order-7", timeout=timeout)
    assert seconds <= now() <= seconds + 0.1


async def test_a_silent_service_is_bounded_too() -> None:
    service = DurableService(latency=1000)
    async with client_of(service) as client:
        with pytest.raises(InvocationTimeoutError) as raised:
            await client.start_durable("orders:live", name="order-7", timeout=5)
    assert 10 <= now() <= 10.1
    assert "could not be looked up: TimeoutError" in raised.value.__notes__[0]
    assert service.in_flight == 0


async def test_an_error_that_is_certain_is_not_looked_up() -> None:
    for fault in (ConnectError("refused"), failure("AccessDeniedException", 403), failure("ResourceNotFoundException", 404)):
        service = DurableService(faults={"start": [fault]})
        async with client_of(service) as client:
            with pytest.raises((ConnectError, LambdaServiceException)) as raised:
                await client.start_durable("orders:live", name="order-7")
        assert not raised.value.may_have_run
        assert service.kinds() == ["start"]


# The input of the execution that is found


@pytest.mark.parametrize("input", ['{"id":7}', '{ "id" : 7.0 }', None])
async def test_an_execution_with_the_same_input_is_taken_up(input: Any) -> None:
    async with client_of(begun(input)) as client:
        assert (await client.start_durable("orders:live", {"id": 7}, name="order-7")).arn == ARN


@pytest.mark.parametrize(("input", "sent"), [("1", "true"), ('{"a":[0]}', '{"a":[false]}'), ("[1]", "[1,2]"), ("{}", "[]")])
async def test_values_that_only_python_holds_to_be_equal_are_others(input: str, sent: str) -> None:
    async with client_of(begun(input)) as client:
        with pytest.raises(DurableExecutionAlreadyStartedException, match="was started with another input"):
            await client.start_durable("orders:live", sent, name="order-7")


@pytest.mark.parametrize("payload", [b"\xff\x00", b'{"id":8}', b"7"])
async def test_an_execution_with_another_input_is_not_taken_up(payload: bytes) -> None:
    service = begun()
    async with client_of(service) as client:
        with pytest.raises(DurableExecutionAlreadyStartedException, match="was started with another input") as raised:
            await client.start_durable("orders:live", payload, name="order-7")
    assert (raised.value.status_code, raised.value.function_name) == (409, "orders:live")
    assert raised.value.delivery is Delivery.REFUSED
    assert service.count()["start"] == 1
    ours = [frame for frame, _ in traceback.walk_tb(raised.value.__traceback__) if frame.f_code.co_filename != __file__]
    assert ours
    assert '"id":7' not in "".join(repr(frame.f_locals) for frame in ours)


async def test_a_payload_from_a_file_is_compared_too() -> None:
    async with client_of(begun("[1,2]")) as client:
        assert (await client.start_durable("orders:live", io.BytesIO(b"[1,2]"), name="order-7")).arn == ARN
    async with client_of(begun("[1,2]")) as client:
        with pytest.raises(DurableExecutionAlreadyStartedException):
            await client.start_durable("orders:live", io.BytesIO(b"[1,3]"), name="order-7")


async def test_the_refusal_of_the_service_is_no_lost_answer() -> None:
    service = DurableService(faults={"start": [failure("DurableExecutionAlreadyStartedException", 409)]})
    async with client_of(service) as client:
        with pytest.raises(DurableExecutionAlreadyStartedException):
            await client.start_durable("orders:live", name="order-7")
    assert service.kinds() == ["start"]


# Repeats


async def test_a_function_that_is_known_as_durable_is_sent_again_byte_for_byte() -> None:
    service = DurableService(faults={"start": [None, lost]})
    async with client_of(service, retry=StandardRetry()) as client:
        await client.start_durable("orders:live", {"id": 6}, name="order-6")
        execution = await client.start_durable("orders:live", {"id": 7}, name="order-7")
    assert execution.arn == ARN
    assert sent(service) == [b'{"id":6}', b'{"id":7}', b'{"id":7}']
    assert service.kinds() == ["start"] * 3


async def test_the_caller_may_forbid_repeats_and_allow_them() -> None:
    service = DurableService(faults={"start": [None, lost, lost]})
    async with client_of(service, retry=StandardRetry()) as client:
        await client.start_durable("orders:live", name="order-6")
        service.facts["order-7"] = Fact("order-7")
        assert (await client.start_durable("orders:live", name="order-7", idempotent=False)).arn == ARN
        assert service.kinds() == ["start", "start", "list", "data"]
        assert (await client.start_durable("orders:other", name="order-8", idempotent=True)).name == "order-8"
        assert service.kinds()[4:] == ["start", "start"]


# The end of the task and of the client


async def test_a_cancelled_start_sends_nothing_more() -> None:
    service = DurableService(faults={"start": [lost]})
    async with client_of(service) as client:
        start = asyncio.create_task(client.start_durable("orders:live", name="order-7"))
        await asyncio.sleep(3)
        start.cancel()
        with pytest.raises(asyncio.CancelledError):
            await start
        before = service.kinds()
        await asyncio.sleep(60)
        assert service.kinds() == before


async def test_a_client_that_closes_ends_the_lookup() -> None:
    service = DurableService(faults={"start": [lost]})
    async with client_of(service) as client:
        start = asyncio.create_task(client.start_durable("orders:live", name="order-7"))
        await asyncio.sleep(3)
        await client.close(grace=0)
        with pytest.raises(ConnectionLostError) as raised:
            await start
    assert raised.value.may_have_run
    assert "could not be looked up: ClientClosedError" in raised.value.__notes__[0]
    with pytest.raises(ClientClosedError):
        await client.start_durable("orders:live")


# A synchronous call


async def test_a_synchronous_call_that_takes_too_long_says_how_to_follow() -> None:
    service = DurableService(latency=100)
    async with client_of(service) as client:
        with pytest.raises(InvocationTimeoutError) as raised:
            await client.invoke("orders:live", {"id": 7}, durable_execution_name="order-7", timeout=3)
        assert str(raised.value).startswith(
            "the call did not end within 3 s: it was sending the request; the durable execution 'order-7' may go on: follow "
            "it with client.durable_executions('orders', name='order-7'), or: aiolambda durable list orders --name order-7 (f"
        )
        with pytest.raises(InvocationTimeoutError) as plain:
            await client.invoke("orders:live", {"id": 7}, timeout=3)
        assert "durable" not in str(plain.value)


async def test_a_call_that_certainly_began_nothing_gives_no_advice() -> None:
    service = DurableService(faults={"start": [failure("AccessDeniedException", 403)]})
    async with client_of(service) as client:
        with pytest.raises(AccessDeniedException) as raised:
            await client.invoke("orders:live", durable_execution_name="order-7")
    assert "durable list" not in str(raised.value)


# Lists


async def test_the_list_follows_its_pages_with_the_filters() -> None:
    service = DurableService()
    pages = [
        found(DurableExecutions=[Fact("a").summary()], NextMarker="m"),
        found(DurableExecutions=[], NextMarker="n"),
        found(DurableExecutions=[Fact("b", [(0.0, "FAILED")]).summary()]),
    ]
    service.faults["list"] = list(pages)
    async with client_of(service) as client:
        listing = client.durable_executions("orders:7", statuses=["RUNNING", "FAILED"], oldest_first=True, page_size=1)
        states = [state async for state in listing]
        assert [(state.name, state.status, state.has_ended) for state in states] == [
            ("a", "RUNNING", False),
            ("b", "FAILED", True),
        ]
        assert [client.durable_execution(state.arn).name for state in states] == ["a", "b"]
    query = service.asked[0][2].partition("?")[2]
    assert set(query.split("&")) == {"Qualifier=7", "Statuses=RUNNING", "Statuses=FAILED", "ReverseOrder=true", "MaxItems=1"}
    assert [path.rpartition("Marker=")[2][:1] for _, _, path in service.asked[1:]] == ["m", "n"]


@pytest.mark.parametrize(
    ("function_name", "members", "text"),
    [
        ("no name", {}, "is not a function name"),
        ("orders", {"name": "a/b"}, "may contain only"),
        ("orders", {"qualifier": ""}, "qualifier has 0 characters"),
        ("orders", {"statuses": "RUNNING"}, "statuses must be a list of 1 to 10"),
        ("orders", {"statuses": []}, "statuses must be a list of 1 to 10"),
        ("orders", {"statuses": 5}, "statuses must be a list of 1 to 10"),
    ],
)
async def test_a_wrong_list_is_refused_at_once(function_name: str, members: Any, text: str) -> None:
    async with client_of(DurableService()) as client:
        with pytest.raises(InvalidInputError, match=text):
            client.durable_executions(function_name, **members)


# Regions


async def test_an_execution_of_another_region_is_refused_before_sending() -> None:
    service, other = DurableService(), ARN.replace("eu-west-1", "us-east-1")
    async with client_of(service) as client:
        execution = client.durable_execution(other)
        for ask in (execution.result, execution.describe, execution.stop, execution.pause, execution.resume, execution.delete):
            with pytest.raises(InvalidInputError, match="is in us-east-1, and the client's region is eu-west-1"):
                await ask()
        with pytest.raises(InvalidInputError, match="is in us-east-1"):
            await anext(execution.history(follow=True))
    assert service.asked == []


async def test_an_execution_of_another_region_is_reached_if_that_is_allowed() -> None:
    service, other = DurableService().add(Fact("order-7")), ARN.replace("eu-west-1", "us-east-1")
    hosts: list[str] = []

    async def look(request: Request) -> None:
        hosts.append(request.url.split("/")[2])

    service.faults["get"] = [look]
    async with client_of(service, use_arn_region=True) as client:
        assert (await client.durable_execution(other).describe()).status == "RUNNING"
    assert hosts == ["lambda.us-east-1.amazonaws.com"]


def test_an_arn_is_checked_at_once() -> None:
    with pytest.raises(InvalidInputError, match="is not the ARN of a durable execution"):
        client_of(DurableService()).durable_execution("order-7")
