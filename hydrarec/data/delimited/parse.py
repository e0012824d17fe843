"""Lines of delimited fields to interactions, fast on lines that are right and precise about the first that is not.

Every block is parsed by Arrow first, while the next ones are read. Where Arrow refuses a block, or could understand it
differently (quotes within fields, lone carriage returns), the block is parsed again line by line. That second, careful
parser defines the format; the fast one only has to agree with it.
"""

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from hydrarec.data.delimited.careful import parse_carefully
from hydrarec.data.delimited.fast import parse_fast
from hydrarec.data.delimited.form import NUMBER, TYPES, LineFormat, no_timestamps
from hydrarec.data.delimited.header import without_header, without_names
from hydrarec.data.text import LineBlock, no_interactions

PARSERS = 2
"""Blocks parsed at the same time; more would wait for the one thread that reads and unpacks."""
WAITING_BLOCKS = 8
"""Most blocks that are read and not parsed yet."""
LARGEST_NUMBER = 2**22
"""Largest id kept as a number; tables over all numbers up to here take a few MiB."""


def parse(blocks: Iterable[LineBlock], form: LineFormat, source: str) -> pd.DataFrame:
    """Parse a file of delimited lines.

    Parameters
    ----------
    blocks
        The file's lines.
    form
        What a line looks like. Fields of one-character separators may stand in double quotes, without line breaks
        inside; where lines of a format with tabs have as many fields without that, quotes are letters. Blank lines are
        skipped.
    source
        What messages call the file.

    Returns
    -------
    pandas.DataFrame
        Columns `user`, `item` (categoricals of text; whole numbers if every id of the column is one up to
        `LARGEST_NUMBER`, written without leading zeros) and `timestamp` (int64; Int64 and all null if the format has
        none), in file order.

    Raises
    ------
    ValueError
        If there is no interaction, or an id stands there in two spellings (see `refuse_two_spellings`);
        `MalformedLineError` if a line has another number of fields, a user or item that is none, or a timestamp that
        is no whole number of seconds, or if what should be the header is none.
    """
    parsed = _parse_all((without_header if form.header else without_names)(blocks, form, source), form, source)
    tables = [table for table in parsed if len(table)]
    if not tables:
        raise no_interactions(source)
    for name in ("user", "item"):
        if any(table[name].type != NUMBER or pc.max(table[name]).as_py() > LARGEST_NUMBER for table in tables):
            tables = [_with_text(table, name) for table in tables]
    # One dictionary for all blocks, in the order of first appearance, instead of one per block.
    table = pa.concat_tables(tables).unify_dictionaries()
    refuse_two_spellings(table, source)
    del parsed, tables
    # Each column's blocks are given back once they are one array.
    frame = table.to_pandas(split_blocks=True, self_destruct=True)
    del table
    if "timestamp" not in form.columns:
        frame["timestamp"] = no_timestamps(len(frame))
    return frame


def _parse_all(blocks: Iterable[LineBlock], form: LineFormat, source: str) -> list[pa.Table]:
    """Parse blocks in threads while the next ones are read; of several errors the first in the file is raised."""
    parsed: list[Future[pa.Table]] = []
    with ThreadPoolExecutor(PARSERS) as parsers:
        try:
            for block in blocks:
                parsed.append(parsers.submit(_parse_block, block, form, source))
                if len(parsed) >= WAITING_BLOCKS:
                    parsed[-WAITING_BLOCKS].result()
        finally:
            # Also if reading went wrong: a line before that one may be wrong too, and is named instead.
            tables = [future.result() for future in parsed]
    return tables


def _parse_block(block: LineBlock, form: LineFormat, source: str) -> pa.Table:
    table = parse_fast(block, form)
    return parse_carefully(block, form, source) if table is None else table


def _with_text(table: pa.Table, name: str) -> pa.Table:
    """Turn numbers into what stands in the file."""
    if table[name].type != NUMBER:
        return table
    index = table.column_names.index(name)
    return table.set_column(index, name, table[name].cast(pa.string()).dictionary_encode().cast(TYPES[name]))


def refuse_two_spellings(table: pa.Table, source: str) -> None:
    """Refuse what is one id to whoever wrote the file and would be two here: 12 beside 12.0, é beside e with an accent.

    Parameters
    ----------
    table
        Columns `user` and `item`: numbers, or dictionaries that are the same in all chunks.
    source
        What messages call the file.

    Raises
    ------
    ValueError
        If an id stands there both as a whole number and with a fraction of 0, or in two forms of Unicode.
    """
    for name in ("user", "item"):
        if table[name].type == NUMBER:
            continue
        texts = table[name].chunk(0).dictionary
        fractions = texts.filter(pc.ends_with(texts, ".0"))
        whole = pc.utf8_slice_codeunits(fractions, 0, -2)
        both = whole.filter(pc.is_in(whole, texts))
        if len(both):
            raise ValueError(
                f"{source}: the {name} {both[0].as_py()} stands there also as {both[0].as_py()}.0, {len(both)} such "
                "ids; write ids as text or whole numbers, the same everywhere"
            )
        _refuse_two_forms(texts, name, source)


def _refuse_two_forms(texts: pa.Array, name: str, source: str) -> None:
    """Refuse ids that differ in nothing but how Unicode composes their letters."""
    # Others are composed already, as nearly all text is.
    odd = texts.filter(pc.invert(pc.string_is_ascii(texts)))
    composed = pc.utf8_normalize(odd, "NFC")
    changed = pc.not_equal(composed, odd)
    if not pc.any(changed).as_py():
        return
    spellings: dict[str, list[str]] = {}
    for one, other in zip(composed.filter(changed).to_pylist(), odd.filter(changed).to_pylist(), strict=True):
        spellings.setdefault(one, []).append(other)
    wanted = pa.array(list(spellings), pa.string())
    for one in wanted.filter(pc.is_in(wanted, texts)).to_pylist():
        spellings[one].insert(0, one)
    both = [(one, forms) for one, forms in spellings.items() if len(forms) > 1]
    if both:
        one, (first, second, *_) = both[0]
        raise ValueError(
            f"{source}: the {name} {one} stands there as {first!a} and as {second!a}, which look the same, "
            f"{len(both)} such ids; write ids in one form of Unicode, in Python by unicodedata.normalize('NFC', id)"
        )
