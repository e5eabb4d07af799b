"""TLS with a private authority, and a tunnel with a password, by servers that others wrote: nginx and tinyproxy."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
import trustme

from aiolambda import ConnectError, Credentials, Delivery, LambdaClient, LambdaServiceException
from aiolambda.local import LocalEndpoint

from ..support import peers
from ..support.cli import environment, run
from ..support.local import becomes_true, function, serving

USER, PASSWORD = "tea", "hunter2-hunter2"


@attrs.frozen
class Place:
    """A folder with the certificate of localhost, and the bundle that it is verified with."""

    folder: Path
    bundle: Path

    def requests(self) -> list[list[str]]:
        """What nginx noted: method, status, connection, the how-manieth request on it, protocol."""
        return [line.split() for line in (self.folder / "access.log").read_text().splitlines()]

    async def noted(self, count: int) -> list[list[str]]:
        """The same, once there are so many: nginx notes a request when it has answered."""
        await becomes_true(lambda: len(self.requests()) >= count)
        return self.requests()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    certificate.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    for number, pem in enumerate(certificate.cert_chain_pems):
        pem.write_to_path(str(tmp_path / "certificate.pem"), append=number > 0)
    authority.cert_pem.write_to_path(str(tmp_path / "bundle.pem"))
    return Place(tmp_path, tmp_path / "bundle.pem")


@pytest.fixture
def tunnels(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """tinyproxy, and its log."""
    with peers.tinyproxy(tmp_path, USER, PASSWORD) as address:
        yield address, tmp_path / "tinyproxy.log"


def client_of(endpoint: LocalEndpoint, url: str, **settings: Any) -> LambdaClient:
    return LambdaClient(region=endpoint.region, credentials=endpoint.credentials, endpoint_url=url, **settings)


async def test_calls_through_nginx_share_one_connection(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(place.bundle))
    async with serving(verify_signatures=True) as invoke:
        with peers.nginx(place.folder, invoke.endpoint.url) as url:
            async with client_of(invoke.endpoint, url) as client:
                answers = [(await client.invoke("app", {"op": "echo", "n": number})).json() for number in range(5)]
                large = {"op": "echo", "data": "x" * 5_000_000}
                assert (await client.invoke("app", large)).json() == large
                noted = await place.noted(6)
    assert answers == [{"op": "echo", "n": number} for number in range(5)]
    assert [(method, status) for method, status, *_ in noted] == [("POST", "200")] * 6
    assert {(connection, protocol) for _, _, connection, _, protocol in noted} == {(noted[0][2], "TLSv1.3")}


async def test_connections_closed_by_nginx_are_replaced(place: Place) -> None:
    async with serving(verify_signatures=True) as invoke:
        with peers.nginx(place.folder, invoke.endpoint.url, requests=3) as url:
            async with client_of(invoke.endpoint, url, ca_bundle=place.bundle) as client:
                outputs = [await client.invoke("app", {"op": "echo", "n": number}) for number in range(10)]
                assert client.stats.failed == {}
                noted = await place.noted(10)
    assert [output.metadata.attempts for output in outputs] == [1] * 10
    assert len({connection for _, _, connection, *_ in noted}) == 4


async def test_stream_passes_through_nginx(place: Place) -> None:
    async with serving(function(handler="streamed_handler.handler", root=place.folder), verify_signatures=True) as invoke:
        (place.folder / "streamed_handler.py").write_text("def handler(event, context):\n    return {'tea': 'green'}\n")
        with peers.nginx(place.folder, invoke.endpoint.url) as url:
            async with client_of(invoke.endpoint, url, ca_bundle=place.bundle) as client, client.stream("app", {}) as stream:
                assert json.loads(await stream.read()) == {"tea": "green"}
                assert stream.completed


async def test_nginx_certificate_needs_its_ca_bundle(place: Place) -> None:
    async with serving() as invoke:
        with peers.nginx(place.folder, invoke.endpoint.url) as url:
            async with client_of(invoke.endpoint, url) as client:
                with pytest.raises(ConnectError, match="(?i)certificate.verify.failed") as raised:
                    await client.invoke("app")
    assert (raised.value.delivery, raised.value.transient, raised.value.attempts) == (Delivery.NOT_DELIVERED, False, 1)
    assert place.requests() == []


async def test_nginx_gateway_error_is_not_retried(place: Place) -> None:
    (nobody,) = peers.free_ports(1)
    with peers.nginx(place.folder, f"http://127.0.0.1:{nobody}") as url:
        async with LambdaClient(
            region="us-east-1", credentials=Credentials("AKIDEXAMPLE", "s"), endpoint_url=url, ca_bundle=place.bundle
        ) as client:
            with pytest.raises(LambdaServiceException) as raised:
                await client.invoke("app")
            noted = await place.noted(1)
    assert (raised.value.status_code, raised.value.delivery) == (502, Delivery.UNKNOWN)
    assert len(noted) == 1


async def test_tinyproxy_tunnel_uses_the_password(
    place: Place, tunnels: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, log = tunnels
    monkeypatch.setenv("HTTPS_PROXY", f"http://{USER}:{PASSWORD}@{address}")
    async with serving(verify_signatures=True) as invoke:
        with peers.nginx(place.folder, invoke.endpoint.url) as url:
            async with client_of(invoke.endpoint, url, ca_bundle=place.bundle) as client:
                for number in range(3):
                    assert (await client.invoke("app", {"op": "echo", "n": number})).json()["n"] == number
                noted = await place.noted(3)
    assert log.read_text().count(f"CONNECT {url.removeprefix('https://')}") == 1
    assert [status for _, status, *_ in noted] == ["200"] * 3


@pytest.mark.parametrize(("given", "status"), [("", 407), (f"{USER}:wrong-hunter3@", 401)], ids=["none", "a wrong one"])
async def test_tinyproxy_refuses_a_wrong_password(place: Place, tunnels: tuple[str, Path], given: str, status: int) -> None:
    address, _ = tunnels
    async with serving() as invoke:
        with peers.nginx(place.folder, invoke.endpoint.url) as url:
            async with client_of(invoke.endpoint, url, ca_bundle=place.bundle, proxy=f"http://{given}{address}") as client:
                with pytest.raises(ConnectError, match=f"the proxy answered {status}") as raised:
                    await client.invoke("app")
    assert (raised.value.delivery, raised.value.attempts) == (Delivery.NOT_DELIVERED, 1)
    assert "hunter" not in f"{raised.value}{raised.value.__cause__!r}"
    assert place.requests() == []


async def test_doctor_passes_through_the_proxy(place: Place, tunnels: tuple[str, Path]) -> None:
    address, _ = tunnels
    async with serving(verify_signatures=True) as invoke:
        with peers.nginx(place.folder, invoke.endpoint.url) as url:
            shell = environment(
                AWS_ENDPOINT_URL_LAMBDA=url,
                AWS_REGION=invoke.endpoint.region,
                AWS_ACCESS_KEY_ID=invoke.endpoint.credentials.access_key_id,
                AWS_SECRET_ACCESS_KEY=invoke.endpoint.credentials.secret_access_key,
                AWS_CA_BUNDLE=str(place.bundle),
                HTTPS_PROXY=f"http://{USER}:{PASSWORD}@{address}",
            )
            ended = await run("doctor", "--function", "app", "--json", env=shell)
    told = json.loads(ended.stdout)
    checks = {check["name"]: check for check in told["checks"]}
    assert (ended.code, ended.stderr, {check["state"] for check in checks.values()}) == (0, "", {"ok"})
    assert "through the proxy" in checks["connection"]["text"]
    assert checks["tls"]["facts"]["version"] == "TLSv1.3"
    assert PASSWORD not in ended.stdout.decode()
