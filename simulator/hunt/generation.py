"""Random scripts: few ids, so that steps meet; and bursts of steps, so that scripts grow long."""

from collections.abc import Collection

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from offerloop.offers.model import EventType
from simulator.hunt.script import (
    ChangeOffer,
    CreateExperiment,
    CreateOffer,
    Deliver,
    MinuteRules,
    Recommend,
    RemoveOffer,
    Restock,
    SetProfile,
    SetStock,
    StartExperiment,
    Step,
    StopExperiment,
    Stream,
    Track,
    Wait,
)
from simulator.hunt.weather import Weather

OFFERS = [f"offer-{letter}" for letter in "abcdef"]
USERS = ["ann", "bob", "eve"]
CATEGORIES = ["kites", "socks"]
EXPERIMENTS = ["exp-1", "exp-2"]
BURST, BURSTS = 12, 12  # hypothesis draws short lists: lists of lists average 25 steps

_HOUR, _DAY = 3_600, 24 * 3_600
_offer, _user, _category = st.sampled_from(OFFERS), st.sampled_from(USERS), st.sampled_from(CATEGORIES)
_experiment = st.sampled_from(EXPERIMENTS)
_end = st.sampled_from([None, 30, 2 * _HOUR, 5 * _DAY, 30 * _DAY])
_key = st.sampled_from([None, None, "k1"])
_stock = st.sampled_from([1, 2, 0, 150])


def scripts(weather: Collection[Weather]) -> SearchStrategy[list[Step]]:
    """Scripts of 0..144 steps, 25 on average."""
    bursts = st.lists(st.lists(steps(weather), max_size=BURST), max_size=BURSTS)
    return bursts.map(lambda bursts: [step for burst in bursts for step in burst])


def steps(weather: Collection[Weather]) -> SearchStrategy[Step]:
    """One step; deliveries and redemptions more often than others, since most goes wrong there."""
    delivery = deliveries(weather)
    create = st.builds(
        CreateOffer,
        offer=_offer,
        category=_category,
        priority=st.sampled_from([50, 60, 70]),
        stock=_stock,
        ends_after_s=_end,
        per_user=st.sampled_from([0, 1, 2]),
    )
    redeem = st.builds(Track, user=_user, offer=_offer, event=st.just(EventType.REDEMPTION), key=_key)
    return st.one_of(
        create,
        redeem,
        delivery,
        st.builds(Restock, offer=_offer, units=st.sampled_from([1, 2, 0]), key=_key),
        _changes(),
        delivery,
        st.builds(Track, user=_user, offer=_offer, event=st.sampled_from(EventType)),
        st.builds(Recommend, user=_user),
        create,
        redeem,
        delivery,
        st.builds(SetStock, offer=_offer, units=st.sampled_from([0, 1, 3])),
        st.builds(Wait, seconds=st.sampled_from([1, 30, 90, 600, _DAY, 6 * _DAY])),
        st.just(MinuteRules()),
        _experiments(),
        st.builds(RemoveOffer, offer=_offer),
        st.builds(SetProfile, user=_user, preferences=st.lists(_category, unique=True).map(tuple)),
        delivery,
    )


def _changes() -> SearchStrategy[Step]:
    return st.one_of(
        st.builds(ChangeOffer, offer=_offer, status=st.sampled_from(["PAUSED", "ACTIVE"])),
        st.builds(ChangeOffer, offer=_offer, priority=st.sampled_from([55, 95])),
        st.builds(ChangeOffer, offer=_offer, category=_category),
        st.builds(ChangeOffer, offer=_offer, ends_after_s=st.sampled_from([60, 3 * _DAY])),
    )


def _experiments() -> SearchStrategy[Step]:
    weights = st.sampled_from([(1_000, 2_000, 6_000, 1_000), (0, 0, 0, 10_000), (2_500, 2_500, 2_500, 2_500)])
    return st.one_of(
        st.builds(CreateExperiment, experiment=_experiment, weights_bp=weights),
        st.builds(StartExperiment, experiment=_experiment),
        st.builds(StopExperiment, experiment=_experiment),
    )


def deliveries(weather: Collection[Weather]) -> SearchStrategy[Step]:
    """One invocation of a consumer with at most as much trouble as the weather allows."""
    at = st.none() | st.integers(0, 12)
    trouble: dict[str, SearchStrategy[object]] = {}
    if Weather.DUPLICATES in weather:
        trouble |= {"again": st.integers(0, 3), "back": st.integers(0, 3)}
    if Weather.REORDERING in weather:
        trouble["shuffle"] = st.integers(0, 5)
    if Weather.CRASHES in weather:
        trouble["dies_after"] = at
    if Weather.FAILURES in weather:
        trouble |= {"fails_after": at, "refused": st.lists(st.integers(0, 2), max_size=2).map(tuple)}
    if Weather.OVERTAKING in weather:
        trouble["overtaken_at"] = at
    return st.builds(Deliver, stream=st.sampled_from(Stream), records=st.integers(1, 6), **trouble)
