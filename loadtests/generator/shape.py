"""The number of users over time, for closed load that follows a curve."""

from __future__ import annotations

from locust import LoadTestShape, User

from loadtests.arrivals import Load
from loadtests.generator.users import BargainHunter, BrowsingCustomer, Manager

Tick = tuple[int, float, list[type[User]] | None]


class CurveShape(LoadTestShape):
    """As many customers as the curve says, against its peak; what a flash sale adds are bargain hunters.

    Hunters are added last, and Locust takes those away first who came last: so they leave with the sale.

    Args:
        most: customers at the peak of the run.
        manager: whether an inventory manager is one user more.
        warm_up_s: seconds before the run itself, spent at its first number.
    """

    def __init__(self, load: Load, most: int, *, manager: bool, warm_up_s: float = 0.0) -> None:
        super().__init__()
        self._warm_up_s = warm_up_s
        self._load, self._most, self._manager = load, most, manager

    def tick(self) -> Tick:
        """How many users there are to be now, how many may come or go a second, and of which kinds."""
        browsing, hunting = self._load.customers(self.get_run_time() - self._warm_up_s, self._most)
        kinds: list[type[User]] = [BargainHunter] if hunting else [BrowsingCustomer]
        if self._manager and not hunting:
            kinds.append(Manager)
        users = browsing + hunting + self._manager
        return users, float(max(1, self._most)), kinds
