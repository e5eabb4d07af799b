"""Runs the credential-chain cases of a suite in this process, one after another.

It needs a process of its own, because botocore looks up the home folder once. All cases share it, because its import takes
longer than the cases. `python -m tests.support.credential_cases CASES ROOT`, with ROOT/home as HOME, writes one line of JSON:
for each case the keys that we found, and those that aiobotocore alone finds.

HTTP is replayed: a request that is not the next of the case fails. The recorded keys have long expired, so all their expiries
are moved to the same moment, an hour from now. The suite of the profile provider asks for its profile by name.
"""

import asyncio
import base64
import contextlib
import json
import logging
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiobotocore.httpsession
import attrs
import botocore.httpsession
import botocore.loaders
from aiobotocore.awsrequest import AioAWSResponse
from aiobotocore.session import AioSession
from botocore.awsrequest import AWSResponse
from botocore.exceptions import HTTPClientError

from aiolambda import LambdaClientConfig, Response
from aiolambda.config.credentials.botocore import profile_credentials
from aiolambda.config.credentials.default_chain import find_credentials
from aiolambda.errors import ConnectionLostError
from aiolambda.types.values import Credentials

EXPIRY = int(time.time()) + 3600
_ISO = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(EXPIRY))


def moved(text: str) -> str:
    """The text with every expiry of credentials set to the one moment."""
    text = re.sub(r'("Expiration"\s*:\s*")[^"]+', rf"\g<1>{_ISO}", text)
    text = re.sub(r"(<Expiration>)[^<]+", rf"\g<1>{_ISO}", text)
    return re.sub(r'("expiration"\s*:\s*)\d+', rf"\g<1>{EXPIRY * 1000}", text)


def moved_inside(text: str) -> str:
    """The same for the parts of the text that are base64."""

    def inside(found: re.Match[str]) -> str:
        return base64.b64encode(moved(base64.b64decode(found[0]).decode()).encode()).decode()

    return re.sub(r"(?<=echo )[A-Za-z0-9+/]{40,}=*", inside, text)


@attrs.define
class Replay:
    """The HTTP of a case, in order."""

    exchanges: list[dict[str, Any]]
    problems: list[str] = attrs.field(factory=list)

    def answer(self, method: str, url: str, body: object) -> tuple[int, dict[str, str], bytes]:
        if not self.exchanges:
            raise self.unexpected(method, url, "nothing more")
        exchange = self.exchanges[0]
        recorded = exchange["request"]
        if (method, *_place(url)) != (recorded["method"], *_place(recorded["uri"])) or _action(body) != _action(
            recorded["body"]
        ):
            raise self.unexpected(method, url, f"{recorded['method']} {recorded['uri']}")
        del self.exchanges[0]
        response = exchange["response"]
        headers = {name.lower(): values[0] for name, values in response["headers"].items() if name.lower() != "content-length"}
        return response["status"], headers, moved(response["body"]).encode()

    def unexpected(self, method: str, url: str, expected: str) -> ConnectionLostError:
        self.problems.append(f"{method} {url} in place of {expected}")
        return ConnectionLostError(self.problems[-1])


def _place(url: str) -> tuple[str, str, str, dict[str, list[str]]]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc, parts.path or "/", parse_qs(parts.query)


def _action(body: object) -> object:
    """The action of a request to STS. The rest of a recorded body is the recorder's own."""
    if isinstance(body, dict):
        return body.get("Action")
    text = body.decode() if isinstance(body, bytes) else str(body or "")
    return parse_qs(text).get("Action", [None])[0]


class Raw:
    """The raw answer, as botocore and aiobotocore read it."""

    def __init__(self, headers: Mapping[str, str], body: bytes) -> None:
        self.raw_headers = [(name.encode(), value.encode()) for name, value in headers.items()]
        self._body = body

    async def read(self) -> bytes:
        return self._body

    def stream(self) -> Iterator[bytes]:
        yield self._body


def replayed(replay: Replay, kind: Callable[..., Any]) -> Callable[..., Any]:
    def send(self: object, request: Any) -> Any:
        try:
            status, headers, body = replay.answer(request.method, request.url, request.body)
        except ConnectionLostError as error:
            raise HTTPClientError(error=error) from None
        return kind(request.url, status, headers, Raw(headers, body))

    return send


def replayed_later(replay: Replay) -> Callable[..., Any]:
    at_once = replayed(replay, AioAWSResponse)

    async def send(self: object, request: Any) -> Any:
        return at_once(self, request)

    return send


@contextlib.contextmanager
def prepared(case: Mapping[str, Any], root: Path) -> Iterator[None]:
    """The files and the environment of a case."""

    def placed(text: str) -> str:
        return text.replace("/token.jwt", f"{root}/token.jwt")

    shutil.rmtree(root / "home", ignore_errors=True)
    (root / "token.jwt").unlink(missing_ok=True)
    for path, content in case["fs"].items():
        file = root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(moved_inside(placed(content)))
    before = dict(os.environ)
    os.environ.update({name: placed(value) for name, value in case["env"].items() if name != "HOME"})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def ours(replay: Replay, profile: str | None) -> Credentials:
    async def fetch(url: str, headers: Mapping[str, str], /, *, tls: object = True) -> Response:
        return Response(*replay.answer("GET", url, b""))

    if profile is not None:
        return asyncio.run(profile_credentials(profile, region=os.environ.get("AWS_REGION")).get_credentials())
    provider = find_credentials(LambdaClientConfig(), os.environ, os.environ.get("AWS_REGION"), fetch)
    return asyncio.run(provider.get_credentials())


def theirs(replay: Replay, profile: str | None) -> Credentials | None:
    async def find() -> Credentials | None:
        found = await AioSession(profile=profile).get_credentials()
        if found is None:
            return None
        frozen = await found.get_frozen_credentials()
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token)

    return asyncio.run(find())


def outcome(find: Callable[[Replay, str | None], Credentials | None], case: Mapping[str, Any], root: Path) -> dict[str, Any]:
    replay = Replay(list(case["http"]))
    profile = case["env"].get("AWS_PROFILE", "default") if case["suite"] == "profile-provider" else None
    botocore.httpsession.URLLib3Session.send = replayed(replay, AWSResponse)
    aiobotocore.httpsession.AIOHTTPSession.send = replayed_later(replay)
    with prepared(case, root):
        try:
            found = find(replay, profile)
        except Exception as error:
            result: dict[str, Any] = {"error": f"{type(error).__name__}: {error}"}
        else:
            result = (
                {"error": "nothing found"}
                if found is None
                else {
                    "keys": [found.access_key_id, found.secret_access_key, found.session_token],
                    "expiry": None if found.expires_at is None else found.expires_at.timestamp() - EXPIRY,
                }
            )
    return {**result, "left": len(replay.exchanges), "problems": replay.problems}


def main(cases: Path, root: Path) -> None:
    logging.disable(logging.CRITICAL)  # botocore also logs the errors that it raises
    pause = asyncio.sleep

    async def no_pause(seconds: float, *rest: Any) -> Any:
        return await pause(0, *rest)

    asyncio.sleep = no_pause  # type: ignore[assignment]
    time.sleep = lambda _: None
    loader = botocore.loaders.create_loader()  # one for all sessions: each would parse the same models again
    botocore.loaders.create_loader = lambda *_: loader
    results = {
        f"{case['suite']}/{case['dir']}": {"ours": outcome(ours, case, root), "theirs": outcome(theirs, case, root)}
        for case in json.loads(cases.read_text(encoding="utf-8"))["cases"]
        if case["suite"] != "default-token-provider-chain"
    }
    sys.stdout.write(json.dumps(results))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
