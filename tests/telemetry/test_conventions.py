"""The names are those of OpenTelemetry's semantic conventions, compared with their constants."""

import re
from importlib import import_module

import pytest

from aiolambda.telemetry import conventions

ATTRIBUTES = [
    "aws_attributes",
    "cloud_attributes",
    "error_attributes",
    "faas_attributes",
    "http_attributes",
    "rpc_attributes",
    "server_attributes",
    "url_attributes",
]
METRICS = ["http_metrics", "rpc_metrics"]
STABLE_ATTRIBUTES = ["error_attributes", "http_attributes", "server_attributes", "url_attributes"]
NAMES = {name: value for name, value in vars(conventions).items() if name.isupper()}
OURS = {name: value for name, value in NAMES.items() if str(value).startswith("aiolambda")}
VALUES = {"AWS_API", "BOUNDARIES", "OTHER"}
THEIRS = {name: value for name, value in NAMES.items() if name not in OURS and name not in VALUES}


def constants(package: str, modules: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for module in modules:
        found |= {name: value for name, value in vars(import_module(f"{package}.{module}")).items() if name.isupper()}
    return found


@pytest.mark.parametrize("name", THEIRS)
def test_name_is_the_constant_of_the_conventions(name: str) -> None:
    known = constants("opentelemetry.semconv._incubating.attributes", ATTRIBUTES)
    known |= constants("opentelemetry.semconv._incubating.metrics", METRICS)
    assert THEIRS[name] == known[name]


def test_stable_names_are_stable() -> None:
    stable = constants("opentelemetry.semconv.attributes", STABLE_ATTRIBUTES)
    stable |= constants("opentelemetry.semconv.metrics", ["http_metrics"])
    assert {name for name in THEIRS if name.startswith(("ERROR", "HTTP", "SERVER", "URL"))} - stable.keys() == {
        "HTTP_CLIENT_ACTIVE_REQUESTS"
    }


def test_names_of_our_own_are_well_formed() -> None:
    assert all(re.fullmatch(r"aiolambda(\.[a-z]+(_[a-z]+)*)*", name) for name in OURS.values())
    assert len(set(OURS.values())) == len(OURS)


def test_values_are_those_of_the_conventions() -> None:
    from opentelemetry.semconv.attributes.error_attributes import ErrorTypeValues

    assert ErrorTypeValues.OTHER.value == conventions.OTHER
    assert conventions.AWS_API == "aws-api"


def test_bounds_reach_the_longest_call() -> None:
    bounds = list(conventions.BOUNDARIES)
    assert bounds == sorted(set(bounds))
    assert bounds[:14] == [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
    assert bounds[-1] == 1800
