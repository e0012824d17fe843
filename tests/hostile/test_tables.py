"""Tables as tired people export them and hostile ones write them; every message names file, line and value."""

import pytest

from hydrarec.config.datasets import (
    FilterConfig,
    GrouplensReaderConfig,
    PairsReaderConfig,
    RatingsReaderConfig,
    SequencesReaderConfig,
)
from hydrarec.data import text
from tests.hostile.conftest import definition
from tests.hostile.test_archives import write_zip

RATINGS, HEADED = RatingsReaderConfig(), RatingsReaderConfig(header=True)
PAIRS, SEQUENCES = PairsReaderConfig(), SequencesReaderConfig()
GROUPLENS = GrouplensReaderConfig(member="ratings.csv", separator=",")
GOOD = b"A,B,5,1700000000\n"
NAMES = b"user,item,rating,timestamp\n"


@pytest.fixture
def refuses(tmp_path, prepare):
    """Return how to write and read a table that must be refused."""

    def run(content, reader, *words, name="raw.csv", **more):
        path = tmp_path / name
        path.write_bytes(content)
        return prepare(path, reader, *words, **more)

    return run


@pytest.mark.parametrize(
    ("content", "reader", "words"),
    [
        # Columns.
        (b"A,B,5\n", RATINGS, (":1: 'A,B,5'", "expected 4 fields", "found 3")),
        (GOOD + b"A,B,1700000000\n", RATINGS, (":2: ", "found 3")),
        (b"A;B;5;1\n", RATINGS, (":1: ", "separated by ','", "found 1")),
        (NAMES + GOOD, RATINGS, (":1: ", "'timestamp'", "set `header: true`")),
        (GOOD + GOOD, HEADED, (":1: ", "found an interaction", "`header: false`")),
        (NAMES + GOOD + NAMES, HEADED, (":3: ", "'timestamp' is not a whole number")),
        (b"user,user,rating,timestamp\n" + GOOD, HEADED, (":1: ", "'user' stands there more than once")),
        (b"itemId,user_id,rating,timestamp\n" + GOOD, HEADED, (":1: ", "'itemId' stands where", "say user")),
        (b"user,item,timestamp,rating\n" + GOOD, HEADED, (":1: ", "'timestamp' stands where", "say rating")),
        (NAMES, HEADED, ("empty",)),
        # Identifiers.
        (GOOD + b"nan,B,5,1\n", RATINGS, (":2: ", "the user is 'nan'", "leave out such lines")),
        (GOOD + b"A,NULL,5,1\n", RATINGS, (":2: ", "the item is 'NULL'")),
        (GOOD + b"A,<NA>,5,1\n", RATINGS, (":2: ", "the item is '<NA>'")),
        (GOOD + b"A,,5,1\n", RATINGS, (":2: ", "the item is empty")),
        (GOOD + b"A,   ,5,1\n", RATINGS, (":2: ", "the item is empty")),
        (b"1,12,5,1\n2,12.0,5,1\n", RATINGS, ("the item 12", "also as 12.0", "the same everywhere")),
        (b"7.0,12,5,1\nx,12,5,1\n7,12,5,1\n", RATINGS, ("the user 7", "also as 7.0")),
        (GOOD + b"A," + b"x" * 2000 + b",5,1\n", RATINGS, (":2: ", "the item has 2000 characters", "up to 1000")),
        (GOOD + b'A,"' + b"x" * 200_000 + b'",5,1\n', RATINGS, (":2: ", "larger than field limit")),
        # Times.
        (GOOD + b"A,B,5,-1\n", RATINGS, (":2: ", "'-1'", "from 0 to")),
        (GOOD + b"A,B,5,1700000000000\n", RATINGS, (":2: ", "'1700000000000'", "divide milliseconds by 1000")),
        (GOOD + b"A,B,5,1700000000000000000\n", RATINGS, (":2: ", "divide nanoseconds by 1000000000")),
        (GOOD + b"A,B,5," + b"9" * 5000 + b"\n", RATINGS, (":2: ", "is not a whole number")),
        (GOOD + b"A,B,5,1700000000.0\n", RATINGS, (":2: ", "'1700000000.0' is not a whole number")),
        (GOOD + b"A,B,5,NaN\n", RATINGS, (":2: ", "'NaN' is not a whole number")),
        (GOOD + b"A,B,5,2024-01-01\n", RATINGS, (":2: ", "'2024-01-01' is not a whole number")),
        (GOOD + b"A,B,5,1e9\n", RATINGS, (":2: ", "'1e9' is not a whole number")),
        (GOOD + "A,B,5,\u0661\u0667\n".encode(), RATINGS, (":2: ", "'\u0661\u0667' is not a whole number")),
        # Bytes.
        (GOOD + b"A\0,B,5,1\n", RATINGS, (":2: ", "NUL", "`encoding`")),
        (GOOD + b"\xff\xfe,B,5,1\n", RATINGS, (":2: ", "byte 0xff is not utf-8", "`encoding`")),
        (GOOD.decode().encode("utf-16"), RATINGS, (":1: ", "byte 0xff is not utf-8")),
        (GOOD.decode().encode("utf-16-le"), RATINGS, (":1: ", "NUL", "UTF-16")),
        (GOOD, RatingsReaderConfig(encoding="utf-16"), (":1: ", "not utf-16", "`encoding`")),
        ("é,B,5,1\n".encode() + "é,B,5,1\n".encode("latin-1"), RATINGS, (":2: ", "byte 0xe9")),
        (b"\xef\xbb\xbf" + GOOD + b"A,B,5\r\n", RATINGS, (":2: ", "found 3")),
        (b"\xef\xbb\xbf" + GOOD + b"\xef\xbb\xbf" + GOOD, RATINGS, (":2: ", "byte order mark")),
        (b"\xef\xbb\xbf" + NAMES.replace(b"\n", b"\r\n") + b"A,B,5,x\r\n", HEADED, (":2: ", "'x' is not")),
        (GOOD.replace(b"\n", b"\r") * 3, RATINGS, (":1: ",)),
        (GOOD + b'"A,B,5,1\n' + GOOD, RATINGS, (":2: ", "quotes do not match")),
        (GOOD + b"A\x1b[2J,B,5\n", RATINGS, (":2: ", "\\x1b[2J", "found 3")),
        (b"", RATINGS, ("empty",)),
        (b"\n \n\r\n", RATINGS, ("empty",)),
        # The other formats.
        (b"1 1\n1 nan\n", PAIRS, (":2: ", "the item is 'nan'")),
        (b"1 1\n1\n", PAIRS, (":2: ", "found 1")),
        (b"1 1\n1 2\x001\n", PAIRS, (":2: ", "NUL")),
        (b"1 1 2\n2 3 null\n", SEQUENCES, (":2: ", "'null'")),
        (b"1 1 2\n2 " + b"y" * 3000 + b"\n", SEQUENCES, (":2: ", "3000 characters")),
        (b"1 1 2\n1 3\n", SEQUENCES, (":2: ", "has a line already, number 1")),
    ],
)
def test_refused(content, reader, words, refuses):
    refuses(content, reader, *words)


@pytest.mark.parametrize("reader", [RATINGS, PAIRS, SEQUENCES], ids=lambda reader: reader.kind)
def test_line_of_ten_megabytes(reader, refuses):
    refuses(b"1 1\n" * (reader is not RATINGS) + b"z" * 10_000_000, reader, "longer than 8388608 bytes")


def test_two_hundred_thousand_fields(refuses):
    refuses(GOOD + b"," * 200_000 + b"\n", RATINGS, ":2: ", "found 200001")


def test_table_inside_an_archive(tmp_path, prepare):
    path = write_zip(tmp_path / "a.zip", ("ratings.csv", GOOD + b"A,B,5,1700000000000\n"))
    prepare(path, GROUPLENS, "a.zip/ratings.csv:2: ", "milliseconds")


def test_wrong_line_far_inside(refuses, monkeypatch):
    monkeypatch.setattr(text, "BLOCK_BYTES", 4096)
    refuses(GOOD * 3000 + b"A,B,5,-5\n" + GOOD * 3000, RATINGS, ":3001: ", "'-5'")


def test_one_line_of_many_blocks_with_a_nul_at_its_end(refuses, monkeypatch):
    monkeypatch.setattr(text, "BLOCK_BYTES", 64)
    refuses(GOOD * 10 + b"A,B,5," + b"1" * 500 + b"\0", RATINGS, ":11: ", "NUL")


def test_nothing_survives_the_filter(refuses):
    words = ("tiny: the filter", "removes all 20 interactions", "lower the minimum counts")
    lines = b"".join(b"u%d,i%d,5,%d\n" % (i, i, 1700000000 + i) for i in range(20))
    error = refuses(lines, RATINGS, kept=FilterConfig(), name="tiny")
    assert all(word in error for word in words)


def test_file_that_is_not_the_pinned_one(refuses):
    refuses(GOOD, RATINGS, "expected sha256 " + "b" * 64, "download again", sha256="b" * 64)


def test_absent_file(tmp_path, prepare):
    prepare(tmp_path / "nowhere.csv", RATINGS, "no such file", "download it first")


def test_no_file_given_to_a_reader_of_files(tmp_path, command):
    dataset = definition(tmp_path / "raw.csv", RATINGS)
    command.refuses("prepare", "--dataset", dataset, "--output", "out", words=("ratings reads a file", "--raw"))


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfuser,item,rating,timestamp\r\nA,B,5,1\r\nA,C,5,2\r\n",
        "user,item,rating,timestamp\n../../etc,<b>x</b>,5,1\n\u041c\u0438\u0440,\u0430pple,5,2\n".encode(),
        b"user,item,rating,timestamp\n-1,12.0,nan,1\n-2,13.0,,99999999999\n",
    ],
    ids=["bom and crlf", "ids of any characters", "ids that look like numbers"],
)
def test_odd_and_right(content, tmp_path, command):
    """What is unusual and has one meaning is read: ids are text, and nothing but text is done with them."""
    path = tmp_path / "raw.csv"
    path.write_bytes(content)
    command.works("prepare", "--dataset", definition(path, HEADED), "--raw", path, "--output", tmp_path / "out")
    assert {entry.name for entry in tmp_path.iterdir()} == {"raw.csv", "out"}
