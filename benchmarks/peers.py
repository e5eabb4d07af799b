"""The clients of Lambda that are compared, each behind `open`, `call` and `close`.

Owns the use of each client, as its manual says. The settings are its defaults, with two exceptions: its pool has room for all
calls in flight, and a read limit can be set. Runs in the environments of the peers, so it must not need a package that one of
them lacks.
"""

import asyncio
import contextlib
import ssl

KEY, SECRET, REGION = "AKIDEXAMPLE", "secret", "us-east-1"
PATH = "/2015-03-31/functions/{}/invocations"


class Aiolambda:
    """The read limit is `timeout=Timeouts(read=)`."""

    package = "aiolambda-client"

    async def open(self, url, *, pool=None, read_limit=None, ca=None, keys=True):
        from aiolambda import Credentials, InvokeCommand, LambdaClient, Timeouts

        self.command = InvokeCommand
        self.client = LambdaClient(
            region=REGION,
            endpoint_url=url,
            credentials=Credentials(KEY, SECRET) if keys else None,
            max_concurrency=pool,
            ca_bundle=ca,
            **({"timeout": Timeouts(read=read_limit)} if read_limit else {}),
        )
        await self.client.open()

    async def call(self, name, payload=b"{}"):
        return (await self.client.send(self.command(function_name=name, payload=payload))).payload

    async def map(self, name, payloads, in_flight):
        """How many items went well."""
        async with self.client.map(name, payloads, concurrency=in_flight) as run:
            return sum([result.ok async for result in run])

    async def close(self):
        await self.client.close(grace=0)


class AiolambdaFetch(Aiolambda):
    """The same client, which requests a URL of the server in place of a function. Such a request is signed, too."""

    async def open(self, url, **settings):
        from aiolambda import FetchCommand

        await super().open(url, **settings)
        self.command, self.url, self.bench = FetchCommand, url, f"{url}/bench/"

    async def call(self, name, payload=b"{}"):
        url = self.bench if name == "bench" else f"{self.url}/{name}/"
        command = self.command(url=url, method="POST", content=payload, sign=True, region=REGION)
        return (await self.client.send(command)).content


class Aiohttp:
    """A bare POST, unsigned and unchecked, with a session as `ClientSession()` makes it."""

    package = "aiohttp"

    async def open(self, url, *, pool=None, read_limit=None, ca=None, keys=True):
        self.url = url
        self.session = self.make_session(pool, ssl.create_default_context(cafile=ca) if ca else True)

    def make_session(self, pool, trust):
        import aiohttp

        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=max(pool or 0, 100), ssl=trust))

    async def call(self, name, payload=b"{}"):
        async with self.session.post(self.url + PATH.format(name), data=payload) as answer:
            return await answer.read()

    async def close(self):
        await self.session.close()


class AiohttpTuned(Aiohttp):
    """The same POST with all that a session lets one leave out: cookies, limits of time, decompression, redirects."""

    def make_session(self, pool, trust):
        import aiohttp
        from yarl import URL

        self.target = URL(self.url + PATH.format("bench"), encoded=True)
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=trust),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            auto_decompress=False,
            read_bufsize=1024 * 1024,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
        )

    async def call(self, name, payload=b"{}"):
        target = self.target if name == "bench" else self.url + PATH.format(name)
        async with self.session.post(target, data=payload, allow_redirects=False) as answer:
            return await answer.read()


class Boto3:
    """The read limit is `Config(read_timeout=)`. Calls block, so each in flight has a thread."""

    package = "boto3"

    async def open(self, url, *, pool=None, read_limit=None, ca=None, keys=True):
        import boto3
        from botocore.config import Config

        self.client = boto3.client(
            "lambda", region_name=REGION, endpoint_url=url, verify=ca, config=Config(**_limits(pool, read_limit)), **_keys(keys)
        )

    async def call(self, name, payload=b"{}"):
        return await asyncio.to_thread(self.call_now, name, payload)

    def call_now(self, name, payload=b"{}"):
        return self.client.invoke(FunctionName=name, Payload=payload)["Payload"].read()

    async def close(self):
        self.client.close()


class Aiobotocore:
    """The read limit is `AioConfig(read_timeout=)`."""

    package = "aiobotocore"

    async def open(self, url, *, pool=None, read_limit=None, ca=None, keys=True):
        from aiobotocore.config import AioConfig
        from aiobotocore.session import get_session

        config = AioConfig(**_limits(pool, read_limit))
        self.opened = contextlib.AsyncExitStack()
        client = get_session().create_client(
            "lambda", region_name=REGION, endpoint_url=url, verify=ca, config=config, **_keys(keys)
        )
        self.client = await self.opened.enter_async_context(client)

    async def call(self, name, payload=b"{}"):
        answer = await self.client.invoke(FunctionName=name, Payload=payload)
        async with answer["Payload"] as body:
            return await body.read()

    async def close(self):
        await self.opened.aclose()


class AwsSdkLambda:
    """No options of its own: the session of its `AIOHTTPClient`, made as it makes it, with another connector or read limit."""

    package = "aws-sdk-lambda"

    async def open(self, url, *, pool=None, read_limit=None, ca=None, keys=True):
        import aiohttp
        from aws_sdk_lambda.client import AsyncLambdaClient
        from aws_sdk_lambda.config import AsyncLambdaConfig
        from aws_sdk_lambda.models import InvokeInput
        from smithy_http.aio.aiohttp import AIOHTTPClient

        trust = ssl.create_default_context(cafile=ca) if ca else True
        limit = {"timeout": aiohttp.ClientTimeout(total=300, sock_connect=30, sock_read=read_limit)} if read_limit else {}
        session = aiohttp.ClientSession(
            auto_decompress=False,
            headers={"Accept-Encoding": "identity"},
            connector=aiohttp.TCPConnector(limit=max(pool or 0, 100), ssl=trust),
            **limit,
        )
        self.input = InvokeInput
        self.transport = AIOHTTPClient(_session=session)
        settings = {"aws_access_key_id": KEY, "aws_secret_access_key": SECRET} if keys else {}
        config = await AsyncLambdaConfig.resolve(region=REGION, endpoint_uri=url, transport=self.transport, **settings)
        self.client = AsyncLambdaClient(config=config)

    async def call(self, name, payload=b"{}"):
        return (await self.client.invoke(self.input(function_name=name, payload=payload))).payload or b""

    async def close(self):
        await self.transport.close()


class CapoLambda:
    """Pool and read limit are those of zapros, its HTTP client; certificates come from the machine's store."""

    package = "capo-lambda"

    async def open(self, url, *, pool=None, read_limit=None, ca=None, keys=True):
        from capo_lambda import AsyncLambdaClient
        from zapros import AsyncStdNetworkHandler

        most = max(pool or 0, 10)
        http1 = {"max_connections_per_host": most, "max_idle_connections_per_host": most}
        handler = AsyncStdNetworkHandler(http1=http1, read_timeout=read_limit)
        settings = {"credentials": {"access_key": KEY, "secret_key": SECRET}} if keys else {}
        self.opened = contextlib.AsyncExitStack()
        client = AsyncLambdaClient(http_handler=handler, region=REGION, endpoint=url, **settings)
        self.client = await self.opened.enter_async_context(client)

    async def call(self, name, payload=b"{}"):
        return (await self.client.invoke(name, payload=payload)).get("payload", b"")

    async def close(self):
        await self.opened.aclose()


def _limits(pool, read_limit):
    """The options of botocore's `Config`."""
    limits = {"max_pool_connections": max(pool, 10)} if pool else {}
    return {**limits, **({"read_timeout": read_limit} if read_limit else {})}


def _keys(given):
    return {"aws_access_key_id": KEY, "aws_secret_access_key": SECRET} if given else {}


CLIENTS = {
    "aiolambda": Aiolambda,
    "aiolambda-fetch": AiolambdaFetch,
    "aiohttp": Aiohttp,
    "aiohttp-tuned": AiohttpTuned,
    "aiobotocore": Aiobotocore,
    "boto3": Boto3,
    "aws-sdk-lambda": AwsSdkLambda,
    "capo-lambda": CapoLambda,
}
