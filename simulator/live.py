"""Live shoppers against a deployed system: ``python -m simulator.live``."""

import signal
import threading
import time
from dataclasses import dataclass
from types import FrameType
from typing import Annotated

import simpy
import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table

from simulator.arrivals import HOUR_S, ArrivalCurve, draw_day_factors
from simulator.scenario import Scenario, load_scenario
from simulator.shoppers.buying import Buying
from simulator.shoppers.clocks import RealTime
from simulator.shoppers.crowd import gather
from simulator.shoppers.deliveries import deliveries, product_deliveries
from simulator.shoppers.http_shop import HttpShop
from simulator.shoppers.population import Person, Population
from simulator.shoppers.report import progress_line, summary_tables
from simulator.shoppers.rewards import CodeHabits, Purses
from simulator.shoppers.shop import Refused
from simulator.shoppers.shopper import Surroundings
from simulator.shoppers.streams import Streams
from simulator.shoppers.tally import Tally

# The defaults send 30 to 60 requests a second in the first minute, which then covers 11:00 to 21:00 of
# the simulated day, and let the offers that most people like sell out within it (docs/shoppers.md).
USERS = 200
SPEED = 600.0
VISITS_PER_DAY = 5.5
STARTS_AT_HOUR = 11
RESTOCK_HOURS = 12.0  # 72 real seconds at the default speed
PRODUCTS_SOONER = 6  # products come back after a part of the time: what is missing is no pivot to look at
THREADS = 16
PIPELINE_S = 10.0  # real seconds within which most orders are carried out
CUSTOMERS_PER_PHONE = 4
POOL = "welcome-10"  # of the sample data, in the shop's own currency: one code for each customer
LINE_EVERY_S = 10.0  # between progress lines where there is no terminal
CURVE_DAYS = 366  # with a factor of their own; behind them the weekly profile goes on

# Users of the sample data with what their stored profiles prefer; their tastes agree with it.
SAMPLE_USERS = (
    ("USER001", ("electronics",)),
    ("USER002", ("fashion",)),
    ("USER003", ("groceries", "home")),
)


@dataclass(frozen=True, slots=True)
class Run:
    """Settings of one run; *minutes* are real ones, 0 = until stopped; *restock_hours* 0 = never.

    Attributes:
        pool: that promo codes are claimed from; where there is none of this id, nobody claims any.
    """

    api_url: str
    api_key: str | None
    users: int
    speed: float
    seed: int
    minutes: float
    visits_per_day: float
    starts_at_hour: int
    restock_hours: float
    phones: bool
    pool: str = POOL


def main(
    api_url: Annotated[str, typer.Option(envvar="OFFERLOOP_API_URL", help="Base address of the API.")],
    api_key: Annotated[str, typer.Option(envvar="OFFERLOOP_API_KEY", help="Value of X-API-Key.")] = "",
    users: Annotated[int, typer.Option(min=1, max=100_000, help="Shoppers at one time.")] = USERS,
    speed: Annotated[float, typer.Option(min=0.01, help="Simulated seconds per real second.")] = SPEED,
    seed: Annotated[int, typer.Option(min=0, help="Root of all randomness.")] = 1,
    minutes: Annotated[float, typer.Option(min=0, help="Real minutes to run; 0 = until stopped.")] = 0,
    visits_per_day: Annotated[
        float, typer.Option(min=0.01, help="Mean visits of a shopper per simulated day.")
    ] = VISITS_PER_DAY,
    starts_at_hour: Annotated[
        int, typer.Option(min=0, max=23, help="Hour of the simulated day at the start.")
    ] = STARTS_AT_HOUR,
    restock_hours: Annotated[
        float, typer.Option(min=0, help="Simulated hours until a sold-out offer is refilled; 0 = never.")
    ] = RESTOCK_HOURS,
    phones: Annotated[
        bool, typer.Option(help="Let some customers ask for messages, at numbers reserved for drama.")
    ] = False,
    pool: Annotated[str, typer.Option(help="Pool that promo codes are claimed from.")] = POOL,
) -> None:
    """Let shoppers visit the deployed shop in real time, until stopped or for some minutes."""
    run = Run(
        api_url,
        api_key or None,
        users,
        speed,
        seed,
        minutes,
        visits_per_day,
        starts_at_hour,
        restock_hours,
        phones,
        pool,
    )
    raise typer.Exit(shop_live(run, Console()))


def shop_live(run: Run, console: Console) -> int:
    """Run shoppers and print the summary.

    Returns:
        0, or 1 when the API answered no request at all.
    """
    stopping = threading.Event()
    with HttpShop(run.api_url, run.api_key, connections=THREADS, stopping=stopping) as shop:
        env = simpy.Environment()
        clock = RealTime(env, speed=run.speed, threads=THREADS, stopping=stopping)
        _stop_on_signals(stopping, clock)
        tally = _let_in(run, env, shop, clock)
        started = time.monotonic()
        until_s = run.minutes * 60 * run.speed if run.minutes else None
        with _Progress(console, tally, shop, started) as progress:
            clock.run(until_s, progress.tick)
        for table in summary_tables(tally, shop.meter, time.monotonic() - started, clock.lag_s_max):
            console.print(table)
        if shop.meter.requests and shop.meter.refusals.get("unreachable", 0) == shop.meter.requests:
            console.print(f"[red]{run.api_url} did not answer; is the system up? (`make status`)[/]")
            return 1
    return 0


def _let_in(run: Run, env: simpy.Environment, shop: HttpShop, clock: RealTime) -> Tally:
    """Let shoppers and deliveries start; they are those of the scenario with codes, in any catalogue."""
    baseline = load_scenario("rewards")
    population = baseline.population.model_copy(
        update={"users": run.users, "visits_per_day": run.visits_per_day, "affinities": {}}
    )
    arrivals = baseline.arrivals.model_copy(update={"starts_at_hour": run.starts_at_hour})
    streams, tally = Streams(run.seed), Tally()
    factors = draw_day_factors(streams.generator("day"), cv=arrivals.day_factor_cv, days=CURVE_DAYS)
    curve = ArrivalCurve.of(arrivals, days=CURVE_DAYS, day_factors=factors)
    around = Surroundings(
        env,
        shop,
        clock,
        tally,
        curve,
        streams.moments("visit"),
        population.fruitless_visits,
        buying=_buying(run, env, shop, clock, tally, baseline, streams),
    )
    gather(env, Population(population, streams, SAMPLE_USERS), around)
    if run.restock_hours and run.api_key:
        after_s = run.restock_hours * HOUR_S
        env.process(deliveries(env, shop, clock, tally, after_s=after_s))
        env.process(product_deliveries(env, shop, clock, tally, after_s=after_s / PRODUCTS_SOONER))
    return tally


def _buying(
    run: Run,
    env: simpy.Environment,
    shop: HttpShop,
    clock: RealTime,
    tally: Tally,
    scenario: Scenario,
    streams: Streams,
) -> Buying | None:
    """Orders in place of redemptions, where the shop sells something that offers can be used on.

    Customers wait with a look at an order for as long as the pipeline takes in real time.
    """
    orders, basket = scenario.orders, scenario.population.basket
    if orders is None or basket is None or run.api_key is None:
        return None
    habits = orders.afterwards
    waits_minutes = max(habits.looks_after_minutes, run.speed * PIPELINE_S / 60)
    habits = habits.model_copy(update={"looks_after_minutes": waits_minutes})
    phone_of = _fictitious_phone if run.phones else _no_phone
    codes = None
    if orders.codes is not None and not isinstance(shop.codes_left(run.pool), Refused):
        codes = CodeHabits(run.pool, orders.codes.claimed_share)
    purse_numbers = streams.moments("purse")
    buying = Buying(
        env,
        shop,
        clock.call,
        tally,
        basket,
        habits,
        streams.moments("purchase"),
        phone_of=phone_of,
        purses=Purses(env, shop, clock.call, tally, purse_numbers, codes=codes, points=orders.points),
    )
    return buying if buying.read_products() is None else None


def _no_phone(_: Person) -> None:
    """Nobody wants messages."""


def _fictitious_phone(person: Person) -> str | None:
    """One customer in so many wants messages, at a number that is reserved for drama (Ofcom)."""
    return None if person.number % CUSTOMERS_PER_PHONE else f"+447700900{person.number % 1_000:03d}"


def _stop_on_signals(stopping: threading.Event, clock: RealTime) -> None:
    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()
        clock.wake()

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)


class _Progress:
    """Live figures: one line that is redrawn on a terminal, a new line now and then elsewhere."""

    def __init__(self, console: Console, tally: Tally, shop: HttpShop, started: float) -> None:
        self._console, self._tally, self._shop, self._started = console, tally, shop, started
        self._live = (
            Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
        )
        self._next = started

    def __enter__(self) -> "_Progress":
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def tick(self) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        line = progress_line(self._tally, self._shop.meter, now - self._started)
        if self._live is None:
            self._next = now + LINE_EVERY_S
            self._console.print(line, soft_wrap=True)
        else:
            self._next = now + 0.5
            grid = Table.grid()
            grid.add_row(line)
            self._live.update(grid, refresh=True)


if __name__ == "__main__":
    typer.run(main)
