"""The examples in the docstrings of the client run."""

import ast
import inspect
import re
import textwrap
from functools import partial
from types import CodeType

import pytest

import aiolambda
from aiolambda import LambdaClient
from aiolambda.testing import FakeTransport


def example_of(documented: object) -> CodeType:
    """The literal block of a docstring."""
    block = re.search(r"::\n\n((?:    .*\n|\n)+)", f"{inspect.getdoc(documented)}\n")
    assert block is not None
    return compile(textwrap.dedent(block[1]), "example", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def transport() -> FakeTransport:
    return FakeTransport({"orders": lambda event: event, "writer": lambda event: event})


@pytest.mark.parametrize("documented", [aiolambda, LambdaClient], ids=["package", "class"])
async def test_example_of_a_client_runs(documented: object) -> None:
    names = {"LambdaClient": partial(LambdaClient, transport=transport())}
    await eval(example_of(documented), names)  # noqa: S307 - our own docstring
    assert names.keys() >= {"output"}


async def test_example_of_a_stream_runs(capsys: pytest.CaptureFixture[str]) -> None:
    async with LambdaClient(transport=transport()) as client:
        await eval(example_of(LambdaClient.stream), {"client": client})  # noqa: S307
    assert "tea" in capsys.readouterr().out
