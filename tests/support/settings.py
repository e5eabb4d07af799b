"""Every setting with its sources, first wins; for each source a value, and its text in the table of settings."""

from pathlib import Path
from typing import Any

import attrs

from aiolambda import LambdaClientConfig
from aiolambda.config.explain import explain

__all__ = ["SETTINGS", "Case", "Source", "explained_by_name", "look_up", "write_profile"]


@attrs.frozen
class Source:
    """A source of a setting. `kind` is argument, variable or profile; `told` is the text that `explain` shows for `value`."""

    kind: str
    name: str
    value: Any
    told: str

    @property
    def said(self) -> str:
        """The beginning of its name as a source."""
        return {"argument": f"argument {self.name}", "variable": self.name}.get(
            self.kind, f"{self.name} of profile 'default' in "
        )


@attrs.frozen
class Case:
    """A setting: its name in `explain`, its name in botocore, and values that are refused (`wrong`)."""

    name: str
    botocore: str | None
    default: str
    sources: tuple[Source, ...]
    wrong: tuple[str, ...] = ()
    accepted: str = ""

    @property
    def texts(self) -> tuple[Source, ...]:
        return tuple(source for source in self.sources if source.kind != "argument")


def argument(name: str, value: Any, told: str) -> Source:
    return Source("argument", name, value, told)


def variable(name: str, value: str, told: str | None = None) -> Source:
    return Source("variable", name, value, value if told is None else told)


def profile(name: str, value: str, told: str | None = None) -> Source:
    return Source("profile", name, value, value if told is None else told)


def flag(name: str, *, is_argument: bool = True, botocore: bool = True) -> Case:
    return Case(
        name,
        name if botocore else None,
        "false",
        (
            *((argument(name, True, "true"),) if is_argument else ()),
            variable(f"AWS_{name.upper()}", "TRUE", "true"),
            profile(name, "True", "true"),
        ),
        wrong=("yes", "1", "0", "off", "truee", "f", "\N{FULLWIDTH LATIN SMALL LETTER T}rue"),
        accepted="must be true or false, not",
    )


ON = "TcpKeepAlive(idle=45, interval=15, count=3)"
SETTINGS = (
    Case(
        "region",
        "region",
        "-",
        (
            argument("region", "eu-west-1", "eu-west-1"),
            variable("AWS_REGION", "eu-west-2"),
            variable("AWS_DEFAULT_REGION", "eu-west-3"),
            profile("region", "eu-north-1"),
        ),
        wrong=("EU-WEST-1", "eu west", "-", "a" * 64),
        accepted="is not a region, such as 'eu-west-1'",
    ),
    Case(
        "endpoint_url",
        None,
        "-",
        (
            argument("endpoint_url", "http://argument:1/", "http://argument:1"),
            variable("AWS_ENDPOINT_URL_LAMBDA", "http://lambda:2/base/", "http://lambda:2/base"),
            variable("AWS_ENDPOINT_URL", "https://all:3"),
            profile("endpoint_url", "https://profile:4"),
        ),
        wrong=("localhost:4566", "ftp://h", "http://user:hunter2@h", "http://h/?q=hunter2", "http://", "http://h:99999"),
        accepted="is not an http or https URL with a host|must not contain credentials, a query or a fragment",
    ),
    flag("ignore_configured_endpoint_urls"),
    flag("use_fips_endpoint"),
    flag("use_dualstack_endpoint"),
    flag("disable_clock_skew_correction", botocore=False),
    Case(
        "max_attempts",
        "max_attempts",
        "-",
        (variable("AWS_MAX_ATTEMPTS", "7"), profile("max_attempts", "9")),
        wrong=("0", "-1", "three", "1.5", "1" * 5000, "\N{ARABIC-INDIC DIGIT THREE}", "1 2"),
        accepted="must be a whole number, 1 or more, not",
    ),
    Case(
        "retry_mode",
        "retry_mode",
        "-",
        (variable("AWS_RETRY_MODE", "adaptive"), profile("retry_mode", "legacy")),
        wrong=("fast", "standard2"),
        accepted="must be legacy, standard or adaptive, not",
    ),
    Case(
        "tcp_keepalive",
        "tcp_keepalive",
        ON,
        (
            argument("tcp_keepalive", None, "-"),
            variable("BOTOCORE_TCP_KEEPALIVE", "false", "-"),
            profile("tcp_keepalive", "true", ON),
        ),
        wrong=("yes", "45"),
        accepted="must be true or false, not",
    ),
    Case(
        "user_agent_app_id",
        "user_agent_appid",
        "-",
        (
            argument("user_agent_app_id", "given", "given"),
            variable("AWS_SDK_UA_APP_ID", "named"),
            profile("sdk_ua_app_id", "written"),
        ),
        wrong=("café", "\N{SNOWMAN}", "a\x7fb"),
        accepted="becomes part of a header and must be printable ASCII",
    ),
    Case("execution_environment", None, "-", (variable("AWS_EXECUTION_ENV", "AWS_Lambda_python3.13"),)),
)


def write_profile(folder: Path, *sources: Source) -> dict[str, str]:
    """Write the profile's sources to a config file. Gives the environment with that file and the sources that are variables."""
    lines = [f"{source.name} = {source.value}\n" for source in sources if source.kind == "profile"]
    (folder / "config").write_text("".join(["[default]\n", *lines]), encoding="utf-8")
    files = {"AWS_CONFIG_FILE": str(folder / "config"), "AWS_SHARED_CREDENTIALS_FILE": str(folder / "none")}
    return files | {source.name: source.value for source in sources if source.kind == "variable"}


def explained_by_name(config: LambdaClientConfig, environment: dict[str, str]) -> dict[str, Any]:
    return {row.name: row for row in explain(config, environment)}


def look_up(name: str, folder: Path, *sources: Source) -> Any:
    """The row of a setting if these sources have a value for it."""
    environment = write_profile(folder, *sources)
    arguments = {source.name: source.value for source in sources if source.kind == "argument"}
    return explained_by_name(LambdaClientConfig(**arguments), environment)[name]
