"""How numbers are written: a true minus, narrow spaces before units, as many digits as mean something."""

MINUS, NARROW, NOTHING = "\u2212", "\u202f", "\u2013"
"""Minus sign, narrow no-break space, and what stands where there is no number."""


def score(value: float) -> str:
    """Write a metric between 0 and 1.

    >>> score(0.18214)
    '0.1821'
    """
    return f"{value:.4f}"


def score_interval(low: float, high: float) -> str:
    """Write the interval of a metric, which is cut at the ends of its range.

    >>> score_interval(-0.001, 0.25)
    '0.0000\u20130.2500'
    """
    return f"{score(max(low, 0.0))}\u2013{score(min(high, 1.0))}"


def signed(value: float, digits: int = 4) -> str:
    """Write a difference with its sign.

    >>> signed(-0.0042), signed(0.0)
    ('−0.0042', '0.0000')
    """
    text = f"{abs(value):.{digits}f}"
    if float(text) == 0:
        return text
    return f"{MINUS if value < 0 else '+'}{text}"


def signed_interval(low: float, high: float) -> str:
    """Write the interval of a difference.

    >>> signed_interval(-0.0042, 0.01)
    '−0.0042 to +0.0100'
    """
    return f"{signed(low)} to {signed(high)}"


def percent(value: float | None) -> str:
    """Write a relative difference in per cent with its sign; three digits are enough.

    >>> percent(4.23), percent(-92.9), percent(1234.5), percent(None)
    ('+4.2\u202f%', '−92.9\u202f%', '+1234\u202f%', '–')
    """
    if value is None or value != value:
        return NOTHING
    return f"{signed(value, 1 if abs(value) < 1000 else 0)}{NARROW}%"


def percent_interval(low: float | None, high: float | None) -> str:
    """Write an interval in per cent.

    >>> percent_interval(-1.0, 2.5)
    '−1.0 to +2.5\u202f%'
    """
    if low is None or high is None or low != low or high != high:
        return NOTHING
    return f"{percent(low).removesuffix(f'{NARROW}%')} to {percent(high)}"


def percentage(share: float) -> str:
    """Write a share as per cent, with no more digits than it has.

    >>> percentage(0.05), percentage(0.025)
    ('5\u202f%', '2.5\u202f%')
    """
    return f"{100 * share:.6g}{NARROW}%"


def sortable(value: float | None) -> float:
    """Return what a column is sorted by where a value may be missing: then it comes last."""
    return float("-inf") if value is None or value != value else float(value)


def p_value(p: float) -> str:
    """Write a p-value; below a thousandth its size says nothing more.

    >>> p_value(0.0004), p_value(0.0312), p_value(1.0)
    ('< .001', '.031', '1.00')
    """
    if p < 0.001:
        return "< .001"
    return f"{p:.3f}".removeprefix("0") if p < 0.9995 else "1.00"


def p_statement(p: float) -> str:
    """Write a p-value as part of a sentence.

    >>> p_statement(0.0004), p_statement(0.0312)
    ('p < .001', 'p = .031')
    """
    written = p_value(p)
    return f"p {written}" if written.startswith("<") else f"p = {written}"


def count(value: float) -> str:
    """Write a whole number with its thousands apart.

    >>> count(999611)
    '999\u202f611'
    """
    return f"{value:,.0f}".replace(",", NARROW)


def several(number: int, name: str) -> str:
    """Write how many there are of what.

    >>> several(1, "seed"), several(3, "seed")
    ('1 seed', '3 seeds')
    """
    return f"{number} {name}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """Write a time with two or three digits and a unit that fits; a time that is none (NaN) as nothing.

    >>> duration(0.00041), duration(0.0124), duration(8.46), duration(245), duration(8040)
    ('0.41\u202fms', '12\u202fms', '8.5\u202fs', '4.1\u202fmin', '2.2\u202fh')
    """
    if seconds != seconds:
        return NOTHING
    for limit, size, unit in ((0.0995, 1e-3, "ms"), (119.5, 1, "s"), (7170, 60, "min")):
        if seconds < limit:
            return _digits(seconds / size, unit)
    return _digits(seconds / 3600, "h")


def size(mib: float) -> str:
    """Write an amount of memory.

    >>> size(512), size(3174.4)
    ('512\u202fMiB', '3.1\u202fGiB')
    """
    return _digits(mib, "MiB") if mib < 1000 else _digits(mib / 1024, "GiB")


def energy(joules: float) -> str:
    """Write an energy; one that is none (NaN) as nothing.

    >>> energy(250.0), energy(90_000.0), energy(5.4e6)
    ('250\u202fJ', '25\u202fWh', '1.5\u202fkWh')
    """
    if joules != joules:
        return NOTHING
    if joules < 3600:
        return _digits(joules, "J")
    return _digits(joules / 3600, "Wh") if joules < 3.6e6 else _digits(joules / 3.6e6, "kWh")


def metric_title(name: str) -> str:
    """Write the name of a metric.

    >>> metric_title("ndcg@10"), metric_title("mrr")
    ('NDCG@10', 'MRR')
    """
    return name.upper()


def _digits(value: float, unit: str) -> str:
    digits = 0 if value >= 9.95 else 1 if value >= 0.995 or value == 0 else 2
    return f"{value:.{digits}f}{NARROW}{unit}"
