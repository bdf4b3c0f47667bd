"""Random scripts, with few ids, so that steps meet."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from offerloop.offers.model import EventType
from offerloop.standins.payments import Mode
from simulator.hunt.code_steps import AddCodes, ClaimCode, CreatePool, WithdrawCode
from simulator.hunt.script import (
    AdvanceOrder,
    CancelOrder,
    ChangeOffer,
    ChangeProduct,
    CreateExperiment,
    CreateOffer,
    CreateProduct,
    Deliver,
    Line,
    LoseWork,
    MinuteRules,
    PaymentsBehave,
    PlaceOrder,
    Recommend,
    RefundOrder,
    RemoveOffer,
    RemoveProduct,
    RepeatCharge,
    Restock,
    RestockProduct,
    Rival,
    SetProductStock,
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
PRODUCTS = [*("lamp",) * 3, "sofa"]
ORDERS = [*("o1",) * 3, *("o2",) * 2, "o3"]
CALM_STEPS = [0, 1, 2, 3, 3, 3, 3, 4]  # of an order, before one with trouble: most often its payment
POOL = "spring"
UNTIL_HELD, STAGES = 3, 5  # steps of an order until it has its holds, and until it is completed
MOST_CODES = 6  # numbers of codes that scripts know
PHONE = "+447700900123"
LEAST, MOST = 15, 60  # phrases after the opening
LATEST_CALL = 12  # an invocation for one record makes about so many calls to stores
LATEST_CALL_FOR_AN_ORDER = 2

_HOUR, _DAY = 3_600, 24 * 3_600
_offer, _user, _category = st.sampled_from(OFFERS), st.sampled_from(USERS), st.sampled_from(CATEGORIES)
_experiment = st.sampled_from(EXPERIMENTS)
_product, _order = st.sampled_from(PRODUCTS), st.sampled_from(ORDERS)
_key = st.sampled_from(["k1", "k1", "k2"])
_CONTEST: dict[str, SearchStrategy[Any]] = {
    "overtaken_at": st.integers(0, LATEST_CALL_FOR_AN_ORDER),
    "overtaken_by": st.sampled_from(
        [(rival, *after) for rival in Rival for after in ((), (Rival.FOLLOW_UPS,), (Rival.PROCESSOR,))]
    ),
}

Steps = SearchStrategy[Step]
Phrases = SearchStrategy[list[Step]]  # steps that belong together; most phrases are of one


def scripts(weather: Collection[Weather]) -> Phrases:
    """Scripts of some 35 steps: of offers, half with orders, a quarter with orders, codes and points.

    Each script uses only some kinds of steps: what rarely happens among all kinds often happens among few.

    Source:
        Groce et al. 2012, Swarm testing, ISSTA, doi:10.1145/2338965.2336763.
    """
    offers = [*_of_the_shop(), *_of_shoppers(), *_of_time()]
    without_orders = _scripts_of(
        opening=st.lists(_creation(), min_size=1, max_size=6),  # an empty shop can do nothing wrong
        always=[_creation(), _deliveries(weather), _deliveries(weather), _redemption()],
        others=offers,
    )
    of_orders = [*offers, _deliveries(weather), *_of_orders(weather)]
    with_orders = _scripts_of(opening=st.tuples(*_shelf()), always=_orders(weather), others=of_orders)
    with_rewards = _scripts_of(
        opening=st.tuples(*_shelf(), _pool_creation(), _savings()),
        always=[*_orders(weather, with_rewards=True), _claim()],
        others=[*of_orders, *_of_codes()],
    )
    return st.one_of(without_orders, with_orders, with_orders, with_rewards)


def _scripts_of(
    opening: SearchStrategy[Any], always: Sequence[Phrases], others: Sequence[Phrases]
) -> Phrases:
    some = st.sets(st.sampled_from(range(len(others))))
    return some.flatmap(lambda chosen: _script_of(opening, [*always, *(others[at] for at in sorted(chosen))]))


def _script_of(opening: SearchStrategy[Any], kinds: list[Phrases]) -> Phrases:
    rest = st.lists(st.one_of(kinds), min_size=LEAST, max_size=MOST)
    return st.tuples(opening, rest).map(
        lambda parts: [step for part in parts for phrase in part for step in phrase]
    )


def _one(kind: Callable[..., Step], **fields: SearchStrategy[Any]) -> Phrases:
    return st.builds(kind, **fields).map(lambda step: [step])


def _repeated(request: Steps) -> Phrases:
    """A request under a key, once or twice."""
    return st.tuples(request, st.sampled_from([1, 2])).map(lambda drawn: [drawn[0]] * drawn[1])


def _creation(offer: SearchStrategy[str] = _offer, category: SearchStrategy[str] = _category) -> Phrases:
    return _one(
        CreateOffer,
        offer=offer,
        category=category,
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
    """One invocation of a consumer of offers, calm or with one kind of trouble that the weather allows."""
    streams = [*[Stream.OFFERS] * 4, Stream.OUTBOX, Stream.ENGAGEMENT, Stream.EXPERIMENTS]
    return _delivery(streams, weather)


def _delivery(streams: Sequence[Stream], weather: Collection[Weather]) -> Phrases:
    at = st.integers(0, LATEST_CALL)
    troubles: dict[Weather, dict[str, SearchStrategy[Any]]] = {
        Weather.DUPLICATES: {"again": st.integers(1, 3), "back": st.integers(0, 3)},
        Weather.REORDERING: {"shuffle": st.integers(1, 5)},
        Weather.CRASHES: {"dies_after": at},
        Weather.FAILURES: {"fails_after": at, "refused": st.sampled_from([(), (0,), (1,)])},
        Weather.OVERTAKING: {"records": st.just(1), "overtaken_at": st.integers(0, LATEST_CALL // 2)},
    }
    chosen = [trouble for kind, trouble in troubles.items() if kind in weather]
    calm = {"stream": st.sampled_from(streams), "records": st.sampled_from([1, 2, 6])}
    return st.one_of([_one(Deliver, **calm | trouble) for trouble in ({}, *chosen)])


# -- orders ------------------------------------------------------------------------------------------


def _shelf() -> list[Phrases]:
    """Two products, and offers for the one that is mostly bought."""
    kites = st.just("kites")
    lamps, sofas = _product_creation(st.just("lamp"), kites), _product_creation(st.just("sofa"), _category)
    return [lamps, sofas, *(_creation(st.just(offer), kites) for offer in ("offer-a", "offer-b"))]


def _product_creation(product: SearchStrategy[str], category: SearchStrategy[str]) -> Phrases:
    return _one(
        CreateProduct,
        product=product,
        category=category,
        price=st.sampled_from([1_000, 999, 1]),
        stock=st.sampled_from([50, 50, 5, 2, 1]),
    )


def _orders(weather: Collection[Weather], *, with_rewards: bool = False) -> list[Phrases]:
    return [
        *[_life_of_an_order(weather, with_rewards=with_rewards)] * 5,
        _advances(weather),
        *[_order_deliveries(weather)] * 2,
    ]


def _held() -> Phrases:
    return st.just([AdvanceOrder(order=ORDERS[0])] * UNTIL_HELD)


def _life_of_an_order(weather: Collection[Weather], *, with_rewards: bool) -> Phrases:
    """An order is placed, goes on by some steps or by itself, and is called off or given back, or not."""
    placing = _placing_with_rewards() if with_rewards else _placing()
    published: Step = Deliver(stream=Stream.OUTBOX, records=6)
    by_itself: Phrases = st.just([published, Deliver(stream=Stream.WORK, records=6)])
    nothing: Phrases = st.just([])
    ways = [
        st.tuples(by_itself, _refund(weather)),
        *([st.tuples(_held(), _cancel(weather))] if with_rewards else []),
        *[st.tuples(_advances(weather), st.one_of(nothing, _cancel(weather), _refund(weather)))] * 2,
    ]
    if Weather.LOSSES in weather:
        ways.append(st.tuples(st.just([published, LoseWork()]), nothing))
    # Not `flatmap` on the order: making strategies for each draw takes longer than performing a script.
    return st.tuples(_order, placing, st.one_of(ways)).map(
        lambda drawn: [_about(drawn[0], step) for phrase in (drawn[1], *drawn[2]) for step in phrase]
    )


def _about(order: str, step: Step) -> Step:
    return step.model_copy(update={"order": order}) if "order" in step.model_fields_set else step


def _placing(**paid_with: SearchStrategy[Any]) -> Phrases:
    offers = [None, None, None, None, "offer-a", "offer-a", "offer-b"]
    line = st.builds(Line, product=_product, units=st.sampled_from([1, 1, 2]), offer=st.sampled_from(offers))
    return _repeated(
        st.builds(
            PlaceOrder,
            order=_order,
            user=_user,
            lines=st.lists(line, min_size=1, max_size=3).map(tuple),
            phone=st.sampled_from([None, PHONE]),
            key=st.sampled_from([None, None, None, "k1", "k2"]),
            **paid_with,
        )
    )


def _placing_with_rewards() -> Phrases:
    """A customer claims a code, or not, and pays with the last one, with points, both or neither."""
    placing = _placing(points=st.sampled_from([0, 0, 1, 50, 50, 100]))
    whose = st.sampled_from(["nobody", "somebody", *("own",) * 4])
    return st.tuples(_claim(), placing, whose, _user).map(_paid_with_a_code)


def _paid_with_a_code(drawn: tuple[list[Step], list[Step], str, str]) -> list[Step]:
    claims, orders, whose, somebody = drawn
    [customer] = {order.user for order in orders if isinstance(order, PlaceOrder)}
    code_of = {"own": customer, "somebody": somebody, "nobody": None}[whose]
    claimed = [claim.model_copy(update={"user": customer}) for claim in claims if whose == "own"]
    return [*claimed, *[order.model_copy(update={"code_of": code_of}) for order in orders]]


def _advances(weather: Collection[Weather]) -> Phrases:
    """Some calm steps of processors, of which an order takes five, and one with trouble or without."""
    at = st.integers(0, 2)
    troubles: list[dict[str, SearchStrategy[Any]]] = [{}]
    if Weather.CRASHES in weather:
        troubles.append({"dies_after": at})
    if Weather.FAILURES in weather:
        troubles.append({"fails_after": at})
    if Weather.OVERTAKING in weather:
        troubles += [_CONTEST] * 2
    last = st.one_of([st.builds(AdvanceOrder, order=_order, **trouble) for trouble in troubles])
    return st.tuples(st.sampled_from(CALM_STEPS), last).map(
        lambda drawn: [*[AdvanceOrder(order=drawn[1].order)] * drawn[0], drawn[1]]
    )


def _cancel(weather: Collection[Weather]) -> Phrases:
    return st.one_of([_one(CancelOrder, order=_order, **contest) for contest in _contests(weather)])


def _refund(weather: Collection[Weather]) -> Phrases:
    lines = st.lists(st.tuples(_product, st.sampled_from([1, 1, 2])), max_size=2).map(tuple)
    key = st.sampled_from([None, "k1", "k2"])
    calm = st.builds(RefundOrder, order=_order, lines=lines, key=key)
    contested = st.builds(RefundOrder, order=_order, lines=lines, **_CONTEST)
    return _repeated(st.one_of(calm, contested) if Weather.OVERTAKING in weather else calm)


# -- codes -------------------------------------------------------------------------------------------


def _pool_creation() -> Phrases:
    return _one(
        CreatePool,
        pool=st.just(POOL),
        amount=st.sampled_from([100, 1, 5_000]),
        codes=st.sampled_from([1, 2, MOST_CODES]),
        per_holder=st.sampled_from([0, 0, 1]),
    )


def _savings() -> Phrases:
    """Somebody has points from an order that was completed."""
    lamps = (Line(product=PRODUCTS[0], units=2),)
    earning = st.builds(PlaceOrder, order=_order, user=_user, lines=st.just(lamps))
    return earning.map(
        lambda order: [
            order,
            *[AdvanceOrder(order=order.order)] * STAGES,
            Deliver(stream=Stream.ENDED_ORDERS, records=1),
        ]
    )


def _claim() -> Phrases:
    key = st.sampled_from([None, None, "k1", "k2"])
    return _repeated(st.builds(ClaimCode, user=_user, pool=st.just(POOL), key=key))


def _of_codes() -> list[Phrases]:
    number = st.integers(0, MOST_CODES - 1)
    return [
        _one(AddCodes, pool=st.just(POOL), first=number, codes=st.sampled_from([1, 2])),
        _one(WithdrawCode, number=number),
    ]


def _contests(weather: Collection[Weather]) -> list[dict[str, SearchStrategy[Any]]]:
    return [{}, _CONTEST] if Weather.OVERTAKING in weather else [{}]


def _order_deliveries(weather: Collection[Weather]) -> Phrases:
    queues = [Stream.OUTBOX] * 2 + [Stream.WORK] * 2 + [Stream.DEAD_LETTERS] + [Stream.FOLLOW_UPS] * 2
    queues.append(Stream.ENDED_ORDERS)
    return _delivery(queues, weather)


def _of_orders(weather: Collection[Weather]) -> list[Phrases]:
    modes = list(Mode) if Weather.FAILURES in weather else [Mode.APPROVE, Mode.DECLINE]
    kinds: list[Phrases] = [
        _product_creation(_product, _category),
        _one(RestockProduct, product=_product, units=st.sampled_from([1, 3])),
        _repeated(st.builds(RestockProduct, product=_product, units=st.just(1), key=_key)),
        _one(ChangeProduct, product=_product, status=st.sampled_from(["DISCONTINUED", "ACTIVE"])),
        _one(ChangeProduct, product=_product, price=st.sampled_from([500, 1_000])),
        _one(ChangeProduct, product=_product, category=_category),
        _one(SetProductStock, product=_product, units=st.sampled_from([0, 1, 3])),
        _one(RemoveProduct, product=_product),
        _one(PaymentsBehave, mode=st.sampled_from(modes), seed=st.integers(0, 3)),
        _cancel(weather),
        _refund(weather),
    ]
    if Weather.DUPLICATES in weather:
        kinds.append(_one(RepeatCharge, order=_order))
    return kinds
