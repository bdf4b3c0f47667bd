"""Shoppers on a virtual clock, against a small shop in memory."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace

import pytest
import simpy

from offerloop.offers.model import DiscountType, EventType
from simulator.shoppers.clocks import VirtualClock
from simulator.shoppers.crowd import Crowd
from simulator.shoppers.hours import DAY_S, HOUR_S, HOURLY_SHARE, Arrivals, DayFactors, second_of_day
from simulator.shoppers.population import Population
from simulator.shoppers.shop import Refused, Served, ServedOffer
from simulator.shoppers.shopper import PATIENCE, Shopper
from simulator.shoppers.streams import Streams
from simulator.shoppers.tally import Tally


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


def crowd_of(shop: MemoryShop, *, users: int = 50, seed: int = 1, days: float = 2.0) -> Tally:
    env = simpy.Environment()
    clock = VirtualClock(env)
    crowd = Crowd(env, shop, clock, users=users, visits_per_day=4.0, seed=seed, starts_at_s=9 * HOUR_S)
    clock.run(days * DAY_S)
    return crowd.tally


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
    population = Population(Streams(1), visits_per_day=4.0)
    people = [population.newcomer().user_id for _ in range(5)]

    assert people == ["USER001", "USER002", "USER003", "SHOPPER-0001", "SHOPPER-0002"]


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
    streams = Streams(3)
    population = Population(streams, visits_per_day=4.0)
    people = [population.newcomer() for _ in range(600)]
    counts: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for person in people:
        shop = MemoryShop([offer("OFF001")])
        visit(person, shop, streams)
        likes = person.taste("electronics") >= 0.6
        counts[likes].update(entry[1] for entry in shop.log)

    shares = {
        likes: (count["VIEW"] / count["RECOMMEND"], count["REDEMPTION"] / count["RECOMMEND"])
        for likes, count in counts.items()
    }
    assert shares[True][0] > shares[False][0] + 0.2
    assert shares[True][1] > 5 * shares[False][1]
    assert counts[True]["DISMISS"] == 0 < counts[False]["DISMISS"]


def visit(person, shop, streams) -> Tally:
    env, tally = simpy.Environment(), Tally()
    days = DayFactors(streams.generator("day"))
    shopper = Shopper(person, env, shop, VirtualClock(env), tally, streams, days, starts_at_s=0)
    env.process(shopper.visit())
    env.run()
    return tally


def test_a_larger_discount_appeals_more_to_who_looks_for_low_prices_than_to_the_indifferent():
    population = Population(Streams(1), visits_per_day=4.0)
    people = [population.newcomer() for _ in range(60)]
    gain = {
        person.segment.name: person.appeal(offer("B", percent=50)) - person.appeal(offer("A", percent=5))
        for person in people
    }

    assert gain["lower_priced_products"] > gain["all_discounts"] > gain["discount_indifferent"] > 0


def test_a_shopper_whose_redemption_is_refused_asks_again_at_once():
    streams = Streams(1)
    shop = MemoryShop([offer("GONE")], stock={"GONE": 0}, serves_sold_out=True)
    population = Population(streams, visits_per_day=4.0)
    for _ in range(40):
        visit(population.newcomer(), shop, streams)

    refused = [i for i, entry in enumerate(shop.log) if entry[1] == "REDEMPTION"]
    assert refused
    assert all(shop.log[i + 1][1] == "RECOMMEND" for i in refused[:-1])


def test_who_finds_nothing_several_times_leaves_and_somebody_new_comes():
    tally = crowd_of(MemoryShop([]), users=10, days=6)

    assert tally.departed > 0
    assert tally.shoppers == 10 + tally.departed
    assert tally.sessions == tally.fruitless >= PATIENCE * tally.departed


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
    env = simpy.Environment()
    clock = VirtualClock(env)
    crowd = Crowd(
        env,
        shop,
        clock,
        users=60,
        visits_per_day=4.0,
        seed=1,
        starts_at_s=9 * HOUR_S,
        stockroom=shop,
        restock_after_s=6 * HOUR_S,
    )
    clock.run(10 * DAY_S)

    delivered = [entry for entry in shop.log if entry[0] == "warehouse"]
    assert len(delivered) == crowd.tally.deliveries >= 2
    assert set(delivered) == {("warehouse", "OFF001", "12")}


def test_a_refused_recommendation_is_counted_and_ends_the_visit():
    class Closed(MemoryShop):
        def recommend(self, user_id: str) -> Refused:
            return Refused("busy")

    tally = crowd_of(Closed([]), users=5)

    assert set(tally.refusals) == {"busy"}
    assert (tally.sessions, tally.departed) == (0, 0)


def test_visits_follow_the_hourly_profile_and_their_mean():
    arrivals = Arrivals(24.0, 0, DayFactors(Streams(5).generator("day")), Streams(5).generator("arrival"))
    now, hours = 0.0, Counter()
    while now < 200 * DAY_S:
        now = arrivals.next_after(now)
        hours[int(now % DAY_S // HOUR_S)] += 1

    visits = hours.total()
    assert visits == pytest.approx(200 * 24, rel=0.05)
    for hour, share in enumerate(HOURLY_SHARE):
        expected = visits * share / sum(HOURLY_SHARE)
        assert abs(hours[hour] - expected) < 5 * expected**0.5 + 20, hour


def test_a_time_of_day_drawn_evenly_spreads_as_the_profile():
    drawn = Counter(second_of_day((i + 0.5) / 10_000) // HOUR_S for i in range(10_000))

    assert [drawn[hour] / 100 for hour in range(24)] == pytest.approx(HOURLY_SHARE, abs=0.05)
    assert (second_of_day(0.0), second_of_day(1 - 2**-53)) == (0, DAY_S - 1)


def test_one_tenth_of_shoppers_makes_about_two_fifths_of_visits():
    population = Population(Streams(11), visits_per_day=4.0)
    visits = sorted((population.newcomer().visits_per_day for _ in range(4_000)), reverse=True)

    assert sum(visits) / len(visits) == pytest.approx(4.0, rel=0.06)
    assert 0.33 < sum(visits[:400]) / sum(visits) < 0.42


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
