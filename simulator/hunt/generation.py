"""Random scripts, with few ids, so that steps meet."""

from collections.abc import Callable, Collection
from typing import Any

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

# Drawn more often the earlier they stand, so that steps meet on a few offers and boards still overflow.
OFFERS = [*("offer-a",) * 4, *("offer-b",) * 3, *("offer-c",) * 2, "offer-d", "offer-e", "offer-f"]
USERS = ["ann", "bob", "eve"]
CATEGORIES = ["kites", "kites", "socks"]
EXPERIMENTS = ["exp-1", "exp-1", "exp-2"]
LEAST, MOST = 15, 60  # phrases after the opening
LATEST_CALL = 12  # an invocation for one record makes about so many calls to stores

_HOUR, _DAY = 3_600, 24 * 3_600
_offer, _user, _category = st.sampled_from(OFFERS), st.sampled_from(USERS), st.sampled_from(CATEGORIES)
_experiment = st.sampled_from(EXPERIMENTS)
_key = st.sampled_from(["k1", "k1", "k2"])

Steps = SearchStrategy[Step]
Phrases = SearchStrategy[list[Step]]  # steps that belong together; most phrases are of one


def scripts(weather: Collection[Weather]) -> Phrases:
    """Scripts of some 35 steps.

    Each script uses only some kinds of steps: what rarely happens among all kinds often happens among few.

    Source:
        Groce et al. 2012, Swarm testing, ISSTA, doi:10.1145/2338965.2336763.
    """
    always = [_creation(), _deliveries(weather), _deliveries(weather), _redemption()]
    others = [*_of_the_shop(), *_of_shoppers(), *_of_time()]
    some = st.sets(st.sampled_from(range(len(others))))
    return some.flatmap(lambda chosen: _script_of([*always, *(others[at] for at in sorted(chosen))]))


def _script_of(kinds: list[Phrases]) -> Phrases:
    opening = st.lists(_creation(), min_size=1, max_size=6)  # an empty shop has nothing that could go wrong
    rest = st.lists(st.one_of(kinds), min_size=LEAST, max_size=MOST)
    return st.tuples(opening, rest).map(
        lambda parts: [step for part in parts for phrase in part for step in phrase]
    )


def _one(kind: Callable[..., Step], **fields: SearchStrategy[Any]) -> Phrases:
    return st.builds(kind, **fields).map(lambda step: [step])


def _repeated(request: Steps) -> Phrases:
    """A request under a key, once or twice."""
    return st.tuples(request, st.sampled_from([1, 2])).map(lambda drawn: [drawn[0]] * drawn[1])


def _creation(offer: SearchStrategy[str] = _offer) -> Phrases:
    return _one(
        CreateOffer,
        offer=offer,
        category=_category,
        priority=st.sampled_from([50, 60, 70]),
        stock=st.sampled_from([1, 1, 2, 0, 150]),
        ends_after_s=st.sampled_from([None, None, 30, 2 * _HOUR, 5 * _DAY, 30 * _DAY]),
        per_user=st.sampled_from([0, 1, 2]),
    )


def _redemption() -> Phrases:
    return _one(Track, user=_user, offer=_offer, event=st.just(EventType.REDEMPTION))


def _of_the_shop() -> list[Phrases]:
    weights = st.sampled_from([(1_000, 2_000, 6_000, 1_000), (0, 0, 0, 10_000), (2_500, 2_500, 2_500, 2_500)])
    begin = st.builds(CreateExperiment, experiment=_experiment, weights_bp=weights)
    whole_catalogue = st.tuples(*(_creation(st.just(offer)) for offer in dict.fromkeys(OFFERS)))
    return [
        whole_catalogue.map(lambda phrases: [step for phrase in phrases for step in phrase]),
        _one(Restock, offer=_offer, units=st.sampled_from([1, 2, 0])),
        _repeated(st.builds(Restock, offer=_offer, units=st.just(1), key=_key)),
        _one(SetStock, offer=_offer, units=st.sampled_from([0, 1, 3])),
        _one(RemoveOffer, offer=_offer),
        _one(ChangeOffer, offer=_offer, status=st.sampled_from(["PAUSED", "ACTIVE"])),
        _one(ChangeOffer, offer=_offer, priority=st.sampled_from([55, 95])),
        _one(ChangeOffer, offer=_offer, category=_category),
        _one(ChangeOffer, offer=_offer, ends_after_s=st.sampled_from([60, 3 * _DAY])),
        begin.map(lambda step: [step, StartExperiment(experiment=step.experiment)]),
        _one(StopExperiment, experiment=_experiment),
        _one(SetProfile, user=_user, preferences=st.lists(_category, unique=True).map(tuple)),
    ]


def _of_shoppers() -> list[Phrases]:
    return [
        _one(Track, user=_user, offer=_offer, event=st.sampled_from(EventType)),
        _repeated(st.builds(Track, user=_user, offer=_offer, event=st.sampled_from(EventType), key=_key)),
        _one(Recommend, user=_user),
    ]


def _of_time() -> list[Phrases]:
    return [
        _one(Wait, seconds=st.sampled_from([1, 30, 90, 600, _DAY, 6 * _DAY])),
        st.just([MinuteRules()]),
    ]


def _deliveries(weather: Collection[Weather]) -> Phrases:
    """One invocation of a consumer, calm or with one kind of trouble that the weather allows."""
    at = st.integers(0, LATEST_CALL)
    troubles: dict[Weather, dict[str, SearchStrategy[Any]]] = {
        Weather.DUPLICATES: {"again": st.integers(1, 3), "back": st.integers(0, 3)},
        Weather.REORDERING: {"shuffle": st.integers(1, 5)},
        Weather.CRASHES: {"dies_after": at},
        Weather.FAILURES: {"fails_after": at, "refused": st.sampled_from([(), (0,), (1,)])},
        Weather.OVERTAKING: {"records": st.just(1), "overtaken_at": st.integers(0, LATEST_CALL // 2)},
    }
    chosen = [troubles[kind] for kind in Weather if kind in weather]
    calm = {
        "stream": st.sampled_from([Stream.OFFERS] * 3 + list(Stream)),
        "records": st.sampled_from([1, 2, 6]),
    }
    return st.one_of([_one(Deliver, **calm | trouble) for trouble in ({}, *chosen)])
