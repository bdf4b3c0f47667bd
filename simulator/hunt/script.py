"""Scripts: what people do with the shop and what the cloud does to deliveries, step by step, as data.

The same steps are performed by the memory (simulator/hunt/system.py) and, but for those of the weather, by
a deployed system (tests/twin/deployed.py). Times are seconds after the start of the script, so that a
script means the same whenever it is performed.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from offerloop.offers.model import EventType
from offerloop.standins.payments import Mode
from simulator.hunt.code_steps import AddCodes, ClaimCode, CreatePool, WithdrawCode
from simulator.hunt.step import BaseStep, Count, Name, Price, Priority, Seconds, Units


class Stream(StrEnum):
    """What is delivered to a consumer."""

    OFFERS = "offers"  # the table's stream -> watch_inventory
    OUTBOX = "outbox"  # new messages -> publish
    ENGAGEMENT = "engagement"  # Kinesis -> count_engagement
    EXPERIMENTS = "experiments"  # stored steps of an experiment -> prepare_experiment
    ENDED_ORDERS = "ended_orders"  # the table's stream, of orders that ended -> settle_rewards
    WORK = "work"  # queue of orders to carry on -> process_order
    DEAD_LETTERS = "dead_letters"  # the same queue's messages, received too often -> give_up
    FOLLOW_UPS = "follow_ups"  # queue of notices, settlements and redemptions -> what each asks for


QUEUES = frozenset({Stream.WORK, Stream.DEAD_LETTERS, Stream.FOLLOW_UPS})


class Rival(StrEnum):
    """Who is at work on an order in the middle of somebody else's call, from beginning to end."""

    PROCESSOR = "processor"
    CANCEL = "cancel"
    REFUND = "refund"  # of all that is left
    RECONCILER = "reconciler"
    LATE_SWEEPER = "late_sweeper"  # when holds have ended: the call has stood still for so long
    FOLLOW_UPS = "follow_ups"  # what was written is published, and what follows from orders is done


# -- the shop's own server ---------------------------------------------------------------------------


class CreateOffer(BaseStep):
    """Create an offer; *ends_after_s* None = it has no end."""

    do: Literal["create_offer"] = "create_offer"
    offer: Name
    category: Name
    priority: Priority
    stock: Units
    ends_after_s: Seconds | None = None
    per_user: Count = 1


class ChangeOffer(BaseStep):
    """Set those attributes of an offer that are given."""

    do: Literal["change_offer"] = "change_offer"
    offer: Name
    priority: Priority | None = None
    category: Name | None = None
    status: Literal["ACTIVE", "PAUSED"] | None = None
    ends_after_s: Seconds | None = None


class Restock(BaseStep):
    """Add units under an optional Idempotency-Key."""

    do: Literal["restock"] = "restock"
    offer: Name
    units: Units
    key: Name | None = None


class SetProfile(BaseStep):
    """A user's preferred categories, as they come from outside."""

    do: Literal["set_profile"] = "set_profile"
    user: Name
    preferences: tuple[Name, ...] = ()


class CreateExperiment(BaseStep):
    """Draft an experiment of the control weights against others, half and half."""

    do: Literal["create_experiment"] = "create_experiment"
    experiment: Name
    weights_bp: tuple[int, int, int, int]


class StartExperiment(BaseStep):
    do: Literal["start_experiment"] = "start_experiment"
    experiment: Name


class StopExperiment(BaseStep):
    do: Literal["stop_experiment"] = "stop_experiment"
    experiment: Name


class CreateProduct(BaseStep):
    do: Literal["create_product"] = "create_product"
    product: Name
    category: Name
    price: Price
    stock: Units


class ChangeProduct(BaseStep):
    """Set those attributes of a product that are given."""

    do: Literal["change_product"] = "change_product"
    product: Name
    category: Name | None = None
    price: Price | None = None
    status: Literal["ACTIVE", "DISCONTINUED"] | None = None


class RestockProduct(BaseStep):
    """Add units to a product under an optional Idempotency-Key."""

    do: Literal["restock_product"] = "restock_product"
    product: Name
    units: Units
    key: Name | None = None


class ContestedStep(BaseStep):
    """A call about an order in whose middle others are at work on it.

    Attributes:
        order: its name in the script; that of several orders is the latest one's.
        overtaken_at: at this call to a store or to the payment service, those of *overtaken_by* come in
            between, one after the other.
    """

    order: Name
    overtaken_at: Count | None = None
    overtaken_by: tuple[Rival, ...] = ()


class RefundOrder(ContestedStep):
    """Give back units by product, or all that is left, under an optional Idempotency-Key."""

    do: Literal["refund_order"] = "refund_order"
    lines: tuple[tuple[Name, Units], ...] = ()
    key: Name | None = None

    @property
    def body(self) -> str:
        return f"{self.order} {self.lines}"


# -- shoppers ----------------------------------------------------------------------------------------


class Recommend(BaseStep):
    do: Literal["recommend"] = "recommend"
    user: Name


class Track(BaseStep):
    """One event; *category* None = the offer's own, as an honest client says it."""

    do: Literal["track"] = "track"
    user: Name
    offer: Name
    event: EventType
    category: Name | None = None
    key: Name | None = None


class Line(BaseModel):
    """Units of one product, each at an offer's discount where there is one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    product: Name
    units: Units = 1
    offer: Name | None = None


class PlaceOrder(BaseStep):
    """An order at the catalogue's prices, under an optional Idempotency-Key.

    Attributes:
        order: what the script calls it.
        code_of: whose last claimed promo code is used; None = none is.
        points: to pay with, as far as anything is left to pay.
    """

    do: Literal["place_order"] = "place_order"
    order: Name
    user: Name
    lines: tuple[Line, ...]
    phone: Name | None = None
    key: Name | None = None
    code_of: Name | None = None
    points: Units = 0

    @property
    def body(self) -> str:
        return f"{self.order} {self.user} {self.lines} {self.phone} {self.code_of} {self.points}"


class CancelOrder(ContestedStep):
    do: Literal["cancel_order"] = "cancel_order"


# -- others who write to the tables ------------------------------------------------------------------


class SetStock(BaseStep):
    """A foreign client sets an existing offer's stock directly in the table."""

    do: Literal["set_stock"] = "set_stock"
    offer: Name
    units: Units


class RemoveOffer(BaseStep):
    """TTL or a foreign client removes an offer's row; its id is not used again."""

    do: Literal["remove_offer"] = "remove_offer"
    offer: Name


class SetProductStock(BaseStep):
    """A foreign client sets a product's free units directly in the table, and books them as received."""

    do: Literal["set_product_stock"] = "set_product_stock"
    product: Name
    units: Units


class RemoveProduct(BaseStep):
    """A foreign client removes a product's row; its id is not used again."""

    do: Literal["remove_product"] = "remove_product"
    product: Name


class PaymentsBehave(BaseStep):
    """How the payment service meets new charges from now on; *seed* decides what a time-out loses."""

    do: Literal["payments_behave"] = "payments_behave"
    mode: Mode
    seed: Count = 0


class RepeatCharge(BaseStep):
    """A proxy sends an order's charge to the payment service once more, however late."""

    do: Literal["repeat_charge"] = "repeat_charge"
    order: Name


# -- the cloud ---------------------------------------------------------------------------------------


class Wait(BaseStep):
    do: Literal["wait"] = "wait"
    seconds: Seconds


class MinuteRules(BaseStep):
    """The rules that run every minute: offers that are due end, messages that wait are relayed, orders
    that hold stock for too long fail, and forgotten ones are taken up."""

    do: Literal["minute_rules"] = "minute_rules"


class Deliver(BaseStep):
    """One invocation of a consumer, in whatever weather.

    Attributes:
        records: how many waiting records the batch takes.
        again: how many records that were delivered before come first; *back*: leaving out so many of the
            latest.
        shuffle: number of a random order of the keys, in which records are taken; those of one key keep
            theirs. 0 = as they were written.
        dies_after: the process ends after so many writes, or at its end: the whole batch waits again.
        fails_after: a store refuses one write after so many, and again after as many more: the consumer
            goes on record by record and reports the first that failed.
        overtaken_at: at this call to a store, another invocation takes what waits of other keys and runs
            to its end.
        refused: numbers of the messages in the batch that the transport does not accept.
    """

    do: Literal["deliver"] = "deliver"
    stream: Stream
    records: Count = 1
    again: Count = 0
    back: Count = 0
    shuffle: Count = 0
    dies_after: Count | None = None
    fails_after: Count | None = None
    overtaken_at: Count | None = None
    refused: tuple[Count, ...] = ()


class AdvanceOrder(ContestedStep):
    """One step of a processor at work on an order; there may be as many as messages were delivered.

    Attributes:
        dies_after, fails_after: see `Deliver`; charges are writes as well.
    """

    do: Literal["advance_order"] = "advance_order"
    dies_after: Count | None = None
    fails_after: Count | None = None


class LoseWork(BaseStep):
    """The queue of the order processor is lost with all that waits in it."""

    do: Literal["lose_work"] = "lose_work"


Step = (
    CreateOffer
    | ChangeOffer
    | Restock
    | SetProfile
    | CreateExperiment
    | StartExperiment
    | StopExperiment
    | Recommend
    | Track
    | SetStock
    | RemoveOffer
    | Wait
    | MinuteRules
    | Deliver
    | CreateProduct
    | ChangeProduct
    | RestockProduct
    | PlaceOrder
    | CancelOrder
    | RefundOrder
    | SetProductStock
    | RemoveProduct
    | PaymentsBehave
    | RepeatCharge
    | AdvanceOrder
    | LoseWork
    | CreatePool
    | AddCodes
    | ClaimCode
    | WithdrawCode
)
Script = Sequence[Step]

_SCRIPT: TypeAdapter[list[Step]] = TypeAdapter(list[Annotated[Step, Field(discriminator="do")]])


def steps_from_json(text: str | bytes) -> list[Step]:
    """Read a script.

    Raises:
        pydantic.ValidationError: names the number of the step, the field, and what is allowed.
    """
    return _SCRIPT.validate_json(text)


def steps_as_data(script: Script) -> list[dict[str, object]]:
    """A script as JSON-ready values, without what says nothing."""
    return [{"do": step.do} | step.model_dump(mode="json", exclude_defaults=True) for step in script]


def in_words(step: Step) -> str:
    """One step on one line: `track user=ann offer=A event=VIEW`."""
    fields = step.model_dump(mode="json", exclude_defaults=True)
    return " ".join([step.do, *(f"{name}={value}" for name, value in fields.items())])
