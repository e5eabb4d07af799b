"""Errors in the words of the command line: options, and no arguments of Python."""

from pathlib import Path

import pytest

from aiolambda.cli.wording import in_options
from aiolambda.version import INSTALL

from ..support.cli import Program, environment


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no region: give LambdaClient(region=...), or set AWS_REGION", "no region: give --region, or set AWS_REGION"),
        ("the CA bundle 'x' (from argument ca_bundle) is empty", "the CA bundle 'x' (from --ca-bundle) is empty"),
        ("no endpoint: set region= or endpoint_url=", "no endpoint: set --region or --endpoint-url"),
        ("name a profile with profile= or AWS_PROFILE", "name a profile with --profile or AWS_PROFILE"),
        ("limits=PayloadLimits(...) sets it, region=eu", "limits=PayloadLimits(...) sets it, region=eu"),
        ("the argument of the program", "the argument of the program"),
    ],
)
def test_arguments_become_options(text: str, shown: str) -> None:
    assert in_options(text) == shown


def test_install_line_names_the_checkout() -> None:
    shown = in_options(INSTALL)
    assert shown.startswith("pip install '")
    assert shown.endswith("[aws]'")
    folder = shown.removeprefix("pip install '").removesuffix("[aws]'")
    assert folder == "PATH_OF_THE_CHECKOUT" or (Path(folder) / "pyproject.toml").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["invoke", "f", "-p", "1"], "aiolambda: no region: give --region, or set AWS_REGION, or set 'region' in the profile"),
        (
            ["invoke", "arn:aws:lambda:us-west-2:123456789012:function:f", "-p", "1", "--region", "eu-west-1"],
            "aiolambda: the function's ARN is in us-west-2, and the region is eu-west-1: give --region us-west-2",
        ),
        (["invoke", "f", "-p", "1", "--region", "x y"], "aiolambda: 'x y' (from --region) is not a region"),
    ],
)
async def test_messages_name_options(program: Program, arguments: list[str], said: str) -> None:
    ended = await program(*arguments, env=environment(AWS_ACCESS_KEY_ID="A", AWS_SECRET_ACCESS_KEY="s"))
    assert (ended.code, said in ended.stderr) == (2, True), ended.stderr
