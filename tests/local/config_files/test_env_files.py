"""`.env` files: which lines are variables, and how an error names a line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolambda import ConfigurationError
from aiolambda.local.config_files import load_env_file, parse_env_file


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=1", "1"),
        ("A=", ""),
        ("  A = some words  ", "some words"),
        ("export A=1", "1"),
        ("\texport\tA=1", "1"),
        ("A=1 # a comment", "1"),
        ("A= # a comment", ""),
        ("A=1#2", "1#2"),
        ("A=#1", "#1"),
        ("A=b=c", "b=c"),
        ("A=it's", "it's"),
        ("A='one # two'  # three", "one # two"),
        ('A="one # two"# three', "one # two"),
        ("A=''", ""),
        (r"A='\n \' \\'", r"\n ' " + "\\"),
        (r'A="\n\t\" \\ \x"', '\n\t" \\ \\x'),
        ("A='one\ntwo'", "one\ntwo"),
        ('A="one\r\ntwo"', "one\ntwo"),
        ("A=$HOME ${HOME} `id` $(id)", "$HOME ${HOME} `id` $(id)"),
        ('A="$HOME ${HOME} $(id)"', "$HOME ${HOME} $(id)"),
        ("A=\u00e4\u2028", "\u00e4\u2028"),
    ],
)
def test_line_is_a_variable(line, value):
    assert parse_env_file(f"# first\n\n{line}\nB=2") == {"A": value, "B": "2"}


def test_last_value_of_a_name_counts():
    assert parse_env_file("A=1\nB=2\rA=3\r\n") == {"A": "3", "B": "2"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("secret", "write NAME=VALUE"),
        ("=secret", "write NAME=VALUE"),
        ("1A=secret", "write NAME=VALUE"),
        ("A B=secret", "write NAME=VALUE"),
        ("'A'=secret", "write NAME=VALUE"),
        ("export A", "write NAME=VALUE"),
        ("A='secret", "not closed"),
        ('A="secret\nB=1', "not closed"),
        ("A='sec'ret", "has text after it"),
        ("A=  'sec'ret", "has text after it"),
    ],
)
def test_wrong_line_is_named_by_its_number_only(line, said):
    with pytest.raises(ConfigurationError, match=f"^line 3: .*{said}") as caught:
        parse_env_file(f"# first\nB='2'\n{line}")
    assert "secret" not in str(caught.value)


def test_wrong_line_names_its_file(tmp_path):
    (tmp_path / ".env").write_text("A=1\nsecret")
    with pytest.raises(ConfigurationError, match=r"\.env, line 2: write NAME=VALUE"):
        load_env_file(tmp_path / ".env")


def test_file_may_begin_with_a_byte_order_mark(tmp_path):
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbfA=1")
    assert load_env_file(tmp_path / ".env") == {"A": "1"}


@pytest.mark.parametrize(("content", "said"), [(b"A=\xff", "byte 2 is not UTF-8"), (b"#" * 1_000_001, "larger than")])
def test_unreadable_file_is_named(tmp_path, content, said):
    (tmp_path / ".env").write_bytes(content)
    with pytest.raises(ConfigurationError, match=rf"\.env: .*{said}"):
        load_env_file(tmp_path / ".env")


def test_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"missing\.env': No such file"):
        load_env_file(tmp_path / "missing.env")


@given(st.dictionaries(st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,5}", fullmatch=True), st.text(max_size=20)))
def test_quoted_values_come_back(variables):
    def quoted(value):
        return value.replace("\\", r"\\").replace('"', r"\"").replace("\r", r"\r")

    text = "".join(f'{name}="{quoted(value)}"\n' for name, value in variables.items())
    assert parse_env_file(text) == variables


@given(st.text(alphabet="A=1 \t\n\r'\"\\#$export", max_size=40))
def test_any_text_is_read_or_refused(text):
    try:
        variables = parse_env_file(text)
    except ConfigurationError:
        return
    assert all(name.isidentifier() for name in variables)
