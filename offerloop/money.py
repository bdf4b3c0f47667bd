"""Money: whole minor units of the deployment's one currency inside, decimals at the edges only."""

from collections.abc import Sequence
from decimal import Decimal

SIGNS = {"EUR": "€", "USD": "$", "GBP": "£", "UAH": "₴"}
MINOR_PER_MAJOR = 100


def to_minor(amount: Decimal) -> int:
    """Give an amount of at most two decimals in minor units: 1299.99 -> 129999.

    Raises:
        ValueError: it has more decimals than the currency.
    """
    minor = amount * MINOR_PER_MAJOR
    if minor != minor.to_integral_value():
        raise ValueError(f"{amount} has more than two decimals")
    return int(minor)


def to_major(minor: int) -> Decimal:
    """Give minor units as a decimal: 129999 -> 1299.99."""
    return Decimal(minor).scaleb(-2)


def shown(minor: int, currency: str) -> str:
    """Write an amount for people: 14999 -> "€149.99", and "CHF 149.99" without a sign in SIGNS."""
    sign = SIGNS.get(currency, f"{currency} ")
    return f"{'-' if minor < 0 else ''}{sign}{to_major(abs(minor)):.2f}"


def apportion(total: int, weights: Sequence[int]) -> list[int]:
    """Part an amount in proportion, so that no cent is lost: 100 over (1, 1, 1) -> [34, 33, 33].

    Args:
        total: 0..sum(weights), so that no part is more than its weight.
        weights: shape ``(n,)``, each >= 0.
    Returns:
        Shape ``(n,)``; sums to *total*. The largest remainders are rounded up, among equals the first.
    Source:
        Largest-remainder apportionment (Hamilton's method).
    """
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    parts = [total * weight // whole for weight in weights]
    remainders = [-(total * weight % whole) for weight in weights]
    for at in sorted(range(len(weights)), key=remainders.__getitem__)[: total - sum(parts)]:
        parts[at] += 1
    return parts


def percentage_of(minor: int, hundredths: int) -> int:
    """Give a percentage of an amount, halves rounded up: 2,500 hundredths of 1,999 -> 500.

    Args:
        minor: >= 0.
        hundredths: of a per cent, 0..10,000.
    """
    return (minor * hundredths + 5_000) // 10_000
