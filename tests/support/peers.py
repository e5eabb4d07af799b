"""Lambda servers that others wrote, as processes of their own on ports that the kernel chose."""

import contextlib
import importlib.util
import os
import platform
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago; these servers cannot be given port 0."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for sock in sockets:
            sock.bind(("127.0.0.1", 0))
        return [sock.getsockname()[1] for sock in sockets]


@contextlib.contextmanager
def process(command: list[str], ready: int, log: Path, *, within: int = 30, **options: object) -> Iterator[None]:
    """A process, once its port accepts connections, within so many seconds; its whole group is ended with the block."""
    with log.open("wb") as output:
        running = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True, **options)  # type: ignore[call-overload]
        try:
            _await_port(ready, running, log, within)
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(running.pid, 9)
            running.wait(10)


def _await_port(port: int, running: "subprocess.Popen[bytes]", log: Path, within: int) -> None:
    for _ in range(within * 10):
        if running.poll() is not None:
            raise RuntimeError(f"the server ended: {log.read_text(errors='replace')[-2000:]}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise RuntimeError(f"the server does not listen: {log.read_text(errors='replace')[-2000:]}")


def emulator_binary() -> str:
    """AWS's Runtime Interface Emulator, which comes inside the package aws-sam-cli; the test is skipped without it."""
    named = os.environ.get("AIOLAMBDA_RIE")
    if named and Path(named).is_file():
        return named
    package = importlib.util.find_spec("samcli")
    if package is not None and package.origin is not None:
        machine = {"x86_64": "x86_64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
        binary = Path(package.origin).parent / "local" / "rapid" / f"aws-lambda-rie-{machine}"
        if binary.is_file() and os.access(binary, os.X_OK):
            return str(binary)
    pytest.skip("the Runtime Interface Emulator is not installed (AIOLAMBDA_RIE names the binary out of aws-sam-cli)")


@contextlib.contextmanager
def emulator(handlers: Path, handler: str, log: Path) -> Iterator[str]:
    """The emulator with AWS's own Python runtime client, and its URL. It runs one invocation at a time."""
    binary = emulator_binary()
    if importlib.util.find_spec("awslambdaric") is None:
        pytest.skip("awslambdaric is not installed (it has wheels for Linux only)")
    port, runtime_port = free_ports(2)
    command = [
        binary,
        "--runtime-interface-emulator-address",
        f"127.0.0.1:{port}",
        "--runtime-api-address",
        f"127.0.0.1:{runtime_port}",
    ]
    command += [sys.executable, "-m", "awslambdaric", handler]
    with process(command, port, log, cwd=handlers, env={"PATH": os.environ["PATH"], "AWS_LAMBDA_FUNCTION_TIMEOUT": "10"}):
        yield f"http://127.0.0.1:{port}"


NO_CLIENTS = "boto3, aws-sdk-lambda and the AWS CLI are not installed (AIOLAMBDA_CLIENTS_PYTHON names their Python)"
NO_NODE = "Node 22 with its packages is not installed (AIOLAMBDA_NODE names the folder of its node_modules)"


def clients_python(package: str) -> str:
    """The Python of the environment with the clients of others; the test is skipped if it has not this package."""
    named = os.environ.get("AIOLAMBDA_CLIENTS_PYTHON")
    if not named or not Path(named).is_file():
        pytest.skip(NO_CLIENTS)
    if not any(Path(named).parents[1].glob(f"lib/python3.*/site-packages/{package}")):
        pytest.skip(f"{package} is not installed beside the other clients")
    return named


NO_DURABLE = "AWS's testing SDK for durable functions is not installed (AIOLAMBDA_DURABLE_PYTHON names its Python)"


def durable_python() -> Path:
    """The Python of the environment with AWS's SDKs for durable functions; the test is skipped without it."""
    named = os.environ.get("AIOLAMBDA_DURABLE_PYTHON")
    if not named or not Path(named).is_file():
        pytest.skip(NO_DURABLE)
    return Path(named)


def aws_cli() -> str:
    """The program `aws`; the test is skipped without it."""
    program = Path(clients_python("awscli")).with_name("aws")
    if not program.is_file():
        pytest.skip(NO_CLIENTS)
    return str(program)


def node_modules(*packages: str) -> Path:
    """A `node_modules` with Node itself in `.bin` and with these packages; the test is skipped without it."""
    named = os.environ.get("AIOLAMBDA_NODE")
    folder = Path(named or ".") / "node_modules"
    if not named or not (folder / ".bin" / "node").exists() or not all((folder / package).is_dir() for package in packages):
        pytest.skip(NO_NODE)
    return folder


def node_runtime() -> tuple[str, ...]:
    """The command of AWS's runtime client for Node, for a `LocalFunction`; the test is skipped without it."""
    modules = node_modules("aws-lambda-ric")
    return str(modules / ".bin" / "node"), str(modules / "aws-lambda-ric" / "index.mjs"), "{handler}"


@contextlib.contextmanager
def moto(log: Path) -> Iterator[str]:
    """moto's server, which verifies signatures once it is told to; the test is skipped without it."""
    server = os.environ.get("AIOLAMBDA_MOTO_SERVER")
    if not server or not Path(server).is_file():
        pytest.skip("moto's server is not installed (AIOLAMBDA_MOTO_SERVER names its moto_server)")
    (port,) = free_ports(1)
    environment = {"PATH": os.environ["PATH"], "HOME": str(log.parent)}
    with process([server, "-H", "127.0.0.1", "-p", str(port)], port, log, env=environment):
        post(f"http://127.0.0.1:{port}/moto-api/config", b'{"lambda":{"use_docker":false}}', "application/json")
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def ministack(log: Path) -> Iterator[str]:
    """ministack, with the instance metadata service in its version 2 only; the test is skipped without it."""
    server = os.environ.get("AIOLAMBDA_MINISTACK")
    if not server or not Path(server).is_file():
        pytest.skip("ministack is not installed (AIOLAMBDA_MINISTACK names its program)")
    (port,) = free_ports(1)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(log.parent),
        "TMPDIR": str(log.parent),
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "SERVICES": "lambda,iam,sts,imds",
        "LAMBDA_EXECUTOR": "local",
        "MINISTACK_IMDS_V2_REQUIRED": "1",
    }
    with process([server], port, log, env=environment, cwd=log.parent):
        yield f"http://127.0.0.1:{port}"


def post(url: str, body: bytes, content_type: str) -> None:
    """A request to a server's own control interface."""
    with urllib.request.urlopen(urllib.request.Request(url, body, {"Content-Type": content_type}), timeout=10) as answer:
        answer.read()


NGINX = """\
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
events {{}}
http {{
    log_format requests '$request_method $status $connection $connection_requests $ssl_protocol';
    access_log {folder}/access.log requests;
    client_max_body_size 10m;
    keepalive_requests {requests};
    {temporary}
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_certificate {folder}/certificate.pem;
        ssl_certificate_key {folder}/key.pem;
        location / {{
            proxy_pass {upstream};
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Connection "";
            proxy_buffering off;
        }}
    }}
}}
"""


@contextlib.contextmanager
def nginx(folder: Path, upstream: str, *, requests: int = 1000) -> Iterator[str]:
    """nginx before a server, and its URL. Its certificate and key are in the folder; a connection takes so many `requests`."""
    binary = _installed("AIOLAMBDA_NGINX", "nginx")
    (port,) = free_ports(1)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    settings = NGINX.format(
        user="user root;" if os.geteuid() == 0 else "",
        folder=folder,
        requests=requests,
        temporary=" ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds),
        port=port,
        upstream=upstream,
    )
    (folder / "nginx.conf").write_text(settings)
    command = [binary, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
    with process(command, port, folder / "nginx.log"):
        yield f"https://localhost:{port}"


@contextlib.contextmanager
def tinyproxy(folder: Path, user: str, password: str) -> Iterator[str]:
    """tinyproxy, which opens tunnels for those who know the password, and its `HOST:PORT`; it tells of each in its log."""
    binary = _installed("AIOLAMBDA_TINYPROXY", "tinyproxy")
    (port,) = free_ports(1)
    settings = f"Port {port}\nListen 127.0.0.1\nAllow 127.0.0.1\nTimeout 60\nLogLevel Connect\nBasicAuth {user} {password}\n"
    (folder / "tinyproxy.conf").write_text(settings)
    with process([binary, "-d", "-c", str(folder / "tinyproxy.conf")], port, folder / "tinyproxy.log"):
        yield f"127.0.0.1:{port}"


def _installed(variable: str, name: str) -> str:
    binary = os.environ.get(variable) or shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if not binary or not Path(binary).is_file():
        pytest.skip(f"{name} is not installed ({variable} names its binary)")
    return binary
