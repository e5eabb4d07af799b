"""The text of a template: the tags of YAML, aliases and merges, and how an error names a line."""

import contextlib
import time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from aiolambda import ConfigurationError
from aiolambda.local.config_files.templates.text import parse_template


@pytest.fixture(autouse=True, params=["libyaml", "python"])
def _parser(request, monkeypatch):
    """Each test runs with both parsers of PyYAML: some platforms have no libyaml."""
    if request.param == "python":
        monkeypatch.delattr(yaml, "CSafeLoader")


def parse(tmp_path, text, name="template.yaml"):
    return parse_template(tmp_path / name, text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("!Ref x", {"Ref": "x"}),
        ("!Condition x", {"Condition": "x"}),
        ("!GetAtt x.y.z", {"Fn::GetAtt": ["x", "y.z"]}),
        ("!GetAtt [x, y]", {"Fn::GetAtt": ["x", "y"]}),
        ("!Sub 012", {"Fn::Sub": "012"}),
        ("!Sub ['${x}', {x: !Ref y}]", {"Fn::Sub": ["${x}", {"x": {"Ref": "y"}}]}),
        ("!Transform {Name: x}", {"Fn::Transform": {"Name": "x"}}),
        ("!GetAZs ''", {"Fn::GetAZs": ""}),
        ("2020-01-01", "2020-01-01"),
        ("2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z"),
        ("[1, 1.5, true, no, null, ~, '1', 1.2.3, =]", [1, 1.5, True, False, None, None, "1", "1.2.3", "="]),
        ("{1: a, on: b, null: c}", {"1": "a", "on": "b", "null": "c"}),
        ("0x_", "0x_"),
        ("9" * 5_000, "9" * 5_000),
        ("0x" + "f" * 5_000, "0x" + "f" * 5_000),
        ("|\n  one\n  two\n", "one\ntwo\n"),
        ("!!str 1", "1"),
        ("!!int '1'", 1),
    ],
)
def test_yaml_value(tmp_path, text, value):
    assert parse(tmp_path, f"x: {text}") == {"x": value}


def test_aliases_and_merges_repeat_values(tmp_path):
    text = """
base: &base {a: 1, b: [!Ref x]}
more: &more {b: 2, c: 3}
once: {<<: *base, a: own}
twice: {a: own, <<: [*base, *more]}
alias: *base
"""
    base = {"a": 1, "b": [{"Ref": "x"}]}
    assert parse(tmp_path, text) == {
        "base": base,
        "more": {"b": 2, "c": 3},
        "once": {**base, "a": "own"},
        "twice": {**base, "a": "own", "c": 3},
        "alias": base,
    }


@pytest.mark.parametrize(
    ("merge", "merged"),
    [
        ("<<: *x", {"a": 1, "b": 1}),
        ("<<: [*x, *y]", {"a": 1, "b": 1, "c": 2}),
        ("<<: [*y, *x]", {"a": 1, "b": 2, "c": 2}),
        ("<<: *x, <<: *y", {"a": 1, "b": 1, "c": 2}),
        ("a: own, <<: *z", {"a": "own", "b": 2, "c": 3}),
        ("<<: *z, c: own", {"b": 2, "c": "own"}),
        ("<<: []", {}),
    ],
)
def test_first_merge_wins_after_own_values(tmp_path, merge, merged):
    text = f"x: &x {{a: 1, b: 1}}\ny: &y {{b: 2, c: 2}}\nz: &z {{<<: *y, c: 3}}\nmerged: {{{merge}}}"
    assert parse(tmp_path, text)["merged"] == merged


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "line [12], column [15]: "),
        ("a: b\n c: d", "line 2, column "),
        ("a: 1\nb:\n  c: 1\n  c: secret", "line 4, column 3: the key 'c' stands twice in a mapping; remove one of them"),
        ("a: !Reff x", r"line 1, column 4: CloudFormation has no function !Reff; choose from .* \(did you mean '!Ref'\?\)"),
        ("a: !!python/object:os.system [secret]", "line 1, column 4: the tag tag:yaml.org,2002:python/object:os.system is not"),
        ("a: !!binary secret", "line 1, column 4: the tag tag:yaml.org,2002:binary is not supported"),
        ("? [a]\n: b", "line 1, column 3: a key must be a text"),
        ("a: {<<: secret}", "line 1, column 9: the value of << must be a mapping, or a list of mappings"),
        ("a: *b", "line 1, column 4: "),
        ("a: 1\n---\nb: 1", "line 2, column 1: "),
        ("a: \x01", "the file has a character that YAML forbids"),
        ("[a]", "is not a template; a template is a mapping with the key Resources"),
        ("", "is not a template"),
        ("secret", "is not a template"),
    ],
)
def test_wrong_yaml_is_told(tmp_path, text, said):
    with pytest.raises(ConfigurationError, match=rf"template\.yaml(, |: | ){said}") as caught:
        parse(tmp_path, text)
    assert "secret" not in str(caught.value).replace(str(tmp_path), "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": secret}', r"\.json, line 1, column 7: Expecting value"),
        ('{\n"a": 1, "a": "secret"}', r"\.json: the key 'a' stands twice in a mapping"),
        ('{"a": ' + "1" * 5_000 + "}", r"\.json: Exceeds the limit"),
        ('{"a": ' + "[" * 120 + "]" * 120 + "}", r"\.json: the values are nested in more than 100 levels"),
        ('{"a": ' * 100_000, r"\.json: the values are nested in more than 100 levels"),
    ],
)
def test_wrong_json_is_told(tmp_path, text, said):
    with pytest.raises(ConfigurationError, match=said) as caught:
        parse(tmp_path, text, "template.json")
    assert "secret" not in str(caught.value).replace(str(tmp_path), "")


def test_mapping_of_yaml_may_begin_like_json(tmp_path):
    assert parse(tmp_path, "{a: !Ref b}") == {"a": {"Ref": "b"}}


LISTS = "".join(f"a{number}: &a{number} [{', '.join([f'*a{number - 1}'] * 10)}]\n" for number in range(1, 10))
MERGES = "".join(f"a{number}: &a{number} {{<<: [{', '.join([f'*a{number - 1}'] * 10)}]}}\n" for number in range(1, 10))


@pytest.mark.parametrize(
    "text",
    [
        "a0: &a0 [x]\n" + LISTS,
        "a0: &a0 {}\n" + MERGES,
        "a0: &a0 {x: y}\n" + MERGES,
        "a: &a [*a]",
        "a: &a {<<: *a}",
        "a: &a {b: !Sub [*a]}",
        "a: " + "[" * 500 + "]" * 500,
        "- " * 400_000,
        "a: " + "!Sub [" * 120 + "]" * 120,
    ],
    ids=[
        "lists",
        "empty merges",
        "merges",
        "circle",
        "circle of merges",
        "circle of functions",
        "deep",
        "very deep",
        "functions",
    ],
)
def test_bomb_is_refused_soon(tmp_path, text):
    began = time.monotonic()
    with pytest.raises(ConfigurationError, match=r"nested in more than 100 levels, or repeated too often|depth|nesting"):
        parse(tmp_path, text)
    assert time.monotonic() - began < 20


@given(st.text(alphabet="ab:-?&*!<>[]{}|'\"# \n,", max_size=40))
def test_any_text_is_read_or_refused(tmp_path_factory, text):
    with contextlib.suppress(ConfigurationError):
        assert isinstance(parse(tmp_path_factory.getbasetemp(), text), dict)
