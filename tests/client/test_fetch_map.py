"""`client.map_commands` with fetches: results, keys, the journal and replays."""

from pathlib import Path
from typing import Any

import pytest

from aiolambda import (
    AccessDeniedException,
    Delivery,
    FetchCommand,
    FetchStreamCommand,
    InvalidInputError,
    InvokeCommand,
    LambdaClient,
    PayloadLimits,
)
from aiolambda.cli.records import outcome_record
from aiolambda.fanout.journal_reader import JournalReader
from aiolambda.testing import FakeTransport

URL = "https://abc.lambda-url.eu-west-1.on.aws"


def _answer(event: Any) -> Any:
    path = event["rawPath"]
    return {"statusCode": 500 if path == "/bad" else 200, "cookies": ["a=1", "b=2"], "body": f'"{path}"'}


def _fake() -> FakeTransport:
    fake = FakeTransport({"orders": lambda event: event})
    fake.add_url(URL, _answer)
    return fake


async def test_fetches_and_invocations_share_a_map() -> None:
    commands = [FetchCommand(url=f"{URL}/a"), InvokeCommand(function_name="orders", payload=7), FetchCommand(url=f"{URL}/bad")]
    async with LambdaClient(transport=_fake()) as client, client.map_commands(commands, ordered=True) as run:
        first, second, third = [result async for result in run]
    assert first.response is not None
    assert (first.ok, first.output, first.response.status_code, first.value()) == (True, None, 200, "/a")
    assert (second.ok, second.response, second.value()) == (True, None, 7)
    assert third.response is not None
    assert (third.ok, third.response.status_code, third.delivery, third.decode(str)) == (True, 500, Delivery.EXECUTED, "/bad")
    assert run.stats.done == 3
    assert first.item.operation.function_name(first.item.input) == "abc.lambda-url.eu-west-1.on.aws"  # type: ignore[arg-type]


async def test_columns_of_a_fetch_are_those_of_its_response(tmp_path: Path) -> None:
    commands = [FetchCommand(url=f"{URL}/a"), FetchCommand(url=f"{URL}/bad")]
    rows: list[list[dict[str, Any]]] = []
    for _ in range(2):
        async with LambdaClient(transport=_fake()) as client:
            run = client.map_commands(commands, ordered=True, journal=tmp_path / "journal", journal_results="outcome")
            rows.append([result.as_dict() for result in await run.collect()])
    first, again = rows
    assert [(row["value"], row["status_code"]) for row in first] == [("/a", 200), ("/bad", 500)]
    assert [(row["value"], row["status_code"]) for row in again] == [(None, 200), (None, 500)]
    assert all(row["request_id"] for row in first)
    assert [row["request_id"] for row in again] == [row["request_id"] for row in first]


async def test_an_export_has_the_responses(tmp_path: Path) -> None:
    commands = [FetchCommand(url=f"{URL}/a"), FetchCommand(url=f"{URL}/bad")]
    async with LambdaClient(transport=_fake()) as client:
        results = await client.map_commands(commands, ordered=True, journal=tmp_path / "journal").collect()
    with JournalReader(tmp_path / "journal") as journal:
        stored = sorted((item.result for item in journal.items() if item.result is not None), key=lambda result: result.key)
    records = [outcome_record(result) for result in stored]
    assert sorted((record["payload"], record["status_code"]) for record in records) == [("/a", 200), ("/bad", 500)]
    assert [result.key for result in stored] == sorted(result.key for result in results)


async def test_a_journal_replays_the_responses(tmp_path: Path) -> None:
    fake = _fake()
    commands = [
        FetchCommand(url=f"{URL}/{name}", method=method, json=value)
        for name, method, value in [("a", "GET", None), ("a", "PUT", {"x": 1}), ("a", "PUT", {"x": 2}), ("bad", "GET", None)]
    ]
    found = []
    for _ in range(2):
        async with LambdaClient(transport=fake) as client:
            async with client.map_commands(commands, ordered=True, journal=tmp_path / "journal") as run:
                found.append([result async for result in run])
        fake = _fake() if len(found) == 2 else fake
    first, again = found
    assert len({result.key for result in first}) == 4
    assert [result.replayed for result in first] == [False] * 4
    assert [result.replayed for result in again] == [True] * 4
    for one, other in zip(first, again, strict=True):
        assert one.response is not None
        assert other.response is not None
        assert (one.key, one.response.content, one.response.status_code) == (
            other.key,
            other.response.content,
            other.response.status_code,
        )
        assert other.response.headers.get_all("set-cookie") == ["a=1", "b=2"]
        assert other.response.cookies == {"a": "1", "b": "2"}
        assert other.response.metadata.request_id == one.response.metadata.request_id


async def test_an_error_of_the_platform_fails_its_item(tmp_path: Path) -> None:
    fake = _fake()
    fake.fail("abc", AccessDeniedException("no"), times=1)
    async with LambdaClient(transport=fake) as client:
        async with client.map_commands([FetchCommand(url=URL)], journal=tmp_path / "journal") as run:
            (result,) = [result async for result in run]
    assert isinstance(result.error, AccessDeniedException)
    assert (result.response, result.delivery, result.error.function_name) == (
        None,
        Delivery.REFUSED,
        "abc.lambda-url.eu-west-1.on.aws",
    )


async def test_a_wrong_url_fails_its_item_alone(tmp_path: Path) -> None:
    commands = [FetchCommand(url="ftp://x"), FetchCommand(url=URL)]
    async with LambdaClient(transport=_fake()) as client:
        async with client.map_commands(commands, ordered=True, journal=tmp_path / "journal") as run:
            wrong, right = [result async for result in run]
    assert isinstance(wrong.error, InvalidInputError)
    assert right.ok


async def test_a_map_refuses_streams() -> None:
    commands: Any = [FetchStreamCommand(url=URL)]
    async with LambdaClient(transport=_fake()) as client:
        with pytest.raises(InvalidInputError, match="write FetchCommand"):
            async with client.map_commands(commands) as run:
                async for _ in run:
                    pass


async def test_a_journal_takes_bodies_up_to_the_limit_of_the_client(tmp_path: Path) -> None:
    """The hash for the journal has no limit of its own."""
    large = FetchCommand(url=f"{URL}/a", method="POST", content=bytes(7 * 1024 * 1024))
    limits = PayloadLimits(request_response=8 * 1024 * 1024)
    async with LambdaClient(transport=_fake(), limits=limits) as client:
        async with client.map_commands([large], journal=tmp_path / "journal") as run:
            (result,) = [result async for result in run]
    assert result.error is None
