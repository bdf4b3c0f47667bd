"""Memory against memory: the comparison is fair to equals, and names the step at which a wrong rule shows."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from offerloop.offers import choose_pivot, track_event
from offerloop.offers.model import Affinity, EventType
from simulator.hunt.script import Deliver, Step, Stream, Track
from simulator.hunt.system import STARTS_AT
from simulator.memory.activity import MemoryActivityStore
from simulator.memory.engagement import MemoryEngagementStore
from tests.twin.comparison import Difference, compare
from tests.twin.memory import MemoryDriver
from tests.twin.observation import Answer, Observation
from tests.twin.scenario import SEED, SHORT_SEED, SHORT_STEPS, STEPS, USERS, scripted_scenario


class WrongDriver(MemoryDriver):
    """A memory in which one rule of the product is another."""

    def __init__(self, change_rule: Callable[[pytest.MonkeyPatch], None]) -> None:
        super().__init__(STARTS_AT, USERS, name="wrong")
        self._change_rule = change_rule

    def perform(self, step: Step) -> Answer:
        with pytest.MonkeyPatch.context() as patch:
            self._change_rule(patch)
            return super().perform(step)

    def observe(self) -> Observation:
        with pytest.MonkeyPatch.context() as patch:
            self._change_rule(patch)
            return super().observe()


def right() -> MemoryDriver:
    return MemoryDriver(STARTS_AT, USERS, name="right")


def parted(change_rule: Callable[[pytest.MonkeyPatch], None]) -> Difference:
    found = compare(scripted_scenario(SEED), right(), WrongDriver(change_rule))
    assert found is not None
    return found


def test_equals_show_no_difference():
    assert compare(scripted_scenario(SEED), right(), right()) is None


def test_a_seed_writes_the_same_scenario_again_and_another_seed_another():
    assert scripted_scenario(SEED) == scripted_scenario(SEED)
    assert len(scripted_scenario(SEED)) == STEPS
    assert scripted_scenario(SEED) != scripted_scenario(SEED + 1)


@pytest.mark.parametrize(("seed", "steps"), [(SEED, STEPS), (SHORT_SEED, SHORT_STEPS)])
def test_the_scenario_has_everything_in_it(seed, steps):
    driver, refusals = right(), Counter()
    script = scripted_scenario(seed, steps)
    for step in script:
        refusals[driver.perform(step).get("refused")] += 1
        driver.observe()
    world = driver.system.world
    pivots = world.pivots.values()
    tallies = [tally for variants in world.tallies.values() for tally in variants.values()]

    assert {step.do for step in script} >= {
        *("create_offer", "change_offer", "restock", "set_profile", "recommend", "track", "set_stock"),
        *("create_experiment", "start_experiment", "stop_experiment", "deliver", "minute_rules"),
        "remove_offer",
    }
    assert {event.event_type for event in world.events.values()} == set(EventType)
    assert refusals.keys() >= {
        *("out_of_stock", "offer_not_active", "already_redeemed", "unknown_offer", "category_mismatch"),
        *("invalid_input", "offer_exists", "unknown_experiment", "experiment_not_ready"),
    }
    assert len(pivots) >= 15
    assert sum(bool(pivot.moved_from) for pivot in pivots) >= 2
    assert sum(pivot.is_open for pivot in pivots) >= 2
    assert sum(not pivot.is_open for pivot in pivots) >= 5
    assert len(tallies) == 2
    assert all(exposed >= 2 and converted >= 1 for exposed, converted in tallies)


# -- wrong rules -------------------------------------------------------------------------------------


def boosts_the_second_best(patch):
    choose = choose_pivot._next_best

    def second_best(category, from_offer, store, now, also_not=None):
        best = choose(category, from_offer, store, now, also_not)
        second = best and choose(category, from_offer, store, now, best.offer_id)
        return second or best

    patch.setattr(choose_pivot, "_next_best", second_best)


def ignores_dismissals(patch):
    patch.setattr(track_event, "DISMISSED_FOR_S", 0)


def takes_a_unit_twice(patch):
    take = MemoryActivityStore._take_unit

    def take_two(store, tracked):
        take(store, tracked)
        offer = store._world.offers[tracked.event.offer_id]
        left = max(0, offer.inventory_count - 1)
        store._world.put_offer(replace(offer, inventory_count=left))

    patch.setattr(MemoryActivityStore, "_take_unit", take_two)


def counts_duplicates(patch):
    count = MemoryEngagementStore.count

    def count_again(store, events, now):
        for event in events:
            store._world.counted_at.pop(event.event_id, None)
        return count(store, events, now)

    patch.setattr(MemoryEngagementStore, "count", count_again)


def learns_too_much_from_a_click(patch):
    learn = track_event.affinity_after

    def learn_more(affinity, event_type, now):
        learnt = learn(affinity, event_type, now)
        return Affinity(learnt.points + 1, now) if event_type is EventType.CLICK else learnt

    patch.setattr(track_event, "affinity_after", learn_more)


def test_a_boost_for_another_than_the_next_best_shows_at_the_first_choice():
    found = parted(boosts_the_second_best)

    assert "boost" in found.field or found.field.startswith("pivots from")


def test_a_dismissal_without_effect_shows_at_the_first_one_accepted():
    found = parted(ignores_dismissals)

    assert isinstance(found.step, Track)
    assert found.step.event is EventType.DISMISS
    assert found.step == next(
        step
        for step in scripted_scenario(SEED)
        if isinstance(step, Track) and step.event is EventType.DISMISS
    )


def test_a_unit_taken_twice_shows_at_the_first_redemption_that_leaves_some():
    found = parted(takes_a_unit_twice)

    assert isinstance(found.step, Track)
    assert found.step.event is EventType.REDEMPTION
    assert found.values["right"] == found.values["wrong"] + 1


def test_a_duplicate_that_is_counted_shows_at_a_redelivery_of_events():
    found = parted(counts_duplicates)

    assert isinstance(found.step, Deliver)
    assert found.step.stream in (Stream.OUTBOX, Stream.ENGAGEMENT)  # what is sent again is counted again
    assert found.field.startswith(("trending", "tallies"))


def test_an_affinity_of_a_wrong_weight_shows_at_the_first_click():
    found = parted(learns_too_much_from_a_click)

    assert isinstance(found.step, Track)
    assert found.step.event is EventType.CLICK
    assert found.field == f"shopper {found.step.user}: affinities: {found.step.category}"


def test_a_difference_is_told_by_step_and_field_with_both_values():
    found = parted(learns_too_much_from_a_click)

    user, offer, category = found.step.user, found.step.offer, found.step.category
    assert str(found).splitlines() == [
        f"step {found.number} (track user={user} offer={offer} event=CLICK category={category}): "
        f"shopper {user}: affinities: {category} differs",
        f"  right: {found.values['right']}",
        f"  wrong: {found.values['wrong']}",
    ]
