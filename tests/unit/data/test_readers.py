"""Raw formats are read as they are meant, and what is wrong is named with file, line and text."""

import bz2
import codecs
import gzip
import io
import lzma
import types
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hydrarec.config.built_in import BUILT_IN
from hydrarec.config.datasets import (
    GrouplensReaderConfig,
    PairsReaderConfig,
    RatingsReaderConfig,
    ReaderConfig,
    SequencesReaderConfig,
    SyntheticReaderConfig,
)
from hydrarec.data import chunked, readers, text
from hydrarec.data.delimited import parse
from hydrarec.data.delimited.careful import parse_carefully
from hydrarec.data.delimited.fast import parse_fast
from hydrarec.data.delimited.form import LineFormat

MEMBER = "ml-1m/ratings.dat"
GROUPLENS = GrouplensReaderConfig(member=MEMBER)
ISO_8601 = RatingsReaderConfig(columns=["user", "item", "timestamp"], times="iso8601")
RATINGS, PAIRS, SEQUENCES = RatingsReaderConfig(), PairsReaderConfig(), SequencesReaderConfig()
TABS = RatingsReaderConfig(columns=["user", "item", "timestamp"], separator="\t")
TITLES = [("A", '"Heroes" (Remaster)', 1), ("A", '"B', 2), ("A", '5" disc', 3)]
"""What lines with tabs hold that know no quotes."""


def _zip(path: Path, *members: tuple[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def _read(folder: Path, content: bytes, config: ReaderConfig) -> list[tuple]:
    path = folder / "raw"
    if isinstance(config, GrouplensReaderConfig):
        _zip(path, (config.member, content))
    else:
        path.write_bytes(content)
    return _rows(readers.read(path, config))


def _rows(frame: pd.DataFrame) -> list[tuple]:
    assert list(frame.columns) == ["user", "item", "timestamp"]
    return [
        (user, item, None if pd.isna(time) else int(time))
        for user, item, time in frame.astype({"user": str, "item": str}).itertuples(index=False)
    ]


@pytest.mark.parametrize(
    ("config", "content", "rows"),
    [
        (
            GROUPLENS,
            b"1::1193::5::978300760\n1::661::3::978302109\n",
            [("1", "1193", 978300760), ("1", "661", 978302109)],
        ),
        (
            GrouplensReaderConfig(member="ml-20m/ratings.csv", separator=",", header=True),
            b"userId,movieId,rating,timestamp\r\n1,2,3.5,1112486027\r\n",
            [("1", "2", 1112486027)],
        ),
        (
            GrouplensReaderConfig(member="u.data", separator="\t"),
            b"196\t242\t3\t881250949",
            [("196", "242", 881250949)],
        ),
        (RATINGS, b"A1,B1,5.0,10\nA0,B1,1.0,9\n", [("A1", "B1", 10), ("A0", "B1", 9)]),
        (RATINGS, b'"A,1","B""1",5.0,10\n', [("A,1", 'B"1', 10)]),
        (RATINGS, b"\xef\xbb\xbfA1,B1,5.0,10\n\n", [("A1", "B1", 10)]),
        (
            RatingsReaderConfig(columns=["timestamp", "other", "item", "other", "user"], separator=" | ", header=True),
            b"when | x | what | y | who\n7 | ? | i | ? | u\n",
            [("u", "i", 7)],
        ),
        (
            ISO_8601,
            b"u,i,1970-01-02\nu,i,1970-01-01 00:01\nu,i,1970-01-01 00:00:01.999\n",
            [("u", "i", 86400), ("u", "i", 60), ("u", "i", 1)],
        ),
        # Blocks of one kind and of both, and a year that Arrow does not know.
        (ISO_8601, b"u,i,1970-01-01T02:00:00+01:30\nu,i,1970-01-01T00:00-0100", [("u", "i", 1800), ("u", "i", 3600)]),
        (ISO_8601, b"u,i,1970-01-02T00:00:00Z\nu,i,1970-01-03\n", [("u", "i", 86400), ("u", "i", 172800)]),
        (ISO_8601, b"u,i,2300-01-01\n", [("u", "i", 10413792000)]),
        (RatingsReaderConfig(encoding="latin-1"), b"M\xfcller,B1,5,10\n", [("Müller", "B1", 10)]),
        (RatingsReaderConfig(encoding="utf-16"), "é,B1,5,10\n".encode("utf-16"), [("é", "B1", 10)]),
        (PAIRS, b"1 1\n1 2\n2 1\n", [("1", "1", None), ("1", "2", None), ("2", "1", None)]),
        (PAIRS, b"1\t1\n\n  1   2  \n", [("1", "1", None), ("1", "2", None)]),
        (RATINGS, b'"A","B,2","5","1"\n"007",B,5,2\nA,"B",5,"3"\n', [("A", "B,2", 1), ("007", "B", 2), ("A", "B", 3)]),
        (TABS, b'A\t"Heroes" (Remaster)\t1\nA\t"B\t2\nA\t5" disc\t3\n', TITLES),
        (TABS, b'"A"\t"B\t2"\t1\n', [("A", "B\t2", 1)]),
        (PAIRS, b'"1 "1"\n', [('"1', '"1"', None)]),
        (SEQUENCES, b"7 3 1 3\n8 1\n", [("7", "3", None), ("7", "1", None), ("7", "3", None), ("8", "1", None)]),
    ],
)
def test_formats(config, content, rows, tmp_path, monkeypatch):
    assert _read(tmp_path, content, config) == rows
    # Blocks that end inside lines, separators and characters change nothing.
    for size in (1, 3, 5):
        monkeypatch.setattr(text, "BLOCK_BYTES", size)
        assert _read(tmp_path, content, config) == rows


@pytest.mark.parametrize(
    ("config", "content", "line", "expected"),
    [
        (GROUPLENS, b"1::2::3::4\n1::2::3\n", "2: '1::2::3'", "expected 4 fields (user, item, rating, timestamp)"),
        (GROUPLENS, b"1::2::3::4\n1::2::3::4::5\n", "2: '1::2::3::4::5'", "found 5"),
        (RATINGS, b"A,B,5,1\n\nA,B,5,1.5\n", "3: 'A,B,5,1.5'", "'1.5' is not a whole number of seconds"),
        (RATINGS, b"A,B,5,1\nA,B,5,-1\n", "2: 'A,B,5,-1'", "'-1' is not a whole number"),
        (RATINGS, b"A,B,5,1\nA,B,5,\n", "2: 'A,B,5,'", "'' is not a whole number"),
        (RATINGS, b"A,B,5,9223372036854775808\n", "1: ", "is not a whole number"),
        (RATINGS, b"user,item,rating,time\nA,B,5,1\n", "1: 'user,item,rating,time'", "set `header: true`"),
        (RATINGS, b"A,B,5,1\nA,,5,1\n", "2: 'A,,5,1'", "the item is empty"),
        (RATINGS, b"A,B,5,1\n,B,5,1\n", "2: ',B,5,1'", "the user is empty"),
        (RATINGS, b'A,B,5,1\n"A,B,5,1\n', "2: '\"A,B,5,1'", "quotes do not match"),
        (RATINGS, b'A,B,5,1\n"A\nB",B,5,1\n', "2: '\"A'", "a field in quotes may not go on in the next one"),
        (RATINGS, b'A,B,5,1\n"A" x,B,5,1\n', "2: ", "quotes do not match (',' expected after '\"')"),
        (RATINGS, b"A,B,5,1\rA,B,5,2\r", "1: ", "a carriage return stands in it"),
        (RATINGS, b"A,B,5,1\nA,B,5,1577836800000\n", "2: ", "divide milliseconds by 1000 first"),
        (RATINGS, b"A,B,5,1577836800000000\n", "1: ", "divide microseconds by 1000000 first"),
        (RATINGS, b"A,B,5,1\n\\N,B,5,1\n", r"2: '\\N,B,5,1'", "stands for no value"),
        (RATINGS, b"A,B,5,1\nA,1.23457E+12,5,1\n", "2: ", "a number that a spreadsheet has rounded"),
        (RATINGS, "A,B,5,1\nA,B\ufeff,5,1\n".encode(), "2: ", "with white space at an end"),
        (RatingsReaderConfig(header=True), b"user,item\nA,B,5,1\n", "1: 'user,item'", "found 2"),
        (PAIRS, b"\nuser_id  ItemID\n1 1\n", "2: 'user_id  ItemID'", "found the names of the columns; leave out"),
        (PAIRS, b"1 1\n1\n", "2: '1'", "expected 2 fields (user, item) separated by white space; found 1"),
        (PAIRS, b"1 1\n1 2 3\n", "2: '1 2 3'", "found 3"),
        (SEQUENCES, b"1 1 2\n2\n", "2: '2'", "expected a user and at least one item"),
        (SEQUENCES, b"1 1 2\n1 3\n", "2: '1 3'", "user '1' has a line already, number 1"),
        (RATINGS, b"A,B,5,1\nA,B,5," + b"x" * 200, "2: 'A,B,5,xxx", "...'"),
    ],
)
def test_malformed_line_is_shown(config, content, line, expected, tmp_path, monkeypatch):
    for size in (2**24, 8):
        monkeypatch.setattr(text, "BLOCK_BYTES", size)
        with pytest.raises(ValueError) as caught:
            _read(tmp_path, content, config)
        assert f"{tmp_path / 'raw'}" in str(caught.value)
        assert f":{line}" in str(caught.value)
        assert expected in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("config", [GROUPLENS, RATINGS, PAIRS, SEQUENCES], ids=lambda config: config.kind)
def test_empty_file(config, content, tmp_path):
    with pytest.raises(ValueError, match="empty: there is no line with an interaction"):
        _read(tmp_path, content, config)


def test_file_with_nothing_but_a_header(tmp_path):
    with pytest.raises(ValueError, match="empty"):
        _read(tmp_path, b"a,b,c,d\n", RatingsReaderConfig(header=True))


@pytest.mark.parametrize("config", [GROUPLENS, RATINGS, PAIRS, SEQUENCES], ids=lambda config: config.kind)
def test_undeclared_encoding_names_the_line(config, tmp_path, monkeypatch):
    content = {"grouplens": "1::2::3::4\né::2::3::4\n", "ratings": "A,B,5,1\né,B,5,1\n"}.get(config.kind, "1 2\né 2\n")
    for size in (2**24, 5):
        monkeypatch.setattr(text, "BLOCK_BYTES", size)
        with pytest.raises(ValueError, match=r":2: byte 0xe9 is not utf-8; .*`encoding`"):
            _read(tmp_path, content.encode("latin-1"), config)


def test_truncated_character_at_the_end(tmp_path):
    with pytest.raises(ValueError, match=r":1: byte 0xc3 is not utf-8"):
        _read(tmp_path, "A,B,5,1é".encode()[:-1], RATINGS)


def test_absent_file(tmp_path):
    for config in (GROUPLENS, RATINGS, PAIRS, SEQUENCES):
        with pytest.raises(FileNotFoundError, match="nowhere"):
            readers.read(tmp_path / "nowhere", config)


def test_truncated_archive(tmp_path):
    whole = _zip(tmp_path / "whole.zip", (MEMBER, b"1::2::3::4\n" * 1000)).read_bytes()
    cut = tmp_path / "cut.zip"
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"cut\.zip: truncated or damaged zip archive"):
        readers.read(cut, GROUPLENS)


def test_damaged_archive(tmp_path):
    rows = b"".join(b"%d::%d::3::4\n" % (i, i * i % 977) for i in range(1000))
    path = _zip(tmp_path / "bad.zip", (MEMBER, rows))
    damaged = bytearray(path.read_bytes())
    damaged[200:204] = bytes(255 - byte for byte in damaged[200:204])
    path.write_bytes(damaged)
    with pytest.raises(ValueError, match=r"bad\.zip"):
        readers.read(path, GROUPLENS)


def test_absent_member_lists_what_there_is(tmp_path):
    path = _zip(tmp_path / "a.zip", ("ml-1m/users.dat", b""), ("ml-1m/README", b""))
    with pytest.raises(ValueError, match=r"no member 'ml-1m/ratings.dat'; it holds ml-1m/users.dat, ml-1m/README"):
        readers.read(path, GROUPLENS)


@pytest.mark.parametrize("name", ["../ratings.dat", "/ratings.dat", "ml-1m/../../x", "..\\x", "C:\\x"])
def test_unsafe_member_is_refused(name, tmp_path):
    path = _zip(tmp_path / "a.zip", (MEMBER, b"1::2::3::4\n"), (name, b""))
    with pytest.raises(ValueError, match="leaves its folder"):
        readers.read(path, GROUPLENS)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.zip"]


def test_reader_is_found_by_its_kind():
    kinds = {config.model_fields["kind"].default for config in ReaderConfig.__subclasses__()}
    assert set(readers.kinds()) == kinds


@pytest.mark.parametrize(
    "keys",
    [{"columns": ["user", "item"]}, {"columns": ["user", "item", "item", "timestamp"]}, {"encoding": "utf-9"}],
)
def test_contradictory_reader_is_refused(keys):
    with pytest.raises(ValidationError):
        RatingsReaderConfig(**keys)


def test_source_must_fit_the_reader():
    keys = BUILT_IN["ml-1m"].model_dump()
    with pytest.raises(ValidationError, match="`source` must be given"):
        type(BUILT_IN["ml-1m"]).model_validate({**keys, "source": None})
    with pytest.raises(ValidationError, match="remove `source`"):
        type(BUILT_IN["ml-1m"]).model_validate({**keys, "reader": SyntheticReaderConfig().model_dump()})


FIELD = st.text(alphabet='ab1 "\r\t,\x1f\xa0é', max_size=4) | st.text("01", max_size=3)
TIME = st.sampled_from(
    ["1", "-1", "-0", "+1", "1.0", "2 ", "007", "0x1", "1_0", "9223372036854775807", "18446744073709551615"]
)


@pytest.mark.parametrize("rows", [1, 2, 100])
@pytest.mark.parametrize(
    ("data", "only_numbers"),
    [
        (b"", True),
        (b"\n\n", True),
        (b"1,2.5,-3\n7::8/9+0\n", True),
        *[(b"1,2\n3" + odd + b"\n", False) for odd in (b" ", b"\t", b"\r", b"\0", b'"', b"*", b";", b"a", b"\xc3\xa9")],
    ],
)
def test_blocks_of_numbers_are_told_from_others(data, only_numbers, rows, monkeypatch):
    monkeypatch.setattr(chunked, "ROWS", rows)
    block = text.LineBlock(data, 1)
    assert (block.n_line_feeds, block.only_numbers) == (data.count(b"\n"), only_numbers)


@given(
    lines=st.lists(st.tuples(FIELD, FIELD, st.sampled_from(["5", "x", ""]), TIME)),
    separator=st.sampled_from([",", "::", ";", "é"]),
)
def test_fast_parser_agrees_with_the_careful_one(lines, separator):
    form = LineFormat(("user", "item", "rating", "timestamp"), separator)
    _check_agreement("".join(separator.join(line) + "\n" for line in lines), form)


DAY = st.sampled_from(["1970-01-01", "1969-12-31", "2023-02-29", "2024-02-29", "2300-01-01", "20240229", "2024-2-29"])
CLOCK = st.sampled_from(
    ["", "T00:00", " 23:59:59", "T24:00", "T01:22:60", "T0122", "T01:22:14.999999999", " 01:22:14."]
)
ZONE = st.sampled_from(["", "Z", "z", "+00:00", "-01:30", "+2359", "+24:00", "+01", " ", "+01:60"])


@given(st.lists(st.tuples(DAY, CLOCK, ZONE), min_size=1, max_size=2))
def test_fast_parser_agrees_with_the_careful_one_about_dates(times):
    content = "".join(f"u,i,{''.join(time)}\n" for time in times)
    _check_agreement(content, LineFormat(("user", "item", "timestamp"), ",", iso_8601=True))


def test_how_timestamps_are_written_prepares_no_other_data_anew():
    """What a data set is prepared by is written as before, unless its times are dates."""
    assert "times" not in RATINGS.model_dump()
    assert RatingsReaderConfig.model_validate_json(ISO_8601.model_dump_json()) == ISO_8601


@given(st.lists(st.tuples(FIELD, st.sampled_from([" ", "  ", "\t", "\xa0"]), FIELD)))
def test_fast_parser_agrees_with_the_careful_one_about_white_space(lines):
    _check_agreement("".join("".join(line) + "\n" for line in lines), LineFormat(("user", "item"), None))


def _check_agreement(content, form):
    block = text.LineBlock(content.encode(), 1)
    fast = parse_fast(block, form)
    if fast is None:
        return
    careful = parse_carefully(block, form, "file")
    for name in ("user", "item"):
        fast = parse._with_text(fast, name)
    assert fast.schema == careful.schema
    assert fast.to_pandas().astype(str).equals(careful.to_pandas().astype(str))


def test_fast_parser_takes_ordinary_lines():
    for time in ("2023-12-24", "2023-12-24 01:22:14", "2023-12-24T01:22:14.5Z"):
        block = text.LineBlock(f"ux,i,{time}\n".encode(), 1)
        assert parse_fast(block, LineFormat(("user", "item", "timestamp"), ",", iso_8601=True)) is not None
    for separator in (",", "\t", "::"):
        block = text.LineBlock((separator.join(["ux", "i", "5", "7"]) + "\n").encode(), 1)
        form = LineFormat(("user", "item", "rating", "timestamp"), separator)
        assert parse_fast(block, form) is not None


@pytest.mark.parametrize("odd", ["007", "0x1", "+7", "-7", "a", '"7"', "4194305", "99999999999"])
def test_ids_that_are_numbers_stay_what_stands_in_the_file(odd, tmp_path, monkeypatch):
    for size in (2**22, 16):
        monkeypatch.setattr(text, "BLOCK_BYTES", size)
        for users in (["7", "0", odd, "10"], [odd, "7"], ["7", "0", "10"]):
            content = "".join(f"{user},5,0.5,1\n" for user in users)
            expected = [(user.strip('"'), "5", 1) for user in users]
            assert _read(tmp_path, content.encode(), RATINGS) == expected


@pytest.mark.parametrize("name", [" u3", "u3 ", "\u00a0u3", " 7"])
@pytest.mark.parametrize("size", [2**22, 16])
def test_names_with_blanks_around_them_are_refused(name, size, tmp_path, monkeypatch):
    """Beside the same names without, as where half the lines were exported otherwise, they would be other users."""
    monkeypatch.setattr(text, "BLOCK_BYTES", size)
    with pytest.raises(ValueError, match=r"raw:3:.*white space at an end"):
        _read(tmp_path, f"u3,5,0.5,1\nu4,5,0.5,1\n{name},6,0.5,1\n".encode(), RATINGS)


@pytest.mark.parametrize(
    ("ids", "told"),
    [
        (["ol\u00e9", "a", "ole\u0301"], r"ol\u00e9 stands there as 'ol\\xe9' and as 'ole\\u0301'"),
        # Composed to ASCII, or in no composed form at all.
        (["K", "a", "\u212a"], r"K stands there as 'K' and as '\\u212a'"),
        (["a\u0323\u0307", "a\u0307\u0323"], r".* stands there as 'a\\u0323\\u0307' and as 'a\\u0307\\u0323'"),
        (["ole\u0301", "ole", "e\u0301"], ""),
        (["ol\u00e9", "\u00e9", "\ufb01", "fi"], ""),
    ],
)
@pytest.mark.parametrize("size", [2**22, 16])
def test_ids_that_look_the_same_are_refused(ids, told, size, tmp_path, monkeypatch):
    """As where one half of an export comes from macOS: they would be other users."""
    monkeypatch.setattr(text, "BLOCK_BYTES", size)
    ratings = "".join(f"{name},5,0.5,1\nu,{name},0.5,1\n" for name in ids).encode()
    lists = "".join(f"{number} {name}\n" for number, name in enumerate(ids)).encode()
    for content, config, of in ((ratings, RATINGS, "user"), (lists, SEQUENCES, "item")):
        if not told:
            assert len(_read(tmp_path, content, config)) == len(content.splitlines())
            continue
        with pytest.raises(ValueError, match=rf"raw: the {of} {told}.*1 such ids; .*normalize"):
            _read(tmp_path, content, config)


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 7])
def test_leading_zeros_are_seen_across_the_edges_of_stretches(rows, tmp_path, monkeypatch):
    monkeypatch.setattr(chunked, "ROWS", rows)
    for n_before in range(4):
        users = [*["7"] * n_before, "07", "7"]
        content = "".join(f"{user},5,0.5,1\n" for user in users)
        assert _read(tmp_path, content.encode(), RATINGS) == [(user, "5", 1) for user in users]


def test_numbers_are_kept_as_numbers(tmp_path):
    path = tmp_path / "raw"
    path.write_text("user,item,rating,time\n7,B1,0.5,1\n0,10,3.05,2\n")
    frame = readers.read(path, RatingsReaderConfig(header=True))
    assert frame["user"].tolist() == [7, 0]
    assert frame["item"].tolist() == ["B1", "10"]


def test_first_wrong_line_is_named_although_later_ones_are_read_already(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "BLOCK_BYTES", 16)
    good, undecodable = b"A,B,5,1\n", b"\xff,B,5,1\n"
    for n_between in range(2, 12):
        content = good * 3 + b"A,B,5\n" + good * n_between + undecodable
        with pytest.raises(ValueError, match=r":4: 'A,B,5'"):
            _read(tmp_path, content, RATINGS)
        with pytest.raises(ValueError, match=r":4: byte 0xff"):
            _read(tmp_path, good * 3 + undecodable + good * n_between + b"A,B,5\n", RATINGS)


def test_long_file_is_read_in_file_order(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "BLOCK_BYTES", 1000)
    lines = [(f"u{i % 7}", f"i{i % 31}", i) for i in range(3000)]
    buffer = io.StringIO()
    buffer.writelines(f"{user}::{item}::1::{time}\n" for user, item, time in lines)
    assert _read(tmp_path, buffer.getvalue().encode(), GROUPLENS) == lines


@pytest.mark.parametrize("format", ["gzip", "bzip2", "xz", "Parquet", "zip"])
def test_what_is_no_text_is_named_for_what_it_is(format, tmp_path):
    path = tmp_path / "raw"
    if format == "Parquet":
        pd.DataFrame({"user": ["a"]}).to_parquet(path)
    elif format == "zip":
        _zip(path, ("raw", b"a b\n"))
    else:
        module = {"gzip": gzip, "bzip2": bz2, "xz": lzma}[format]
        path.write_bytes(module.compress(b"a b\n"))
    with pytest.raises(ValueError, match=rf"raw: .*{format}.* first$"):
        readers.read(path, PAIRS)


def test_text_may_begin_like_another_format(tmp_path):
    assert _read(tmp_path, b"PAR1 i\nBZh j\n", PAIRS)[0][:2] == ("PAR1", "i")


@pytest.mark.parametrize("size", [4, 7, 8, 9, 100])
def test_a_byte_order_mark_within_a_file_is_refused(size, tmp_path, monkeypatch):
    monkeypatch.setattr(text, "BLOCK_BYTES", size)
    mark = codecs.BOM_UTF8
    assert _read(tmp_path, mark + b"anna 1\nben 2\n", PAIRS)[0][0] == "anna"
    with pytest.raises(ValueError, match="raw:2: begins with a byte order mark"):
        _read(tmp_path, mark + b"anna 1\n" + mark + b"anna 2\n", PAIRS)


@pytest.mark.parametrize("name", ["NA", "#N/A", "none"])
def test_what_stands_for_no_value_is_no_name(name, tmp_path):
    with pytest.raises(ValueError, match=r"raw:2:.*stands for no value"):
        _read(tmp_path, f"a 1\n{name} 2\n".encode(), PAIRS)


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("timestamp", pd.Series([400.0, 300.0, None, 100.0]), "1 of 4 rows with no time.*row 2"),
        ("timestamp", pd.Series([400.0, 300.0, 250.9, 100.0]), "1 of 4 rows with a time that does not fit.*row 2"),
        ("timestamp", pd.Series([400, 300, -1, 100]), "a time that does not fit.*row 2"),
        (
            "timestamp",
            pd.to_datetime(pd.Series(["2020-01-01"] * 4)),
            "times of type datetime64.*allowed: ",
        ),
        ("user", pd.Series(["a", None, "b", "a"], dtype="category"), "1 of 4 rows with no user.*row 1"),
        ("item", pd.Series([1, 2, 3, -4]), "1 of 4 rows with no item, or a number below 0.*row 3"),
        ("user", pd.Series(["a", "b", "b", "a"]), r"reader synthetic returned a user of type.*remedy: .*category"),
        ("user", pd.Series([1, 2, 3, 2], dtype="category"), "a user of type category; allowed: categories of text"),
        ("item", pd.Series([1.5, 2, 3, 4]), r"an? item of type float64; allowed: .*remedy: "),
        ("item", pd.Series([True, False, True, True]), "item of type bool; allowed: "),
        ("user", pd.Series([1, 2**56, 3, 2**22 + 1]), r"2 of 4 rows with a number above 4194304.*remedy: .*row 1"),
        ("rating", pd.Series([1, 2, 3, 4]), "columns user, item, timestamp, rating; allowed: user, item, timestamp"),
    ],
)
def test_what_no_reader_may_return_is_refused(column, values, message, monkeypatch):
    frame = pd.DataFrame({"user": [1, 1, 1, 1], "item": [1, 2, 3, 4], "timestamp": [4, 3, 2, 1]})
    own = types.SimpleNamespace(read=lambda path, config: frame.assign(**{column: values}))
    monkeypatch.setattr(readers, "_module", lambda kind: own)
    with pytest.raises(ValueError, match=message):
        readers.read(None, SyntheticReaderConfig())


def test_a_reader_without_times_is_told_how_to_say_so(monkeypatch):
    own = types.SimpleNamespace(read=lambda path, config: pd.DataFrame({"user": [1], "item": [1]}))
    monkeypatch.setattr(readers, "_module", lambda kind: own)
    with pytest.raises(ValueError, match=r"reader synthetic returned the columns user, item; allowed: .*no_timestamps"):
        readers.read(None, SyntheticReaderConfig())


@pytest.mark.parametrize("dtype", ["uint32", "int64", "Int64"])
def test_the_largest_number_that_stands_for_itself_is_allowed(dtype, monkeypatch):
    frame = pd.DataFrame({"user": pd.Series([0, 2**22], dtype=dtype), "item": [1, 2], "timestamp": [4, 3]})
    own = types.SimpleNamespace(read=lambda path, config: frame)
    monkeypatch.setattr(readers, "_module", lambda kind: own)
    assert readers.read(None, SyntheticReaderConfig()) is frame
