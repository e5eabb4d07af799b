"""The functions of a file run on an endpoint, with the settings of the file."""

import pytest

from aiolambda import FunctionError, LambdaClient
from aiolambda.local import LocalEndpoint
from aiolambda.local.config_files import load_functions

HANDLER = """
import os

def handler(event, context):
    return [os.environ["TABLE"], context.function_version, context.memory_limit_in_mb, os.environ["AWS_REGION"]]

def failing(event, context):
    raise ValueError(os.environ["TABLE"])
"""

TOML = """
region = "eu-west-1"

[defaults]
root = "src"
env_file = ".env"
memory_size = 256

[functions.orders]
handler = "handlers/app.handler"
versions = { 1 = "src" }
aliases = { live = "1" }

[functions.failing]
handler = "handlers/app.failing"
environment = { TABLE = "own" }
"""

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Runtime: python3.12, CodeUri: src/, MemorySize: 256, Environment: {Variables: {TABLE: !Ref Table}}}}
Resources:
  Table: {Type: AWS::Serverless::SimpleTable, Properties: {TableName: !Sub "${AWS::Region}-table"}}
  Orders:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: orders, Handler: handlers/app.handler, AutoPublishAlias: live}
  Failing:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: failing, Handler: handlers/app.failing, Environment: {Variables: {TABLE: own}}}
"""


@pytest.mark.parametrize(("name", "text"), [("aiolambda.toml", TOML), ("template.yaml", TEMPLATE)])
async def test_functions_of_a_file_are_served(tmp_path, name, text):
    (tmp_path / "src" / "handlers").mkdir(parents=True)
    (tmp_path / "src" / "handlers" / "app.py").write_text(HANDLER)
    (tmp_path / ".env").write_text("TABLE='eu-west-1-table'")
    (tmp_path / name).write_text(text)
    file = load_functions(tmp_path / name, environment={}, region="eu-west-1")
    assert file.notes == ()
    async with (
        LocalEndpoint(file.functions, **{"region": "eu-west-1", **file.settings}) as endpoint,
        LambdaClient(region="eu-west-1", endpoint_url=endpoint.url, credentials=endpoint.credentials) as client,
    ):
        newest, live = await client.invoke("orders"), await client.invoke("orders:live")
        with pytest.raises(FunctionError, match="own"):
            await client.invoke("failing")
    assert newest.json() == ["eu-west-1-table", "$LATEST", "256", "eu-west-1"]
    assert live.json() == ["eu-west-1-table", "1", "256", "eu-west-1"]
