"""The code of the page about managing functions, beside answers of Lambda."""

import json
from typing import Any

import pytest

from aiolambda import Credentials, LambdaClient, Response

from ..support.api_values import Answering
from ..support.pages import ROOT, run_fragments

FIELDS = {"x-amzn-requestid": "id-1", "content-type": "application/json"}


def answer(status: int = 200, code: str = "", **members: object) -> Response:
    return Response(status, {**FIELDS, **({"x-amzn-errortype": code} if code else {})}, json.dumps(members).encode())


async def result(name: str, *arguments: object, answers: list[Response]) -> tuple[Any, Answering]:
    function, transport = run_fragments("docs/how-to/manage-functions.md")[name], Answering(*answers)
    keys = Credentials("AKIDEXAMPLE", "secret")
    async with LambdaClient(region="eu-west-1", credentials=keys, transport=transport) as client:
        return await function(client, *arguments), transport


async def test_the_state_is_asked_for() -> None:
    state, _ = await result("state_of", "orders", answers=[answer(State="Active")])
    none, _ = await result("state_of", "orders", answers=[answer(404, "ResourceNotFoundException")])
    assert (state, none) == ("Active", None)


async def test_a_function_is_created() -> None:
    arn, transport = await result("create", "orders", "role", b"zip", answers=[answer(201, FunctionArn="arn")])
    content = json.loads(transport.requests[0].body)
    assert (arn, content["Code"], content["Environment"]) == ("arn", {"ZipFile": "emlw"}, {"Variables": {"STAGE": "test"}})


async def test_all_pages_of_versions_are_read() -> None:
    pages = [answer(Versions=[{"Version": "1"}], NextMarker="a/b"), answer(Versions=[{"Version": "2"}])]
    found, transport = await result("versions_of", "orders", answers=pages)
    assert (found, transport.requests[1].url.partition("?")[2]) == (["1", "2"], "Marker=a%2Fb")


async def test_an_alias_is_moved(capsys: pytest.CaptureFixture[str]) -> None:
    _, transport = await result("move", "7", answers=[answer(500, "ServiceException"), answer()])
    assert [json.loads(request.body) for request in transport.requests] == [{"FunctionVersion": "7"}] * 2
    await result("move", "7", answers=[answer(409, "ResourceConflictException", message="busy")])
    assert capsys.readouterr().out == "the function is being updated: busy\n"


def test_the_page_names_the_repeats_of_the_list() -> None:
    page = (ROOT / "docs" / "how-to" / "manage-functions.md").read_text()
    listed = (ROOT / "docs" / "reference" / "operations.md").read_text()
    for row, repeated in (("idempotent, as", "| yes: idempotent |"), ("any other", "| no |")):
        (line,) = [line for line in page.splitlines() if line.startswith(f"| {row}")]
        for name in [word.strip("`") for word in line.split("|")[1].replace(",", " ").split() if word.startswith("`")]:
            (its,) = [line for line in listed.splitlines() if line.startswith(f"| [{name}]")]
            assert its.endswith(repeated)
