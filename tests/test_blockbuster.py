"""A program in which `blockbuster` forbids blocking calls on every event loop, as `langgraph dev` does."""

import asyncio
import json
import os
import ssl
import sys
from pathlib import Path

import pytest
import trustme

from .config.test_credentials import BASE, ROLE, TAKEN
from .support.loops import CHOSEN
from .support.programs import output_of
from .support.servers import Connection, always, answer, raw_server

pytest.importorskip("blockbuster", reason="blockbuster is not installed")

PROGRAM = """
import asyncio, json, os, sys
from blockbuster import BlockBuster, BlockingError
from aiolambda import LambdaClient
from aiolambda.credentials import assume_role, from_botocore, from_profile
from tests.support.loops import chosen_loop

async def use(url, credentials, journal):
    try:
        os.stat(sys.executable)
    except BlockingError:
        pass
    else:
        return "blockbuster is not at work"
    async with LambdaClient(endpoint_url=url, credentials=credentials) as client:
        for payload in ({}, {}, b"1" * 2_000_000):
            await client.invoke("f", payload)
        async with client.map("f", [{}] * 3, journal=journal) as run:
            results = [result async for result in run]
        async with client.map("f", [{}] * 3, journal=journal) as run:
            results += [result async for result in run]
    return sum(result.output is not None for result in results)

def botocores():
    import botocore.session
    return from_botocore(botocore.session.Session(profile="keys"))

async def main():
    for name, url, variables, journal in json.load(sys.stdin):
        os.environ.update(variables)
        made = {"from_botocore": botocores, "assume_role": lambda: assume_role(ROLE, source=from_profile("keys"))}
        credentials = made[name]() if name in made else None
        guard = BlockBuster()
        guard.activate()
        try:
            said = await use(url, credentials, journal)
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
        finally:
            guard.deactivate()
        print(json.dumps([name, said]))
        for variable in variables:
            del os.environ[variable]

ROLE = sys.argv[1]
with asyncio.Runner(loop_factory=chosen_loop()) as runner:
    runner.run(main())
"""


@pytest.mark.skipif("aiofastnet" in CHOSEN, reason="aiofastnet writes each server's certificate to a temporary file")
async def test_client_never_blocks_an_event_loop(tmp_path: Path) -> None:
    """Opening with keys of each kind, first calls and warm ones, a large payload, a journal made and replayed, and closing."""
    pytest.importorskip("botocore", reason="the extra 'aws' is not installed")
    authority, tls = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(tls)
    authority.cert_pem.write_to_path(str(tmp_path / "bundle.pem"))
    keys = "aws_access_key_id = AKIDKEYS\naws_secret_access_key = s\n"
    given = json.dumps({"Version": 1, "AccessKeyId": "AKIDPROCESS", "SecretAccessKey": "s"})
    (tmp_path / "config").write_text(
        f"[profile keys]\n{keys}{BASE}[profile role]\nrole_arn = {ROLE}\nsource_profile = base\n"
        f"[profile process]\ncredential_process = echo '{given}'\n"
    )
    (tmp_path / "credentials").write_text(f"[shared]\n{keys}")
    (tmp_path / "token").write_text("header.payload.signature")
    contained = json.dumps({"AccessKeyId": "AKIDCONTAINER", "SecretAccessKey": "s"}).encode()

    async def sts(connection: Connection) -> None:
        while True:
            _, body = await connection.read_request()
            taken = TAKEN.format(number=1)
            if b"WithWebIdentity" in body:
                taken = taken.replace("AssumeRoleRes", "AssumeRoleWithWebIdentityRes")
            await connection.write(answer(headers="Content-Type: text/xml\r\n", body=taken.encode()))

    async with (
        raw_server(always(answer())) as plain,
        raw_server(always(answer()), tls=tls) as encrypted,
        raw_server(sts) as roles,
        raw_server(always(answer(body=contained))) as container,
    ):
        token, url = str(tmp_path / "token"), f"http://localhost:{plain.port}"
        uses: dict[str, tuple[str, dict[str, str]]] = {
            "environment": (url, {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "s"}),
            "config": (url, {"AWS_PROFILE": "keys"}),
            "credentials": (url, {"AWS_PROFILE": "shared"}),
            "process": (url, {"AWS_PROFILE": "process"}),
            "role": (url, {"AWS_PROFILE": "role"}),
            "web identity": (url, {"AWS_ROLE_ARN": ROLE, "AWS_WEB_IDENTITY_TOKEN_FILE": token}),
            "container": (
                url,
                {
                    "AWS_CONTAINER_CREDENTIALS_FULL_URI": container.url,
                    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": token,
                    "AWS_CONFIG_FILE": os.devnull,
                    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
                },
            ),
            "bundle": (encrypted.url, {"AWS_PROFILE": "keys", "AWS_CA_BUNDLE": str(tmp_path / "bundle.pem")}),
            "proxy": ("http://lambda.test", {"AWS_PROFILE": "keys", "HTTP_PROXY": url}),
            "assume_role": (url, {}),
            "from_botocore": (url, {}),
        }
        asked = [(name, *use, str(tmp_path / f"journal of {name}")) for name, use in uses.items()]
        files = {"AWS_CONFIG_FILE": str(tmp_path / "config"), "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials")}
        for _, _, variables, _ in asked:
            variables.update({**files, "AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL_STS": roles.url} | variables)
        program = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAM, ROLE, stdin=-1, stdout=-1, stderr=-1, cwd=Path(__file__).parents[1]
        )
        out, complaints = await output_of(program, within=120, stdin=json.dumps(asked).encode())
    assert complaints == b""
    assert dict(map(json.loads, out.splitlines())) == dict.fromkeys(uses, 6)
