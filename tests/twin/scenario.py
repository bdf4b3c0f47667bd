"""The scripted scenario of the twin test: some hundred steps that a seed chooses, with everything in them."""

import random
from collections.abc import Callable

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
)

STEPS, SEED = 300, 21  # this seed has sell-outs, moved boosts and refusals of every kind
SHORT_STEPS, SHORT_SEED = 140, 181  # and so has this one, for LocalStack: a step there takes two seconds
CATEGORIES = ["kites", "socks", "tents"]  # no more than can trend at once, so that near ties decide nothing
USERS = ["ann", "bob", "cyd", "dan", "eve", "fay"]
DAY_S = 24 * 3_600
BROWSED = [EventType.VIEW] * 4 + [EventType.CLICK] * 3 + [EventType.ADD_TO_CART] * 2 + [EventType.DISMISS]
EXPERIMENT = "more-urgency"


def scripted_scenario(seed: int, steps: int = STEPS) -> list[Step]:
    """A catalogue, six users and their preferences; then everything that happens to them, in random order.

    Offers end beyond the urgency window, so that no score depends on when a step is done.
    """
    author = _Author(seed)
    script = author.opening()
    fixed: dict[int, Step] = {
        steps // 4: CreateExperiment(experiment=EXPERIMENT, weights_bp=(1_000, 2_000, 6_000, 1_000)),
        steps // 4 + 1: StartExperiment(experiment=EXPERIMENT),
        steps // 2: RemoveOffer(offer="T003"),
        3 * steps // 4: StopExperiment(experiment=EXPERIMENT),
        3 * steps // 4 + 1: StopExperiment(experiment=EXPERIMENT),  # refused: it is stopped
    }
    while len(script) < steps:
        script.append(fixed.get(len(script)) or author.next_step())
    return script


class _Author:
    """Chooses steps; knows what it has written so far, not what became of it."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self._category_of: dict[str, str] = {}
        self._keyed: list[Step] = []
        self._wrongs = 0
        self._kinds: dict[Callable[[], Step], int] = {
            self._browse: 24,
            self._redeem: 26,
            self._recommend: 4,
            self._restock: 8,
            self._sell_out: 9,
            self._change: 8,
            self._create: 3,
            self._redeliver: 10,
            self._wrong: 6,
            self._repeat_with_key: 3,
            MinuteRules: 2,
        }

    def opening(self) -> list[Step]:
        profiles: list[Step] = [
            SetProfile(user=user, preferences=tuple(self._rng.sample(CATEGORIES, self._rng.randrange(3))))
            for user in USERS[:4]
        ]
        return [*(self._create() for _ in range(12)), *profiles]

    def next_step(self) -> Step:
        [make] = self._rng.choices(list(self._kinds), list(self._kinds.values()))
        return make()

    def _offer(self) -> str:
        return self._rng.choice(list(self._category_of))

    def _create(self) -> Step:
        offer, category = f"T{len(self._category_of):03d}", self._rng.choice(CATEGORIES)
        self._category_of[offer] = category
        return CreateOffer(
            offer=offer,
            category=category,
            priority=self._rng.randrange(101),
            stock=self._rng.choice([1, 1, 2, 3, 40, 99, 102, 250]),
            ends_after_s=self._rng.choice([None, self._rng.randrange(20, 90) * DAY_S]),
            per_user=self._rng.choice([0, 1, 2, 5]),
        )

    def _track(self, event: EventType, key: str | None = None) -> Step:
        offer = self._offer()
        category = self._category_of[offer]
        return Track(user=self._rng.choice(USERS), offer=offer, event=event, category=category, key=key)

    def _browse(self) -> Step:
        return self._track(self._rng.choice(BROWSED))

    def _redeem(self) -> Step:
        return self._track(EventType.REDEMPTION)

    def _recommend(self) -> Step:
        return Recommend(user=self._rng.choice([*USERS, "somebody-new"]))

    def _restock(self) -> Step:
        return Restock(offer=self._offer(), units=self._rng.choice([1, 2, 5, 60]))

    def _sell_out(self) -> Step:
        return SetStock(offer=self._offer(), units=self._rng.choice([0, 0, 0, 1, 7]))

    def _change(self) -> Step:
        offer = self._offer()
        match self._rng.randrange(5):
            case 0:
                return ChangeOffer(offer=offer, priority=self._rng.randrange(101))
            case 1:
                category = self._category_of[offer] = self._rng.choice(CATEGORIES)
                return ChangeOffer(offer=offer, category=category)
            case 2:
                return ChangeOffer(offer=offer, ends_after_s=self._rng.randrange(20, 90) * DAY_S)
            case number:
                return ChangeOffer(offer=offer, status="PAUSED" if number == 3 else "ACTIVE")

    def _redeliver(self) -> Step:
        """A consumer is given what it was given before."""
        stream = self._rng.choice([Stream.OFFERS, Stream.ENGAGEMENT, Stream.OUTBOX])
        again, back = self._rng.randrange(1, 9), self._rng.choice([0, 0, 5, 30])
        return Deliver(stream=stream, records=0, again=again, back=back)

    def _repeat_with_key(self) -> Step:
        """A request under an Idempotency-Key, or one of those again."""
        if self._keyed and self._rng.random() < 0.6:
            return self._rng.choice(self._keyed)
        key = f"key-{len(self._keyed)}"
        offer = self._offer()
        step = self._rng.choice(
            [self._track(EventType.REDEMPTION, key), Restock(offer=offer, units=3, key=key)]
        )
        self._keyed.append(step)
        return step

    def _wrong(self) -> Step:
        """A request that is refused; each kind in turn."""
        offer, user = self._offer(), self._rng.choice(USERS)
        elsewhere = CATEGORIES[CATEGORIES.index(self._category_of[offer]) - 1]
        self._wrongs += 1
        return [
            Track(user=user, offer="NO-SUCH", event=EventType.VIEW, category="kites"),
            Track(user=user, offer=offer, event=EventType.CLICK, category=elsewhere),
            Restock(offer=offer, units=0),
            Restock(offer="NO-SUCH", units=1),
            ChangeOffer(offer="NO-SUCH", priority=1),
            CreateOffer(offer="T000", category="kites", priority=1, stock=1),
            StartExperiment(experiment="no-such"),
            StartExperiment(experiment=EXPERIMENT),
        ][self._wrongs % 8]
