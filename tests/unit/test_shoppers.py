"""Shoppers on a virtual clock, against a small shop in memory."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace

import pytest
import simpy

from offerloop.offers.model import DiscountType, EventType
from simulator.arrivals import DAY_S, HOUR_S, ArrivalCurve
from simulator.live import SAMPLE_USERS
from simulator.replay.time_of_day import second_of_day
from simulator.scenario import load_scenario
from simulator.shoppers.clocks import VirtualClock
from simulator.shoppers.crowd import gather
from simulator.shoppers.deliveries import Stockroom, deliveries
from simulator.shoppers.plan import NUMBERS, plan_walk
from simulator.shoppers.population import Person, Population
from simulator.shoppers.shop import Refused, Served, ServedOffer
from simulator.shoppers.shopper import Surroundings, pay_visit
from simulator.shoppers.streams import Streams
from simulator.shoppers.tally import Tally

BASELINE = load_scenario("baseline")
PATIENCE = BASELINE.population.fruitless_visits


def offer(offer_id: str, category: str = "electronics", percent: int = 25) -> ServedOffer:
    return ServedOffer(offer_id, category, DiscountType.PERCENTAGE, percent * 100, 50)


@dataclass
class MemoryShop:
    """Serves the first three offers in stock that the user has neither redeemed nor dismissed."""

    offers: list[ServedOffer]
    stock: dict[str, int] = field(default_factory=dict)
    done: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    log: list[tuple[str, ...]] = field(default_factory=list)
    serves_sold_out: bool = False

    def recommend(self, user_id: str) -> Served | Refused:
        self.log.append((user_id, "RECOMMEND"))
        open_offers = [
            o
            for o in self.offers
            if o.offer_id not in self.done[user_id]
            and (self.serves_sold_out or self.stock.get(o.offer_id, 1))
        ]
        return Served(tuple(open_offers[:3]), len(open_offers))

    def track(
        self, user_id: str, offer_id: str, category: str, event_type: EventType, key: str | None = None
    ) -> Refused | None:
        self.log.append((user_id, event_type.value, offer_id))
        if event_type is EventType.REDEMPTION and offer_id in self.stock:
            if not self.stock[offer_id]:
                return Refused("out_of_stock")
            self.stock[offer_id] -= 1
        if event_type in (EventType.REDEMPTION, EventType.DISMISS):
            self.done[user_id].add(offer_id)
        return None


def population_of(users: int = 50, seed: int = 1) -> Population:
    section = BASELINE.population.model_copy(update={"users": users, "visits_per_day": 4.0})
    return Population(section, Streams(seed), SAMPLE_USERS)


def crowd_of(
    shop: MemoryShop,
    *,
    users: int = 50,
    seed: int = 1,
    days: float = 2.0,
    stockroom: Stockroom | None = None,
    restock_after_s: float = 0.0,
) -> Tally:
    env, tally = simpy.Environment(), Tally()
    clock = VirtualClock(env)
    gather(env, population_of(users, seed), surroundings(env, shop, tally, seed))
    if stockroom is not None:
        env.process(deliveries(env, stockroom, clock, tally, after_s=restock_after_s))
    clock.run(days * DAY_S)
    return tally


def surroundings(env: simpy.Environment, shop: MemoryShop, tally: Tally, seed: int = 1) -> Surroundings:
    arrivals = BASELINE.arrivals.model_copy(update={"starts_at_hour": 9})
    curve = ArrivalCurve.of(arrivals, days=10)
    return Surroundings(env, shop, VirtualClock(env), tally, curve, Streams(seed).moments("visit"), PATIENCE)


def visit(person: Person, shop: MemoryShop) -> Tally:
    env, tally = simpy.Environment(), Tally()
    around = surroundings(env, shop, tally)
    row = around.visits.uniforms(NUMBERS, person.number, 0)
    env.process(pay_visit(person, around, 0, row))
    env.run()
    return tally


FIVE = [
    offer("OFF001", "electronics", 25),
    offer("OFF002", "fashion", 40),
    offer("OFF004", "electronics", 30),
    offer("OFF003", "home", 15),
    offer("OFF005", "travel", 10),
]


def test_the_same_seed_sends_the_same_requests_in_the_same_order():
    shops = [MemoryShop(FIVE) for _ in range(3)]
    for shop, seed in zip(shops, (7, 7, 8), strict=True):
        crowd_of(shop, seed=seed)

    assert shops[0].log == shops[1].log
    assert shops[0].log != shops[2].log


def test_what_one_shopper_does_does_not_depend_on_how_many_others_there_are():
    few, many = MemoryShop(FIVE), MemoryShop(FIVE)
    crowd_of(few, users=5)
    crowd_of(many, users=40)

    assert [entry for entry in few.log if entry[0] == "USER002"] == [
        entry for entry in many.log if entry[0] == "USER002"
    ]


def test_the_sample_users_come_first_and_new_users_are_numbered():
    population = population_of()

    assert [population.person(number).user_id for number in (0, 1, 2, 3, 50)] == [
        "USER001",
        "USER002",
        "USER003",
        "SHOPPER-0003",
        "SHOPPER-0050",
    ]


def test_a_session_asks_first_and_redeems_only_what_was_viewed_clicked_and_put_in_the_cart():
    shop = MemoryShop(FIVE)
    crowd_of(shop)
    seen: dict[tuple[str, str], list[str]] = defaultdict(list)
    for user_id, what, *rest in shop.log:
        if what == "RECOMMEND":
            for key in [key for key in seen if key[0] == user_id]:
                del seen[key]
            seen[user_id, ""].append(what)
            continue
        assert seen[user_id, ""] == ["RECOMMEND"]
        steps = seen[user_id, rest[0]]
        steps.append(what)
        assert steps in (
            ["VIEW"],
            ["VIEW", "DISMISS"],
            ["VIEW", "CLICK"],
            ["VIEW", "CLICK", "ADD_TO_CART"],
            ["VIEW", "CLICK", "ADD_TO_CART", "REDEMPTION"],
        )


def test_an_offer_of_a_liked_category_is_viewed_and_redeemed_more_often():
    population = population_of()
    counts: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for number in range(600):
        person = population.person(number)
        shop = MemoryShop([offer("OFF001")])
        visit(person, shop)
        counts[person.taste("electronics") >= 0.6].update(entry[1] for entry in shop.log)

    shares = {
        likes: (count["VIEW"] / count["RECOMMEND"], count["REDEMPTION"] / count["RECOMMEND"])
        for likes, count in counts.items()
    }
    assert shares[True][0] > shares[False][0] + 0.2
    assert shares[True][1] > 5 * shares[False][1]
    assert counts[True]["DISMISS"] == 0 < counts[False]["DISMISS"]


def test_a_larger_discount_appeals_more_to_who_looks_for_low_prices_than_to_the_indifferent():
    population = population_of()
    gain = {
        population.segments[person.segment].name: person.appeal(offer("B", percent=50))
        - person.appeal(offer("A", percent=5))
        for person in map(population.person, range(60))
    }

    assert gain["lower_priced_products"] > gain["all_discounts"] > gain["discount_indifferent"] > 0


def test_a_shopper_whose_redemption_is_refused_asks_again_at_once():
    shop = MemoryShop([offer("GONE")], stock={"GONE": 0}, serves_sold_out=True)
    population = population_of()
    for number in range(40):
        visit(population.person(number), shop)

    refused = [i for i, entry in enumerate(shop.log) if entry[1] == "REDEMPTION"]
    assert refused
    assert all(shop.log[i + 1][1] == "RECOMMEND" for i in refused[:-1])


def test_what_is_decided_about_one_offer_does_not_depend_on_the_others_in_the_list():
    population, moments = population_of(), Streams(1).moments("visit")
    last = offer("OFF009", "travel")
    for number in range(100):
        person = population.person(number)
        row = moments.uniforms(NUMBERS, number, 0)
        plans = [plan_walk(person, [*first_two, last], row) for first_two in (FIVE[:2], FIVE[2:4])]
        about_last = [[done for _, place, _, done in steps if place == 2] for _, steps, _ in plans]

        assert about_last[0] == about_last[1]


def test_who_finds_nothing_several_times_leaves_and_somebody_new_comes():
    tally = crowd_of(MemoryShop([]), users=10, days=6)

    assert tally.gone > 0
    assert tally.gone < tally.shoppers <= 10 + tally.gone  # some newcomers' first visit lies behind the end
    assert tally.sessions == tally.fruitless >= PATIENCE * tally.gone


def test_stock_runs_out_by_redemptions_alone_and_lists_change():
    shop = MemoryShop(FIVE, stock={"OFF001": 5})
    tally = crowd_of(shop)

    assert shop.stock["OFF001"] == 0
    assert tally.redeemed["electronics"] >= 5
    acted = tally.lists_changed_after_acting / tally.lists_again_after_acting
    idle = tally.lists_changed_idle / tally.lists_again_idle
    assert acted > 0.4 > 0.1 > idle


def test_a_sold_out_offer_comes_back_after_a_while_with_what_it_once_held():
    class StaffedShop(MemoryShop):
        def recommend(self, user_id: str) -> Served | Refused:
            self.offers = [replace(o, inventory_count=self.stock[o.offer_id]) for o in self.offers]
            return super().recommend(user_id)

        def units_left(self, offer_id: str) -> int:
            return self.stock[offer_id]

        def restock(self, offer_id: str, units: int) -> None:
            self.log.append(("warehouse", offer_id, str(units)))
            self.stock[offer_id] += units

    shop = StaffedShop([offer("OFF001"), offer("OFF002")], stock={"OFF001": 12, "OFF002": 10_000})
    tally = crowd_of(shop, users=60, days=10, stockroom=shop, restock_after_s=6 * HOUR_S)

    delivered = [entry for entry in shop.log if entry[0] == "warehouse"]
    assert len(delivered) == tally.deliveries >= 2
    assert set(delivered) == {("warehouse", "OFF001", "12")}


def test_a_refused_recommendation_is_counted_and_ends_the_visit():
    class Closed(MemoryShop):
        def recommend(self, user_id: str) -> Refused:
            return Refused("busy")

    tally = crowd_of(Closed([]), users=5)

    assert set(tally.refusals) == {"busy"}
    assert (tally.sessions, tally.gone) == (0, 0)


def test_visits_follow_the_hourly_profile_and_their_mean():
    class Hours(Tally):
        def served(self, person: Person, served: Served) -> None:
            hours[int((env.now / HOUR_S + 9) % 24)] += 1

    hours: Counter[int] = Counter()
    env = simpy.Environment()
    around = surroundings(env, MemoryShop(FIVE), Hours())
    around.patience = 0
    gather(env, population_of(users=1_000), around)
    env.run(7 * DAY_S)

    visits = hours.total()
    assert visits == pytest.approx(1_000 * 4 * 7, rel=0.1)
    for hour, share in enumerate(BASELINE.arrivals.hourly_share):
        assert abs(hours[hour] - visits * share) < 5 * (visits * share) ** 0.5 + 20, hour


def test_a_time_of_day_drawn_evenly_spreads_as_the_profile():
    drawn = Counter(second_of_day((i + 0.5) / 10_000) // HOUR_S for i in range(10_000))

    shares = [drawn[hour] / 10_000 for hour in range(24)]
    assert shares == pytest.approx(BASELINE.arrivals.hourly_share, abs=0.0005)
    assert (second_of_day(0.0), second_of_day(1 - 2**-53)) == (0, DAY_S - 1)


def test_one_tenth_of_shoppers_makes_about_two_fifths_of_visits():
    population = population_of()
    visits = sorted((population.person(number).visits_per_day for number in range(4_000)), reverse=True)

    assert sum(visits) / len(visits) == pytest.approx(4.0, rel=0.06)
    assert 0.33 < sum(visits[:400]) / sum(visits) < 0.42


def test_a_persons_nature_and_tastes_do_not_depend_on_who_was_asked_before():
    forwards, backwards = population_of(), population_of()
    numbers = list(range(20))

    def natures(population: Population, order: list[int]) -> dict[int, tuple[object, ...]]:
        people = {number: population.person(number) for number in order}
        return {
            number: (person.segment, person.visits_per_day, person.first_gap, person.taste("home"))
            for number, person in people.items()
        }

    assert natures(forwards, numbers) == natures(backwards, numbers[::-1])


def test_every_moment_has_its_own_numbers_whatever_was_drawn_before():
    moments, again = Streams(1).moments("visit"), Streams(1).moments("visit")
    places = [(owner, visit, part) for owner in range(3) for visit in range(3) for part in range(2)]
    rows = {place: tuple(moments.uniforms(28, *place)) for place in places}

    assert len(set(rows.values())) == len(places)
    assert {place: tuple(again.uniforms(28, *place)) for place in reversed(places)} == rows
    assert tuple(Streams(1, replication=1).moments("visit").uniforms(28, 0)) != rows[0, 0, 0]


def test_a_stream_depends_on_seed_distribution_and_owner_and_on_nothing_else():
    draws = {
        (seed, name, owner): float(Streams(seed).generator(name, owner).random())
        for seed in (1, 2)
        for name in ("view", "click")
        for owner in ("a", "b")
    }

    assert len(set(draws.values())) == len(draws)
    assert draws[1, "view", "a"] == float(Streams(1).generator("view", "a").random())
    assert Streams(1).uniform("day", "x") == Streams(1).uniform("day", "x") != Streams(1).uniform("day", "y")
