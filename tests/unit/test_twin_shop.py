"""What the twin's shop sells, refills and loses."""

from itertools import pairwise
from typing import Any

from offerloop.offers.model import OfferStatus
from simulator.arrivals import DAY_S, HOUR_S
from simulator.scenario import Scenario, load_scenario
from simulator.shoppers.streams import Streams
from simulator.twin import EventKind, Twin
from simulator.twin.catalogue import Catalogue, offer_id
from simulator.twin.twin import MONDAY_MS
from tests.unit.test_twin import told

NOW = MONDAY_MS // 1_000


def shop(**overrides: Any) -> Scenario:
    keys = {"days": 3, "warm_up_days": 0, "population.users": 60, "population.visits_per_day": 3.0}
    given = {key.replace("__", "."): value for key, value in overrides.items()}
    return load_scenario("baseline", {**keys, **given})


def test_an_offer_depends_on_seed_and_number_alone():
    scenario = shop()
    catalogues = [Catalogue(scenario, Streams(seed)) for seed in (1, 1, 2)]
    numbers = range(100)
    offers = [
        [catalogues[0].offer(number, NOW) for number in numbers],
        [catalogues[1].offer(number, NOW) for number in reversed(numbers)][::-1],
        [catalogues[2].offer(number, NOW) for number in numbers],
    ]

    assert offers[0] == offers[1] != offers[2]


def test_offers_lie_within_the_scenarios_ranges_and_categories_take_turns():
    scenario = shop()
    section, units = scenario.catalogue, scenario.stock.units
    offers = list(Catalogue(scenario, Streams(1)).at_first(NOW))

    assert len(offers) == section.offers
    for number, offer in enumerate(offers):
        assert offer.offer_id == offer_id(number)
        assert offer.category == section.categories[number % len(section.categories)]
        assert section.priority.low <= offer.priority <= section.priority.high
        percent, rest = divmod(offer.discount_hundredths, 100)
        assert section.discount_percent.low <= percent <= section.discount_percent.high
        assert rest == 0
        assert units.low <= offer.inventory_count == offer.received_count <= units.high
        assert offer.expires_at is not None
        assert 0 < offer.expires_at - NOW <= section.lifetime_days.high * DAY_S


def test_an_offer_that_ends_is_followed_by_a_new_one_of_its_category_within_a_minute():
    scenario = shop(catalogue__lifetime_days={"low": 1, "high": 1})
    events, _ = told(scenario)
    created = {
        offer: (at, category) for at, kind, _, offer, category in events if kind == EventKind.OFFER_CREATED
    }
    ended = {offer: at for at, kind, _, offer, _ in events if kind == EventKind.OFFER_EXPIRED}

    assert len(ended) > 100
    for offer, at_ms in ended.items():
        assert created[offer + scenario.catalogue.offers] == (at_ms, created[offer][1])


def test_without_replacement_shelves_empty():
    twin = Twin(
        shop(catalogue__lifetime_days={"low": 1, "high": 1}, catalogue__replace_ended=False), 1, 0, None
    )
    summary = twin.run()

    assert summary.hours[-1].offers_in_stock == 0
    assert summary.totals.empty_lists > 0
    statuses = {offer.status for offer in twin.system.world.offers.values()}
    assert statuses == {OfferStatus.EXPIRED}


def test_cold_offers_appear_when_the_warm_up_has_ended():
    events, summary = told(
        shop(warm_up_days=1, catalogue__cold_start_share=0.4, catalogue__lifetime_days=None)
    )
    created = [(at, offer) for at, kind, _, offer, _ in events if kind == EventKind.OFFER_CREATED]

    assert [offer for at, offer in created if at == MONDAY_MS] == list(range(30))
    assert [offer for at, offer in created if at == summary.counted_from_ms] == list(range(30, 50))


SCARCE: dict[str, Any] = {
    "population.users": 300,
    "stock.units": {"low": 20, "high": 20},
    "catalogue.lifetime_days": None,
}


def test_an_offer_that_runs_low_is_refilled_to_its_first_units_after_the_lead_time():
    restock = {"check_every_hours": 2, "below_units": 5, "lead_time_hours": 3}
    events, summary = told(shop(**SCARCE, stock__restock=restock))
    deliveries = [(at, offer, units) for at, kind, _, offer, units in events if kind == EventKind.RESTOCKED]

    assert deliveries
    assert all((at - MONDAY_MS) // 1_000 % (2 * HOUR_S) == HOUR_S for at, _, _ in deliveries)
    assert all(15 < units <= 20 for _, _, units in deliveries)
    assert sum(units for _, _, units in deliveries) == summary.totals.units_restocked


def test_without_restocking_what_sold_out_stays_sold_out():
    _, summary = told(shop(**SCARCE, stock__restock=None))
    left = [hour.units_left for hour in summary.hours]

    assert all(later <= earlier for earlier, later in pairwise(left))
    assert summary.totals.redemptions == 50 * 20 - left[-1]
    assert summary.totals.stockouts == 50 - summary.hours[-1].offers_in_stock


def test_a_shock_takes_stock_from_every_offer_at_midnight_and_nothing_comes_while_it_lasts():
    restock = {"check_every_hours": 1, "below_units": 20, "lead_time_hours": 0}
    scenario = shop(
        **SCARCE,
        arrivals__starts_at_hour=6,
        stock__restock=restock,
        stock__shock={"day": 1, "days": 1, "factor": 0.5},
    )
    events, summary = told(scenario)
    midnight_ms = MONDAY_MS + DAY_S * 1_000
    shocked = {offer: left for at, kind, _, offer, left in events if kind == EventKind.SHOCK}
    restocked_at = [at for at, kind, *_ in events if kind == EventKind.RESTOCKED]

    assert {at for at, kind, *_ in events if kind == EventKind.SHOCK} == {midnight_ms}
    assert len(shocked) == 50
    assert all(0 <= left <= 10 for left in shocked.values())
    assert summary.totals.units_lost > 0
    assert any(at < midnight_ms for at in restocked_at)
    assert not any(midnight_ms < at < midnight_ms + DAY_S * 1_000 for at in restocked_at)
    assert any(at >= midnight_ms + DAY_S * 1_000 for at in restocked_at)
