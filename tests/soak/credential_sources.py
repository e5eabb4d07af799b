"""How late the event loop is while keys are fetched: the first time, and again before they expire.

Each source has a process of its own, since the import of a library counts. A probe looks at the loop every millisecond, while a
client makes a call every 5 ms. The table shows the longest delay of a run in milliseconds: of the median run, and of the worst.
`given keys` fetches nothing and shows the noise of the machine. Keys live for a few seconds, so they are renewed during a run.
The keys of `shared file` are not renewed: its delays are Python's garbage collection.

Without `awscrt`: that library alone takes 50 ms to load. Servers answer on 127.0.0.1, from the process of the benchmark.
"""

import argparse
import asyncio
import contextlib
import datetime as dt
import gc
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

LIFETIME = 5.0
ROLE = "arn:aws:iam::123456789012:role/caller"
PROFILES = """[profile shared]
aws_access_key_id = AKIDSHARED
aws_secret_access_key = secret
[profile role]
role_arn = {role}
source_profile = shared
[profile process]
credential_process = {python} {program}
[profile web]
role_arn = {role}
web_identity_token_file = {folder}/token
[profile sso]
sso_start_url = https://example.awsapps.com/start
sso_region = us-east-1
sso_account_id = 123456789012
sso_role_name = caller
"""
TAKEN = """<{0}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{0}Result><Credentials><AccessKeyId>{1}</AccessKeyId>
<SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken><Expiration>{2}</Expiration></Credentials></{0}Result>
</{0}Response>"""


def expiry() -> dt.datetime:
    """A whole second, as services give it."""
    return dt.datetime.fromtimestamp(int(time.time() + LIFETIME), dt.UTC)


class Answers(BaseHTTPRequestHandler):
    """STS, the portal of SSO, an instance's metadata service and a container's endpoint."""

    def log_message(self, *arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        key, until = f"ASIA{time.monotonic_ns()}", f"{expiry():%Y-%m-%dT%H:%M:%SZ}"
        if self.path.endswith("/security-credentials/"):
            return self._answer(b"caller")
        if self.path.startswith("/federation/"):
            keys = {"accessKeyId": key, "secretAccessKey": "secret", "sessionToken": "token"}
            body: dict[str, Any] = {"roleCredentials": {**keys, "expiration": int(expiry().timestamp() * 1000)}}
        else:
            body = {"Code": "Success", "AccessKeyId": key, "SecretAccessKey": "secret", "Token": "token", "Expiration": until}
        return self._answer(json.dumps(body).encode())

    def do_PUT(self) -> None:
        self._answer(b"token")

    def do_POST(self) -> None:
        action = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())["Action"][0]
        self._answer(TAKEN.format(action, f"ASIA{time.monotonic_ns()}", f"{expiry():%Y-%m-%dT%H:%M:%SZ}").encode())

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextlib.contextmanager
def world(folder: Path) -> Generator[dict[str, str]]:
    """The servers and files, and the environment that leads to them."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    program = folder / "keys.py"
    program.write_text(
        "import json, time\n"
        f"until = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.time() + {LIFETIME}))\n"
        "print(json.dumps({'Version': 1, 'AccessKeyId': f'ASIA{time.monotonic_ns()}', 'SecretAccessKey': 's',"
        " 'SessionToken': 't', 'Expiration': until}))\n"
    )
    (folder / "token").write_text("token")
    (folder / "config").write_text(PROFILES.format(role=ROLE, python=sys.executable, program=program, folder=folder))
    cache = folder / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True)
    login = {"accessToken": "a-token", "expiresAt": "2099-01-01T00:00:00Z", "startUrl": "https://example.awsapps.com/start"}
    name = hashlib.sha1(b"https://example.awsapps.com/start").hexdigest()
    (cache / f"{name}.json").write_text(json.dumps(login))
    try:
        yield {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": str(folder / "config"),
            "AWS_ENDPOINT_URL_STS": url,
            "AWS_ENDPOINT_URL_SSO": url,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": url,
            "SERVER": url,
        }
    finally:
        server.shutdown()


def with_profile(name: str) -> Callable[[], dict[str, Any]]:
    return lambda: {"profile": name}


def environment() -> dict[str, Any]:
    os.environ.update(AWS_ACCESS_KEY_ID="AKIDENVIRONMENT", AWS_SECRET_ACCESS_KEY="secret")
    return {}


def without_files() -> dict[str, Any]:
    os.environ["AWS_CONFIG_FILE"] = os.devnull
    return {}


def container() -> dict[str, Any]:
    os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = f"{os.environ['SERVER']}/keys"
    return without_files()


def role_in_code() -> dict[str, Any]:
    from aiolambda import Credentials
    from aiolambda.credentials import assume_role

    return {"credentials": assume_role(ROLE, source=Credentials("AKIDSOURCE", "secret"))}


def session_of(module: str, name: str) -> Callable[[], dict[str, Any]]:
    """A session that is there before one begins to look: its import is the caller's."""

    def make() -> dict[str, Any]:
        import importlib

        from aiolambda.credentials import from_botocore

        return {"credentials": from_botocore(getattr(importlib.import_module(module), name)(profile="role"))}

    return make


def given() -> dict[str, Any]:
    from aiolambda import Credentials

    return {"credentials": Credentials("AKIDGIVEN", "secret")}


SOURCES: dict[str, Callable[[], dict[str, Any]]] = {
    "given keys": given,
    "environment": environment,
    "container": container,
    "instance (IMDSv2)": without_files,
    "shared file": with_profile("shared"),
    "role of a profile": with_profile("role"),
    "web identity": with_profile("web"),
    "SSO": with_profile("sso"),
    "credential_process": with_profile("process"),
    "assume_role in code": role_in_code,
    "from_botocore, botocore": session_of("botocore.session", "Session"),
    "from_botocore, aiobotocore": session_of("aiobotocore.session", "AioSession"),
}


async def watch(late: list[float]) -> None:
    """Note how late the loop is, again and again."""
    last = time.perf_counter()
    while True:
        await asyncio.sleep(0.001)
        now = time.perf_counter()
        late.append(now - last - 0.001)
        last = now


async def measure(settings: dict[str, Any]) -> dict[str, float]:
    from aiolambda import LambdaClient
    from aiolambda.testing import FakeTransport

    class Online(FakeTransport):
        offline = False

    late: list[float] = []
    watching = asyncio.ensure_future(watch(late))
    await asyncio.sleep(0.1)
    result, keys = dict[str, float](), set[str]()

    def noted(phase: str) -> None:
        result[phase] = max(late) * 1000
        late.clear()

    gc.collect()
    await asyncio.sleep(0.05)
    late.clear()
    transport = Online({"f": lambda event: event})
    client = LambdaClient(transport=transport, **settings)
    await asyncio.sleep(0.01)
    noted("construction")
    await client.invoke("f", 1)
    await asyncio.sleep(0.05)
    noted("first call")
    end = time.monotonic() + LIFETIME + 1
    longest = 0.0
    while time.monotonic() < end:
        began = time.perf_counter()
        await client.invoke("f", 1)
        longest = max(longest, time.perf_counter() - began)
        await asyncio.sleep(0.005)
    noted("renewal")
    result["longest call"] = longest * 1000
    for call in transport.calls:
        keys.add(call.headers["authorization"].split("Credential=")[1].split("/")[0])
    result["keys"] = len(keys)
    watching.cancel()
    await client.close()
    return result


def hot_path() -> float:
    """Nanoseconds of a fetch while the keys are good."""
    from aiolambda import Credentials
    from aiolambda.config.credentials.refreshable import RefreshableCredentials

    class Source:
        name, needs_caller_loop = "benchmark", False

        async def fetch(self, **settings: object) -> Credentials:
            return Credentials("AKID", "s", expires_at=dt.datetime.now(dt.UTC) + dt.timedelta(hours=1))

    async def main() -> float:
        provider = RefreshableCredentials(Source())
        await provider.get_credentials()
        rounds = []
        for _ in range(7):
            began = time.process_time_ns()
            for _ in range(100_000):
                await provider.get_credentials()
            rounds.append((time.process_time_ns() - began) / 100_000)
        return min(rounds)

    return asyncio.run(main())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--source", choices=list(SOURCES), action="append")
    parser.add_argument("--one", choices=list(SOURCES), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(asyncio.run(measure(SOURCES[options.one]()))))
        return
    print(f"get_credentials with good keys: {hot_path():.0f} ns\n")
    phases = ("construction", "first call", "renewal", "longest call")
    print(f"{'ms: the middle run and the worst':32}" + "".join(f"{phase:>18}" for phase in phases) + f"{'keys':>6}")
    for source in options.source or SOURCES:
        runs = []
        for _ in range(options.runs):
            with tempfile.TemporaryDirectory() as folder, world(Path(folder)) as environment_of_it:
                command = [sys.executable, __file__, "--one", source]
                done = subprocess.run(command, env=environment_of_it, capture_output=True, text=True, check=False)
                if done.returncode:
                    sys.exit(f"{source}: {done.stderr}")
                runs.append(json.loads(done.stdout))
        shown = [
            f"{statistics.median(run[phase] for run in runs):.1f} {max(run[phase] for run in runs):6.1f}" for phase in phases
        ]
        print(f"{source:32}" + "".join(f"{text:>18}" for text in shown) + f"{runs[-1]['keys']:>6}", flush=True)


if __name__ == "__main__":
    main()
