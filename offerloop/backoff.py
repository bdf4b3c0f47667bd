"""How long a message that must wait stays away: a pause that doubles with each attempt, with jitter."""

FIRST_PAUSE_S = 2
LONGEST_PAUSE_S = 300


def pause_after(attempts: int, jitter: float) -> int:
    """Seconds until a message is tried again: half of the doubling pause, and up to as much again.

    Args:
        attempts: how often it has been received, >= 1.
        jitter: 0..1.
    """
    longest = min(LONGEST_PAUSE_S, FIRST_PAUSE_S << min(attempts - 1, 16))
    return max(1, round(longest * (0.5 + 0.5 * jitter)))
