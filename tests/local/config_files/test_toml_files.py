"""TOML files: what each key becomes, the defaults, and how an error names the table and the key."""

import contextlib
import json
import re
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolambda import ConfigurationError
from aiolambda.local import DurableConfig, EventInvokeConfig, FunctionUrl, LocalFunction, UrlCors
from aiolambda.local.config_files import FunctionFile, load_functions
from aiolambda.local.config_files.toml_functions import CORS_KEYS, DURABLE_KEYS, EVENT_KEYS, FUNCTION_KEYS, URL_KEYS

from ...support.pages import BLOCKS, ROOT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with code in `src` and `build/1`, and a layer."""
    for name in ("src/handlers", "build/1", "layers/common"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "src" / "handlers" / "app.py").touch()
    (tmp_path / "src" / "orders.py").touch()
    (tmp_path / ".env").write_text("TOKEN=secret\nTABLE=from-file")
    return tmp_path


def load(folder: Path, text: str, **environment: str) -> FunctionFile:
    path = folder / "aiolambda.toml"
    path.write_text(text)
    return load_functions(path, environment=environment)


def one(folder: Path, text: str, **environment: str) -> LocalFunction:
    """The function of a file that has one, without the lines that each needs."""
    (function,) = load(folder, f'[functions.orders]\nhandler = "orders.handler"\n{text}', **environment).functions
    return function


def test_each_key_becomes_the_member_of_its_name(folder):
    file = load(
        folder,
        """
        port = 0
        region = "eu-west-1"
        account_concurrency = 50
        verify_signatures = false

        [functions.orders]
        handler = "handlers/app.handler"
        root = "src"
        timeout = 900
        memory_size = 512
        concurrency = 20
        environment = { TABLE = "orders" }
        env_file = ".env"
        layers = ["layers/common"]
        log_format = "JSON"
        log_level = "DEBUG"
        versions = { 1 = "build/1" }
        aliases = { live = "$LATEST", canary = { "1" = 0.9, "$LATEST" = 0.1 } }
        runtime = "node 'a b/ric' {handler}"
        tenant_isolation = true
        durable = {execution_timeout = 600}
        recursive_loop = "Allow"

        [functions.orders.events]
        maximum_retry_attempts = 1
        maximum_event_age = 60
        retry_delay = 0.5
        duplicates = 0.25
        on_success = "function:archive:live"
        on_failure = "file:failed.jsonl"

        [functions.archive]
        handler = "src/orders.py:archive"
        """,
    )
    assert file.settings == {"port": 0, "region": "eu-west-1", "account_concurrency": 50, "verify_signatures": False}
    assert file.notes == ()
    assert file.files == (folder / "aiolambda.toml", folder / ".env")
    assert file.functions == (
        LocalFunction(
            name="orders",
            handler="handlers/app.handler",
            root=folder / "src",
            timeout=900,
            memory_size=512,
            concurrency=20,
            environment={"TOKEN": "secret", "TABLE": "orders"},
            layers=(folder / "layers/common",),
            log_format="JSON",
            log_level="DEBUG",
            versions={"1": folder / "build/1"},
            aliases={"live": "$LATEST", "canary": {"1": 0.9, "$LATEST": 0.1}},
            runtime=("node", "a b/ric", "{handler}"),
            tenant_isolation=True,
            durable=DurableConfig(execution_timeout=600),
            recursive_loop="Allow",
            events=EventInvokeConfig(
                maximum_retry_attempts=1,
                maximum_event_age=60,
                retry_delay=0.5,
                duplicates=0.25,
                on_success="archive:live",
                on_failure=folder / "failed.jsonl",
            ),
        ),
        LocalFunction(name="archive", handler="orders.archive", root=folder / "src"),
    )


def test_keys_that_are_not_there_keep_their_defaults(folder):
    assert one(folder, "") == LocalFunction(name="orders", handler="orders.handler", root=folder)


def test_own_value_wins_over_the_default(folder):
    file = load(
        folder,
        """
        [defaults]
        handler = "orders.handler"
        root = "src"
        timeout = 10
        layers = ["layers/common"]
        environment = { STAGE = "dev", TABLE = "default" }
        events = { maximum_retry_attempts = 0, retry_delay = 0 }
        [functions.a]
        timeout = 20
        layers = []
        env_file = ".env"
        environment = { STAGE = "test" }
        events = { retry_delay = 2 }
        [functions.b]
        """,
    )
    own, default = file.functions
    assert (own.timeout, default.timeout, own.layers, default.layers) == (20, 10, (), (folder / "layers/common",))
    assert own.environment == {"STAGE": "test", "TABLE": "from-file", "TOKEN": "secret"}
    assert default.environment == {"STAGE": "dev", "TABLE": "default"}
    assert own.events == EventInvokeConfig(maximum_retry_attempts=0, retry_delay=2)
    assert (own.root, own.handler) == (default.root, default.handler) == (folder / "src", "orders.handler")


def test_variables_may_be_written_as_on_the_command_line(folder):
    function = one(folder, 'environment = ["TABLE=orders", "TOKEN"]', TOKEN="a=b", OTHER="x")
    assert function.environment == {"TABLE": "orders", "TOKEN": "a=b"}


def test_later_env_file_wins_over_an_earlier_one(folder):
    (folder / "b.env").write_text("TOKEN=other")
    assert one(folder, 'env_file = [".env", "b.env"]').environment == {"TOKEN": "other", "TABLE": "from-file"}


def test_paths_are_relative_to_the_file(folder, monkeypatch):
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    path = folder / "functions.toml"
    path.write_text('[functions.orders]\nhandler = "orders.handler"\nroot = "src"')
    for given_path in (path, Path("..") / path.name):
        (function,) = load_functions(given_path, environment={}).functions
        assert function.root == folder / "src"


def test_destination_of_another_name_is_noted(folder):
    file = load(folder, '[functions.orders]\nhandler = "a.b"\nevents.on_failure = "function:order"')
    assert file.notes == ("orders: the destination order is not a function of the file; did you mean orders?",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("timeout = 3", ": the top of the file has no key 'timeout'; write it in [defaults], or in the [functions.NAME]"),
        ("regoin = 'x'", ": the top of the file has no key 'regoin'; did you mean region?"),
        ("port = '9001'", ": port must be a whole number; got a string"),
        ("port = 70000", ": port must be a whole number, 0 to 65,535; got 70000"),
        ("account_concurrency = -1", ": account_concurrency must be a whole number, 0 or more; got -1"),
        ("functions = 3", ": functions must be a table; got an int"),
        ("[functions]\nhandler = 'a.b'", ": [functions] handler must be a table; got a string"),
        ("", " has no function; write a table [functions.NAME]"),
        ("[functions.orders]", ": [functions.orders] has no handler"),
        ("[defaults]\ntimeot = 3", ": [defaults] has no key 'timeot'; did you mean timeout?"),
        ("[defaults]\ntimeout = -1", ": [defaults] timeout: the timeout of function 'orders' must be above 0"),
        ("[functions.'a b']\nhandler = 'a.b'", ": [functions.'a b']: a function name must be 1 to 64 letters"),
    ],
)
def test_wrong_file_is_told(folder, text, said):
    if "[defaults]" in text:
        text += "\n[functions.orders]\nhandler = 'a.b'"
    with pytest.raises(ConfigurationError) as caught:
        load(folder, text)
    assert str(caught.value).startswith(f"{folder / 'aiolambda.toml'}{said}")


def test_wrong_value_is_told_where_it_stands(folder):
    text = """
        [defaults]
        aliases = { live = "1" }
        memory_size = 0
        [functions.orders]
        handler = "a.b"
        versions = { 1 = "src" }
    """
    with pytest.raises(ConfigurationError, match=r"toml: \[defaults\] memory_size: the memory_size of function 'orders' must"):
        load(folder, text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("memory = 3", " has no key 'memory'; did you mean memory_size?"),
        ("MemorySize = 3", " has no key 'MemorySize'; did you mean memory_size?"),
        ("env = {}", " has no key 'env'; did you mean environment?"),
        ("name = 'x'", " has no key 'name'; the name of a function is that of its table"),
        ("port = 1", " has no key 'port'; write it at the top of the file"),
        ("on_failure = 'x'", " has no key 'on_failure'; write it in the table events of the function"),
        ("timeout = '3'", " timeout must be a number; got a string"),
        ("timeout = true", " timeout must be a number; got a bool"),
        ("timeout = 9999", " timeout: the timeout of function 'orders' must be above 0 and at most 5,400 seconds; got 9999"),
        ("concurrency = 1.5", " concurrency must be a whole number; got a float"),
        ("durable = 1", " durable must be true or false; got an int"),
        ("durable = { timeout = 1 }", ".durable] has no key 'timeout'"),
        ("durable = { execution_timeout = 0 }", ".durable] execution_timeout must be a whole number, 1 to 31,622,400; got 0"),
        ("durable = { retention_days = 1.5 }", ".durable] retention_days must be a whole number; got a float"),
        ("execution_timeout = 1", " has no key 'execution_timeout'; write it in the table durable of the function"),
        ("log_format = 'json'", " log_format: function 'orders': log_format must be 'Text' or 'JSON'; got 'json'"),
        ("root = 'missing'", " root must be a folder, relative to the folder of the file; there is no folder 'missing'"),
        ('root = "a\\u0000"', " root must be a folder"),
        ("layers = 'layers/common'", " layers must be a list of texts in quotes; got a string"),
        ("layers = ['.env']", " layers must be a folder"),
        ("versions = { 1 = 'gone' }", ".versions] 1 must be a folder"),
        ("versions = { x = 'build/1' }", " versions: function 'orders': a version must be a whole number"),
        ("aliases = { live = 1 }", ".aliases] live must be a text in quotes; got an int"),
        ("aliases = { live = '7' }", " aliases: function 'orders': the alias 'live' leads to the version '7', which does not"),
        ("aliases = { live = { '$LATEST' = 'x' } }", ".aliases.live] '$LATEST' must be a number; got a string"),
        ("environment = { PORT = 80 }", ".environment] PORT must be a text in quotes; got an int"),
        ("environment = ['MISSING']", " environment is wrong: the variable 'MISSING' is not set here"),
        ("environment = { AWS_REGION = 'x' }", " environment: function 'orders': the variable AWS_REGION is reserved"),
        ("env_file = 'gone.env'", " env_file is wrong: cannot read the file"),
        ("runtime = '\"'", " runtime is wrong: cannot parse the runtime command"),
        ("events = { retries = 1 }", ".events] has no key 'retries'"),
        ("events = { maximum_retry_attempts = 3 }", ".events] maximum_retry_attempts must be a whole number, 0 to 2; got 3"),
        ("events = { on_failure = 'x' }", ".events] on_failure is wrong: 'x' is no destination; write file:PATH"),
        ("events = { on_failure = 'file:' }", ".events] on_failure is wrong: 'file:' is no destination; write file:PATH"),
    ],
)
def test_wrong_value_of_a_function_is_told(folder, text, said):
    with pytest.raises(ConfigurationError) as caught:
        one(folder, text)
    place, _, problem = str(caught.value).partition(": [functions.orders")
    assert place == str(folder / "aiolambda.toml")
    assert problem.removeprefix("]" if said.startswith(" ") else "").startswith(said)


@pytest.mark.parametrize("handler", ["gone.py:handler", "src/orders.py:1", ":"])
def test_wrong_handler_is_told(folder, handler):
    with pytest.raises(ConfigurationError, match=r"toml: \[functions\.orders\] handler is wrong: "):
        load(folder, f"[functions.orders]\nhandler = {handler!r}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = \n", r"is not TOML: Invalid value \(at line 1, column 5\)"),
        ("[functions.a]\nx = 1\nx = 2", r"is not TOML: .*at (line 3, column 6|end of document)"),
        ("a = " + "[" * 10_000, "are nested too deeply"),
        ("a = " + "1" * 5_000, "is not TOML"),
    ],
)
def test_syntax_error_is_told(folder, text, said):
    with pytest.raises(ConfigurationError, match=rf"aiolambda\.toml:? .*{said}"):
        load(folder, text)


def test_no_error_shows_a_value(folder):
    for text in ("environment = { T = 1, X = 'secret' }", "environment = ['T', 'X=secret']", "env_file = 'secret.env'"):
        (folder / "secret.env").write_text("X='secret")
        with pytest.raises(ConfigurationError) as caught:
            one(folder, text)
        assert "secret" not in str(caught.value).replace("secret.env", "")


# Any content

KEYS = [
    "handler", "root", "timeout", "memory_size", "concurrency", "environment", "env_file", "layers", "log_format", "log_level",
    "versions", "aliases", "runtime", "tenant_isolation", "durable", "recursive_loop", "events", "other",
]  # fmt: skip
SCALARS = st.one_of(
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.sampled_from(["src", "1", "$LATEST", "JSON", "Allow", "orders.py:f", "a.b", "file:x", "", "\0", "."]),
)
VALUES = st.recursive(
    SCALARS,
    lambda part: (
        st.lists(part, max_size=3)
        | st.dictionaries(st.sampled_from(["1", "live", "A", "on_failure", "retry_delay", "$LATEST"]), part, max_size=3)
    ),
    max_leaves=5,
)


def toml_of(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml_of(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml_of, value)) + "]"
    return repr(value).lower() if isinstance(value, bool | float) else json.dumps(value)


@given(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4))
def test_any_table_is_read_or_refused(tmp_path_factory, values):
    folder = tmp_path_factory.getbasetemp() / "any"
    (folder / "src").mkdir(parents=True, exist_ok=True)
    (folder / "src" / "orders.py").touch()
    with contextlib.suppress(ConfigurationError):
        one(folder / "src", "\n".join(f"{key} = {toml_of(value)}" for key, value in values.items() if key != "handler"))


# The manual


def test_url_is_read(folder):
    cors = "{ allow_origins = ['*'], allow_methods = ['GET'], allow_headers = ['a'], expose_headers = ['b'], max_age = 5 }"
    text = f"url = {{ auth_type = 'NONE', invoke_mode = 'RESPONSE_STREAM', cors = {cors} }}"
    read = UrlCors(allow_origins=["*"], allow_methods=["GET"], allow_headers=["a"], expose_headers=["b"], max_age=5)
    assert one(folder, text).url == FunctionUrl(auth_type="NONE", invoke_mode="RESPONSE_STREAM", cors=read)
    assert one(folder, "url = {}").url == FunctionUrl()
    assert one(folder, "").url is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("url = 'NONE'", "url must be a table; got a string"),
        ("url = { auth = 'NONE' }", "auth"),
        ("url = { auth_type = 'IAM' }", "[functions.orders.url] auth_type must be 'AWS_IAM' or 'NONE'"),
        ("url = { allow_origins = ['*'] }", "write it in the table cors of the URL"),
        ("url = { cors = { allow_origins = '*' } }", "allow_origins must be a list of texts in quotes"),
        ("url = { cors = { max_age = -1 } }", "[functions.orders.url.cors] max_age"),
        ("auth_type = 'NONE'", "write it in the table url of the function"),
    ],
    ids=range(7),
)
def test_wrong_url_is_named(folder, text, said):
    with pytest.raises(ConfigurationError) as caught:
        one(folder, text)
    assert said in str(caught.value)


def test_example_of_the_manual_is_read(folder):
    (example,) = [block for block in BLOCKS if block.language == "toml" and block.page == "docs/reference/function-files.md"]
    for name in ("src/build", "pictures"):
        (folder / name).mkdir()
    file = load(folder, example.text)
    assert [function.name for function in file.functions] == ["orders", "archive", "pictures"]
    assert file.functions[0].environment == {"STAGE": "dev", "TABLE": "orders", "TOKEN": "secret"}
    assert file.notes == ()


def test_manual_has_each_key():
    page = (ROOT / "docs" / "reference" / "function-files.md").read_text()
    rows = [line.split("|")[1] for line in page.split("## Templates")[0].splitlines() if line.startswith("| `")]
    assert sorted(re.findall(r"`(\w+)`", "".join(rows))) == sorted(FUNCTION_KEYS)


def test_each_member_of_a_function_has_a_key():
    members = {attribute.name for attribute in attrs.fields(LocalFunction)}
    assert set(FUNCTION_KEYS) - {"env_file"} == members - {"name"}
    assert set(DURABLE_KEYS) == {attribute.name for attribute in attrs.fields(DurableConfig)}
    assert set(EVENT_KEYS) == {attribute.name for attribute in attrs.fields(EventInvokeConfig)}
    assert set(URL_KEYS) == {attribute.name for attribute in attrs.fields(FunctionUrl)}
    assert set(CORS_KEYS) == {attribute.name for attribute in attrs.fields(UrlCors)}
