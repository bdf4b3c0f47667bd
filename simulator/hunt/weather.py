"""What the cloud may do to deliveries in a hunt; each kind can be left out."""

from enum import StrEnum


class Weather(StrEnum):
    """One kind of trouble.

    Without any, each batch is taken whole, once and in order; it may still wait for as long as it likes.
    """

    DUPLICATES = "duplicates"  # records that were delivered come again
    REORDERING = "reordering"  # records of different keys change places
    CRASHES = "crashes"  # a consumer's process ends between two writes
    FAILURES = "failures"  # a store refuses a write, the transport a message; a payment gets no answer
    OVERTAKING = "overtaking"  # another invocation runs in the middle of one
    LOSSES = "losses"  # a queue is lost with what waits in it


ALL_WEATHER = frozenset(Weather)


def weather_of(text: str) -> frozenset[Weather]:
    """`all`, `calm`, or kinds separated by commas: `duplicates,crashes`.

    Raises:
        ValueError: names the kinds that there are.
    """
    if text in ("", "all"):
        return ALL_WEATHER
    if text == "calm":
        return frozenset()
    try:
        return frozenset(Weather(kind.strip()) for kind in text.split(","))
    except ValueError:
        kinds = ", ".join(Weather)
        raise ValueError(f"WEATHER={text}: give all, calm, or some of {kinds}, with commas") from None
