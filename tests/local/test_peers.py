"""Our client against servers that we did not write: AWS's Runtime Interface Emulator, and moto's verifier of signatures."""

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import attrs
import pytest

from aiolambda import Call, CallNext, Credentials, Delivery, InvokeCommand, LambdaClient, LambdaServiceException

from ..support import peers

HANDLERS = """
import os

def handler(event, context):
    if isinstance(event, dict) and event.get("op") == "context":
        client = context.client_context
        return {
            "request": context.aws_request_id,
            "custom": None if client is None else client.custom,
            "remaining": context.get_remaining_time_in_millis(),
            "pid": os.getpid(),
        }
    if isinstance(event, dict) and event.get("op") == "raise":
        raise KeyError("deliberate")
    return event
"""


@pytest.fixture(scope="module")
def emulator_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("emulator")
    (folder / "app.py").write_text(HANDLERS)
    with peers.emulator(folder, "app.handler", folder / "log") as url:
        yield url


def client_at(url: str, credentials: Credentials | None = None) -> LambdaClient:
    return LambdaClient(region="us-east-1", endpoint_url=url, credentials=credentials or Credentials("AKIDEXAMPLE", "s"))


@pytest.mark.parametrize(
    "value",
    [{"a": [1, 2.5, None, True]}, "text", "é ☃ 😀", [], 0, None, {"nested": {"deep": ["x"] * 1000}}],
    ids=["object", "text", "unicode", "list", "zero", "null", "nested"],
)
async def test_rie_round_trips_the_payload(emulator_url: str, value: object) -> None:
    payload = json.dumps(value, ensure_ascii=False).encode()
    async with client_at(emulator_url) as client:
        output = await client.invoke("function", payload)
    assert output.json() == value
    assert output.metadata.history[0].delivery is Delivery.EXECUTED


async def test_rie_receives_the_client_context(emulator_url: str) -> None:
    async with client_at(emulator_url) as client:
        output = await client.invoke("function", {"op": "context"}, client_context={"custom": {"tea": "green"}})
    answer = output.json()
    assert answer["custom"] == {"tea": "green"}
    assert 0 < answer["remaining"] <= 10_000
    assert answer["pid"] > 0


async def test_rie_round_trips_five_megabytes(emulator_url: str) -> None:
    payload = json.dumps({"data": "x" * 5_000_000}).encode()
    async with client_at(emulator_url) as client:
        output = await client.invoke("function", payload)
    assert output.json() == json.loads(payload)


async def test_rie_handler_error_is_in_the_payload(emulator_url: str) -> None:
    """The emulator sets no X-Amz-Function-Error, so `function_error` stays empty, as the API says."""
    async with client_at(emulator_url) as client:
        output = await client.invoke("function", {"op": "raise"})
    assert output.function_error is None
    assert output.json()["errorType"] == "KeyError"


@attrs.frozen
class Verifier:
    """moto with two users: one with the permission to invoke, one without."""

    url: str
    allowed: Credentials
    denied: Credentials


@pytest.fixture(scope="module")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Verifier]:
    with peers.moto(tmp_path_factory.mktemp("moto") / "log") as url:
        yield set_up(url)


def set_up(url: str) -> Verifier:
    """Make the users and the function with botocore, then switch verification on."""
    session = pytest.importorskip("botocore.session").get_session()
    options = {"endpoint_url": url, "region_name": "us-east-1", "aws_access_key_id": "t", "aws_secret_access_key": "t"}
    iam, functions = session.create_client("iam", **options), session.create_client("lambda", **options)

    def policy(**statement: object) -> str:
        return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})

    trust = policy(Principal={"Service": "lambda.amazonaws.com"}, Action="sts:AssumeRole")
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    keys = []
    for name in ("allowed", "denied"):
        iam.create_user(UserName=name)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        keys.append(Credentials(key["AccessKeyId"], key["SecretAccessKey"]))
    iam.put_user_policy(UserName="allowed", PolicyName="p", PolicyDocument=policy(Action=["lambda:*"], Resource="*"))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as code:
        code.writestr("app.py", HANDLERS)
    functions.create_function(
        FunctionName="echo", Runtime="python3.11", Role=role, Handler="app.handler", Code={"ZipFile": archive.getvalue()}
    )
    for client in (iam, functions):
        client.close()
    peers.post(f"{url}/moto-api/reset-auth", b"0", "text/plain")
    return Verifier(url, *keys)


@pytest.mark.parametrize(
    "payload", [b'{"a":1}', "é ☃ 😀".encode(), b'{"data":"' + b"x" * 200_000 + b'"}'], ids=["small", "unicode", "large"]
)
@pytest.mark.parametrize("qualifier", [None, "$LATEST"])
async def test_moto_accepts_our_signature(verifier: Verifier, payload: bytes, qualifier: str | None) -> None:
    async with client_at(verifier.url, verifier.allowed) as client:
        output = await client.send(InvokeCommand(function_name="echo", payload=payload, qualifier=qualifier))
    assert output.status_code == 200


async def refusal(client: LambdaClient) -> LambdaServiceException:
    async with client:
        with pytest.raises(LambdaServiceException) as raised:
            await client.send(InvokeCommand(function_name="echo", payload=b"{}"))
    assert raised.value.status_code == 403
    assert raised.value.delivery is Delivery.REFUSED
    return raised.value


async def test_moto_refuses_wrong_secret_or_permission(verifier: Verifier) -> None:
    wrong = await refusal(client_at(verifier.url, attrs.evolve(verifier.allowed, secret_access_key="wrong")))
    assert wrong.code == "SignatureDoesNotMatch"
    denied = await refusal(client_at(verifier.url, verifier.denied))
    assert "lambda:InvokeFunction" in str(denied)


@pytest.mark.parametrize("change", ["body", "query", "header"])
async def test_moto_refuses_a_tampered_request(verifier: Verifier, change: str) -> None:
    async def tamper(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        if change == "body":
            call.request.body = b'{"changed":1}'
            call.request.headers["content-length"] = str(len(call.request.body))
        elif change == "query":
            call.request.url += "?Qualifier=other"
        else:
            call.request.headers["amz-sdk-request"] = "attempt=9; max=9"
        return await call_next(call)

    client = client_at(verifier.url, verifier.allowed)
    client.middleware_stack.add_relative_to(tamper, relation="after", to_middleware="httpSigningMiddleware")
    await refusal(client)
