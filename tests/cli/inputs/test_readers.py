"""The readers of `aiolambda map`: each form gives its items, however its bytes are cut, or an error with a line."""

import csv
import gzip
import hashlib
import io
import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolambda.cli.inputs import chunks, separated
from aiolambda.cli.inputs.batches import answers_of, batches_of
from aiolambda.cli.inputs.formats import as_guessed, form_of_name
from aiolambda.cli.inputs.reading import Reading, Recipe
from aiolambda.cli.inputs.returned import Returned
from aiolambda.cli.inputs.values import LONGEST, InputError, Line
from aiolambda.errors import ConfigurationError

from ...support.compressed import zstd_compress

SIZES = st.integers(min_value=1, max_value=9)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
SECRET = "hunter2"


def pieces(data: bytes, size: int = 7):
    return iter([data[at : at + size] for at in range(0, len(data), size)])


def read(data: bytes, size: int = 7, **recipe) -> list[Line]:
    return list(Reading(Recipe(**recipe), pieces(data, size)).lines())


def values(data: bytes, size: int = 7, **recipe):
    return [json.loads(line.content) for line in read(data, size, **recipe)]


def refusal(data: bytes, size: int = 7, **recipe) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read(data, size, **recipe)
    assert SECRET not in str(caught.value)
    return str(caught.value)


# --- JSON -------------------------------------------------------------------------------------------------------------


@given(st.lists(VALUES, max_size=5), SIZES, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_an_array_gives_its_elements(elements, size, indent, ascii):
    text = json.dumps(elements, indent=indent, ensure_ascii=ascii).encode(errors="surrogatepass")
    assert values(text, size, format="json") == elements


@given(st.lists(VALUES, min_size=1, max_size=5), SIZES)
def test_lines_of_json_stay_byte_for_byte(elements, size):
    lines = [json.dumps(value).encode() for value in elements]
    assert [line.content for line in read(b"\r\n".join(lines), size, format="jsonl")] == lines


def test_elements_have_the_lines_where_they_begin():
    data = b'\n[\n  {"a":\n 1},\n\n  2, "[,]\\"",\n[]]\n'
    assert [(line.number, line.content) for line in read(data, 1, format="json")] == [
        (3, b'{"a":\n 1}'),
        (6, b"2"),
        (6, b'"[,]\\""'),
        (7, b"[]"),
    ]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b'[1,\n"hunter2"', "line 2: expected , or ] after the last element"),
        (b"[1,\n,2]", "line 2: expected an element"),
        (b"[1,\n]", "line 2: expected an element"),
        (b"[1]\n2", "line 2: expected the end of the input after the JSON array"),
        (b"[\nhunter2]", "line 2: expected JSON as an element"),
        (b'[1}, "hunter2"]', "line 1: expected , or ] after an element"),
        (b'{"a": "hunter2"}', "line 1: expected a JSON array"),
        (b'[{"a": 1]}', "line 1: expected , or ] after an element"),
        (b'["\xff"]', "line 1: expected JSON as an element"),
        (b"[" * 100_000 + b"]" * 100_000, "line 1: expected JSON as an element"),
    ],
    ids=["cut", "two commas", "comma at the end", "more", "word", "brace", "object", "crossed", "no UTF-8", "deep"],
)
def test_a_wrong_array_is_told_with_its_line(data, told):
    assert refusal(data, format="json").startswith(told)


def test_an_empty_array_and_nothing_have_no_items():
    assert values(b" [ \n ] ", format="json") == values(b"", format="json") == values(b"") == values(b"\n\r\n") == []


@pytest.mark.parametrize(
    ("data", "form"),
    [
        (b'{"a": 1}\n[2]', "jsonl"),
        (b"[1, 2]\n[3]\n", "jsonl"),
        (b"[1, 2]\n", "json"),
        (b"\n[\n1\n]", "json"),
        (b"[1,\n2]", "json"),
        (b"[" + b"1," * 50_000 + b"1]", "json"),
        (b"7", "jsonl"),
    ],
    ids=["objects", "lines of arrays", "one line", "pretty", "two lines", "long", "number"],
)
def test_the_first_bytes_decide_between_two_forms(data, form):
    guessed, again = as_guessed(pieces(data, 100))
    assert (guessed, b"".join(again)) == (form, data)


def test_other_forms_are_not_guessed():
    told = refusal(b"\nid,name\n1,hunter2\n")
    assert told.startswith("line 2: expected JSON, a value in each line or an array; --format csv")
    assert refusal(b"id\n", format="jsonl", is_sure=False) == told.replace("line 2", "line 1")
    assert [line.content for line in read(b"no json\n", format="jsonl")] == [b"no json"]


def test_a_long_element_is_found_without_parsing_it():
    long = b'"' + b"x" * 7_000_000 + b'"'
    assert [len(line.content) for line in read(b"[" + long + b",1]", 65536, format="json")] == [len(long), 1]
    assert [len(line.content) for line in read(long + b"\n1", 65536, format="jsonl")] == [len(long), 1]


@pytest.mark.parametrize("form", ["jsonl", "json", "csv", "lines", "nul"])
def test_an_element_without_an_end_is_an_error(form):
    start = {"json": b'["', "csv": b'a\n"'}.get(form, b"")
    data = start + b"x" * (LONGEST + 100_000)
    told = "line 2: expected a row of at most 16 MiB" if form == "csv" else "expected at most 16 MiB, and it is longer"
    assert told in refusal(data, 65536, format=form)


# --- tables -----------------------------------------------------------------------------------------------------------

NAMES = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip), min_size=1, unique=True)


@given(st.data(), NAMES, SIZES, st.sampled_from([("csv", ","), ("tsv", "\t")]), st.sampled_from(["\n", "\r\n"]))
def test_a_table_gives_what_was_written(data, header, size, form, end):
    field = st.text(st.characters(exclude_categories=["Cs"]), min_size=len(header) == 1)
    rows = data.draw(st.lists(st.lists(field, min_size=len(header), max_size=len(header)), max_size=4))
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=form[1], lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([header, *rows])
    assert values(text.getvalue().encode(), size, format=form[0]) == [dict(zip(header, row, strict=True)) for row in rows]


def test_rows_have_lines_sources_and_no_mark():
    data = b'\xef\xbb\xbfid,text\r\n1,"a\r\nb, ""c"""\r\n\r\n2,\x00\r\n'
    reading = Reading(Recipe(format="csv"), pieces(data, 1))
    lines = list(reading.lines())
    assert [(line.number, json.loads(line.content)) for line in lines] == [
        (2, {"id": "1", "text": 'a\r\nb, "c"'}),
        (5, {"id": "2", "text": "\0"}),
    ]
    returned = reading.returned()
    again = b"".join(map(returned.of, lines))
    assert again == b'id,text\r\n1,"a\r\nb, ""c"""\n2,\x00\n'.replace(b"text\r\n", b"text\n")
    assert [line.content for line in read(again, format="csv")] == [line.content for line in lines]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"a,b\n1,2\nhunter2\n", "line 3: expected 2 fields, as in the header; found 1"),
        (b'a,b\n"1\n",2\n1,2,hunter2\n', "line 4: expected 2 fields, as in the header; found 3"),
        (b"a,b,a\n", "line 1: expected different names of columns; columns 1 and 3 have one name"),
        (b"\na,,b\n", "line 2: expected a name for each column, and column 2 has none"),
        (b'a\n1\n"hunter2\n', 'line 3: expected the closing " of a quoted field'),
        (b'a\n"1"hunter2\n', "line 2: expected a delimiter after the closing"),
        (b"a\n1\rhunter2\n", "line 2: expected a row that ends with a line feed"),
        (b"a\nhunter2\xff\n", "line 2: expected UTF-8, and byte 8 is not"),
    ],
    ids=["short", "long", "duplicate", "empty name", "open quote", "after quote", "CR", "no UTF-8"],
)
def test_a_wrong_table_is_told_with_its_line(data, told):
    assert refusal(data, format="csv").startswith(told)


def test_a_header_alone_has_no_items():
    assert values(b"a,b\n", format="csv") == values(b"", format="csv") == values(b"\n", format="tsv") == []


def test_utf_16_is_named():
    assert "is UTF-16" in refusal("a,b\n".encode("utf-16"), format="csv")


def test_columns_have_types():
    data = b"id,price,ok,tags,name\n07,1e3,TRUE,[1],07\n,,,,\n"
    types = "id=int,price=float,ok=bool,tags=json,name=str"
    assert values(data, format="csv", types=types) == [
        {"id": 7, "price": 1000.0, "ok": True, "tags": [1], "name": "07"},
        {"id": None, "price": None, "ok": None, "tags": None, "name": ""},
    ]
    guessed = values(b"a,b,c,d,e,f,g\n-7,07,1.5,true,,1e999,x\n", format="csv", types="auto")
    assert guessed == [{"a": -7, "b": "07", "c": 1.5, "d": True, "e": None, "f": "1e999", "g": "x"}]


@pytest.mark.parametrize("name", ["int", "float", "bool", "json"])
@pytest.mark.parametrize("field", [b"hunter2", b"nan", b"1_0", b"9" * 5000], ids=["word", "nan", "underscore", "long"])
def test_a_field_of_another_type_is_told_by_column(name, field):
    if field == b"9" * 5000 and name in ("float", "json"):
        field = b"x"
    if field == b"nan" and name == "json":
        field = b"NaN"
    assert refusal(b"a,id\n1," + field + b"\n", format="csv", types=f"id={name}") == f"line 2: expected {name} in column 'id'"


@pytest.mark.parametrize("types", ["id", "id=number", "=int", "id=int,id=int", "", "autos"])
def test_wrong_types_are_told(types):
    assert "--types" in refusal(b"id\n1\n", format="csv", types=types)


def test_types_of_unknown_columns_are_told():
    assert refusal(b"a\n1\n", format="csv", types="id=int") == "line 1: expected a column 'id' in the header, for --types"


# --- lines and NUL ----------------------------------------------------------------------------------------------------


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), min_size=1)), SIZES)
def test_texts_become_json_strings(texts, size):
    assert values("\n".join(texts).encode().removeprefix(b"\xef\xbb\xbf"), size, format="lines") == [
        text for text in ["\n".join(texts).removeprefix("\ufeff").split("\n"), texts][not texts] if text
    ]
    assert values("\0".join(["x", *texts]).encode(), size, format="nul") == ["x", *texts]


def test_records_of_nul_may_have_line_breaks():
    lines = read(b"a\nb\0\0c\r\n\0", format="nul")
    assert [(line.number, json.loads(line.content)) for line in lines] == [(1, "a\nb"), (3, "c\r\n")]
    returned = Returned("nul", b"")
    assert b"".join(map(returned.of, lines)) == b"a\nb\0c\r\n\0"
    assert refusal(b"a\0\xff", format="nul") == "record 2: expected UTF-8, and byte 1 is not"


# --- compression ------------------------------------------------------------------------------------------------------

TEXT = b"".join(b'{"id": %d}\n' % number for number in range(5000))


@pytest.mark.parametrize("size", [1, 100, 65536])
def test_compressed_input_gives_the_same(size):
    once, frames = gzip.compress(TEXT), zstd_compress(TEXT)
    twice = gzip.compress(TEXT[:600]) + gzip.compress(TEXT[600:]) + b"\0" * 600
    both = zstd_compress(TEXT[:600]) + zstd_compress(TEXT[600:])
    for data, compression in ((once, "gz"), (twice, "gz"), (frames, "zst"), (both, "zst"), (b"", "gz"), (b"", "zst")):
        assert b"".join(chunks.decompressed(pieces(data, size), compression)) == (TEXT if data else b"")


@pytest.mark.parametrize(("compress", "form"), [(gzip.compress, "gz"), (zstd_compress, "zst")], ids=["gz", "zst"])
def test_damaged_compression_is_an_error(compress, form):
    data = compress(hashlib.shake_128(b"noise").digest(5000))
    for at in (1, 5, len(data) // 2, len(data) - 1):
        assert "incomplete" in refusal(data[:at], compression=form, format="lines") or at > 5
    assert "damaged" in refusal(b"hunter2 is not compressed", compression=form, format="jsonl")


@pytest.mark.parametrize(("compress", "form"), [(gzip.compress, "gz"), (zstd_compress, "zst")], ids=["gz", "zst"])
def test_a_cut_stream_sends_no_half_line(compress, form):
    lines = []
    reading = Reading(Recipe(format="jsonl", compression=form), pieces(compress(TEXT)[:-9]))
    with pytest.raises(InputError, match="incomplete"):
        lines.extend(json.loads(line.content)["id"] for line in reading.lines())
    assert lines == list(range(len(lines)))


@pytest.mark.parametrize(("compress", "form"), [(gzip.compress, "gz"), (zstd_compress, "zst")], ids=["gz", "zst"])
def test_a_bomb_comes_in_pieces(compress, form):
    bomb = compress(bytes(64 * 1024 * 1024))
    sizes = [len(piece) for piece in chunks.decompressed(pieces(bomb, 65536), form)]
    assert (sum(sizes), max(sizes) <= 33 * 1024 * 1024) == (64 * 1024 * 1024, True)
    assert form == "zst" or max(sizes) <= 64 * 1024


@pytest.mark.parametrize(
    ("package", "recipe"), [("zstandard", {"compression": "zst"}), ("pyarrow", {"format": "parquet"})], ids=["zst", "parquet"]
)
def test_a_missing_package_is_named_with_its_extra(package, recipe, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setitem(sys.modules, "compression.zstd", None)
    with pytest.raises(ConfigurationError) as caught:
        list(Reading(Recipe(**recipe), pieces(b"x"), tmp_path).lines())
    assert f"needs {package}: install aiolambda-client with its extra" in str(caught.value)


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.csv", ("csv", None)),
        ("a/b.CSV.GZ", ("csv", "gz")),
        ("a.tsv.zst", ("tsv", "zst")),
        ("a.ndjson", ("jsonl", None)),
        ("a.parquet", ("parquet", None)),
        ("a.json", (None, None)),
        ("a.gz", (None, "gz")),
        ("a.csv/items", (None, None)),
        ("items", (None, None)),
        (".csv", (None, None)),
    ],
)
def test_names_say_the_form(name, form):
    named = form_of_name(name)
    assert (named.format, named.compression) == form


# --- templates and keys -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "payload"),
    [
        ('{"id": "{id}"}', {"id": 7}),
        ('"{}"', {"id": 7, "a": {"b": ["x", None]}, "a.c": True}),
        ('["{a.b.0}", "{a.c}", "{a.b.1}", 1.5, null]', ["x", True, None, 1.5, None]),
        ('{"text": "no. {id}: {a.b}"}', {"text": 'no. 7: ["x",null]'}),
        ('"{{id}} is {id}"', "{id} is 7"),
        ('"{{{id}}}"', "{7}"),
        ('{"{id}": 1}', {"{id}": 1}),
    ],
)
def test_a_template_makes_the_payload(template, payload):
    item = {"id": 7, "a": {"b": ["x", None]}, "a.c": True}
    assert values(json.dumps(item).encode(), template=template, format="jsonl") == [payload]


@given(VALUES)
def test_a_template_keeps_every_value(value):
    assert values(json.dumps({"v": value}).encode(), template='["{v}", "{}"]', format="jsonl") == [[value, {"v": value}]]


def test_a_template_can_use_rows_and_lines():
    assert values(b"a,b\n1,x\n", format="csv", types="a=int", template='{"n": "{a}", "t": "{b}!"}') == [{"n": 1, "t": "x!"}]
    assert values(b"x\ny", format="lines", template='{"t": "{}"}') == [{"t": "x"}, {"t": "y"}]


@pytest.mark.parametrize(
    ("data", "recipe", "told"),
    [
        (
            b"a\nhunter2\n",
            {"format": "csv", "template": '"{b}"'},
            "line 1: expected a column 'b' in the header, for --template",
        ),
        (b'{"a": 1}\n{"b": "hunter2"}', {"template": '"{a}"'}, "line 2: expected a field 'a' in the item, for --template"),
        (b'[{"a": 1},\n{}]', {"template": '"{a}"'}, "element 2: expected a field 'a' in the item, for --template (in line 2)"),
        (b'{"a": 1}\nhunter2', {"template": '"{a}"'}, "line 2: expected JSON, for --template or --key"),
        (b"a\n", {"format": "csv", "key": "b"}, "line 1: expected a column 'b' in the header, for --key"),
        (
            b"a\nx\nhunter2\nhunter2\n",
            {"format": "csv", "key": "a"},
            "line 4: expected a key of its own in 'a', for --key; line 3",
        ),
        (b'[{"a":7},{"a":7}]', {"key": "a"}, "element 2: expected a key of its own in 'a', for --key; element 1 has the same"),
        (b'{"a": null}', {"key": "a"}, "line 1: expected a string or a number in 'a', for --key"),
        (b'{"a": ""}', {"key": "a"}, "line 1: expected a string or a number in 'a', for --key"),
        (b"{}", {"key": "a"}, "line 1: expected a field 'a', for --key"),
    ],
)
def test_missing_fields_and_keys_are_told(data, recipe, told):
    assert refusal(data, **recipe).startswith(told)


@pytest.mark.parametrize("template", ["{", "{id}", '{"id": {id}}', '"{a"', '"a}"', '"{a{b}}"'])
def test_wrong_templates_are_told(template):
    assert "--template" in refusal(b"{}", template=template)


def test_keys_are_texts():
    lines = read(b'{"k": {"id": "a"}}\n{"k": {"id": 7}}\n', key="k.id")
    assert [line.key for line in lines] == ["a", "7"]
    assert [line.origin for line in lines] == [b'{"k": {"id": "a"}}', b'{"k": {"id": 7}}']


def test_half_a_surrogate_pair_survives_a_template():
    assert values(b'{"a": "\\ud800"}', template='"{a}"', format="jsonl") == ["\ud800"]


# --- batches ----------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(min_value=0, max_value=10**6)), st.integers(1, 5), st.integers(2, 20))
def test_batches_keep_order_and_bounds(numbers, most, largest):
    lines = [Line(place, b"%d" % number) for place, number in enumerate(numbers, start=1)]
    batches = list(batches_of(iter(lines), most=most, largest=largest))
    assert [line for batch in batches for line in batch.lines] == lines
    assert [batch.first_index for batch in batches] == [batch.lines[0].number - 1 for batch in batches]
    for batch in batches:
        assert json.loads(batch.content) == [json.loads(line.content) for line in batch.lines]
        assert len(batch.lines) == 1 or (len(batch.content) <= largest and len(batch.lines) <= most)


def test_items_before_a_wrong_line_come_first():
    reading = Reading(Recipe(format="jsonl", batch=3), pieces(b"1\n2\nhunter2\n"))
    batches = batches_of(reading.lines(), most=3, largest=100)
    assert next(batches).content == b"[1,2]"
    with pytest.raises(InputError, match="line 3: expected JSON, one value in each line"):
        next(batches)


@pytest.mark.parametrize("payload", [b"", b"null", b"[1]", b"[1, 2, 3]", b"[1, 2", b'{"a": 1}', b"[1, x]"])
def test_other_answers_to_a_batch_are_none(payload):
    assert answers_of(payload, 2) is None
    assert answers_of(b' [{"a": 1},\n null] ', 2) == [b'{"a": 1}', b"null"]


def test_returned_arrays_are_arrays():
    returned = Returned("json", b"")
    assert returned.end == b""
    text = b"".join(map(returned.of, [Line(1, b"1"), Line(2, b"[2]")])) + returned.end
    assert json.loads(text) == [1, [2]]


def test_splitting_is_linear_in_the_size_of_a_line():
    assert [len(line) for line in separated.split(pieces(b"x" * 1_000_000 + b"\n1", 10), b"\n")] == [1_000_000, 1]
