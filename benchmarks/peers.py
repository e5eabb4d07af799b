"""One client of Lambda behind three words, `open`, `call` and `close`, driven over standard input by `executions.py`.

`fan_out.py` drives it, too, and raises the pool and the read limit.

`python benchmarks/peers.py CLIENT` runs in an environment where that client is installed; it wants nothing of this project but
aiolambda's own turn. Settings are the defaults of each; only the read limit is shortened, to half a second.
"""

import asyncio
import contextlib
import importlib.metadata
import json
import sys

READ_LIMIT = 0.5
KEY, SECRET = "AKIDEXAMPLE", "secret"


class Aiolambda:
    """`timeout=Timeouts(read=)`."""

    package = "aiolambda-client"

    async def open(self, url, read_limit, pool):
        from aiolambda import Credentials, LambdaClient, Timeouts

        self.client = LambdaClient(
            region="us-east-1",
            endpoint_url=url,
            credentials=Credentials(KEY, SECRET),
            timeout=Timeouts(read=read_limit),
            max_concurrency=pool,
        )
        await self.client.open()

    async def call(self, name):
        from aiolambda import InvokeCommand

        return (await self.client.send(InvokeCommand(function_name=name, payload=b"{}"))).payload

    async def close(self):
        await self.client.close(grace=0)


class Boto3:
    """`Config(read_timeout=)`."""

    package = "boto3"

    async def open(self, url, read_limit, pool):
        import boto3
        from botocore.config import Config

        keys = {"aws_access_key_id": KEY, "aws_secret_access_key": SECRET}
        self.client = boto3.client(
            "lambda",
            region_name="us-east-1",
            endpoint_url=url,
            config=Config(read_timeout=read_limit, **({"max_pool_connections": pool} if pool else {})),
            **keys,
        )

    async def call(self, name):
        return await asyncio.to_thread(self._call, name)

    def _call(self, name):
        return self.client.invoke(FunctionName=name, Payload=b"{}")["Payload"].read()

    async def close(self):
        self.client.close()


class Aiobotocore:
    """`AioConfig(read_timeout=)`."""

    package = "aiobotocore"

    async def open(self, url, read_limit, pool):
        from aiobotocore.config import AioConfig
        from aiobotocore.session import get_session

        keys = {"aws_access_key_id": KEY, "aws_secret_access_key": SECRET}
        self.opened = contextlib.AsyncExitStack()
        self.client = await self.opened.enter_async_context(
            get_session().create_client(
                "lambda",
                region_name="us-east-1",
                endpoint_url=url,
                config=AioConfig(read_timeout=read_limit, **({"max_pool_connections": pool} if pool else {})),
                **keys,
            )
        )

    async def call(self, name):
        answer = await self.client.invoke(FunctionName=name, Payload=b"{}")
        async with answer["Payload"] as payload:
            return await payload.read()

    async def close(self):
        await self.opened.aclose()


class AwsSdkLambda:
    """No option of its own: the session of its `AIOHTTPClient`, made as it makes it, with `ClientTimeout(sock_read=)`."""

    package = "aws-sdk-lambda"

    async def open(self, url, read_limit, pool):
        import aiohttp
        from aws_sdk_lambda.client import AsyncLambdaClient
        from aws_sdk_lambda.config import AsyncLambdaConfig
        from smithy_http.aio.aiohttp import AIOHTTPClient

        session = aiohttp.ClientSession(
            auto_decompress=False,
            headers={"Accept-Encoding": "identity"},
            timeout=aiohttp.ClientTimeout(total=300, sock_connect=30, sock_read=read_limit),
            connector=aiohttp.TCPConnector(limit=pool) if pool else None,
        )
        self.transport = AIOHTTPClient(_session=session)
        keys = {"aws_access_key_id": KEY, "aws_secret_access_key": SECRET}
        config = await AsyncLambdaConfig.resolve(region="us-east-1", endpoint_uri=url, transport=self.transport, **keys)
        self.client = AsyncLambdaClient(config=config)

    async def call(self, name):
        from aws_sdk_lambda.models import InvokeInput

        return (await self.client.invoke(InvokeInput(function_name=name, payload=b"{}"))).payload or b""

    async def close(self):
        await self.transport.close()


CLIENTS = {"aiolambda": Aiolambda, "aiobotocore": Aiobotocore, "boto3": Boto3, "aws-sdk-lambda": AwsSdkLambda}


async def outcome(client, name):
    """What the caller of this call sees. A right answer is the call's own name in JSON."""
    try:
        payload = await client.call(name)
    except Exception as error:  # noqa: BLE001 - the class is what is asked for
        return type(error).__name__
    if payload == json.dumps(name).encode():
        return "answer"
    return "the answer of another call" if payload.startswith(b'"call-') else "a damaged answer"


async def obey(client):
    while line := await asyncio.to_thread(sys.stdin.readline):
        order = json.loads(line)
        reply = None
        if "open" in order:
            await client.open(order["open"], order.get("read_limit", READ_LIMIT), order.get("pool"))
        elif "call" in order:
            reply = await outcome(client, order["call"])
        elif "calls" in order:
            reply = await outcomes(client, order["calls"], order["in_flight"])
        else:
            await client.close()
        print(json.dumps(reply), flush=True)


async def outcomes(client, names, in_flight):
    found, left = {}, iter(names)

    async def worker():
        for name in left:
            found[name] = await outcome(client, name)

    await asyncio.gather(*(worker() for _ in range(in_flight)))
    return found


if __name__ == "__main__":
    chosen = CLIENTS[sys.argv[1]]()
    print(json.dumps(f"{chosen.package} {importlib.metadata.version(chosen.package)}"), flush=True)
    asyncio.run(obey(chosen))
