"""Shoppers and what they do, each event with all its effects in one transaction."""

from collections.abc import Sequence

from handlers.aws.attributes import Item, n, number, s
from handlers.aws.engagement_rows import (
    event_item,
    event_of,
    experiment_of,
    message_item,
    shopper_item,
    shopper_of,
)
from handlers.aws.idempotency_store import DynamoIdempotencyStore, remember
from handlers.aws.keys import (
    EVENT_PREFIX,
    live_experiment_key,
    offer_key,
    profile_key,
    redeemed_key,
)
from handlers.aws.offer_rows import offer_of
from handlers.aws.stock_moves import count_redemptions, take_offer_units
from handlers.aws.table_access import (
    Action,
    Client,
    ConditionFailed,
    Patience,
    ReadMeter,
    TableAccess,
    Tables,
)
from offerloop.errors import Refusal
from offerloop.offers.model import EngagementEvent, Shopper
from offerloop.offers.ports import AlreadyRecorded, StaleVisit, TrackedEvent, Visit
from offerloop.offers.track_event import already_redeemed, check_redeemable
from offerloop.orders.model import CountChange

REDEMPTION = CountChange(free=-1, held=0, gone=+1)


class DynamoActivityStore(DynamoIdempotencyStore):
    """`ActivityStore` on the tables `Offers`, `UserActivity` and `Idempotency`."""

    def __init__(
        self, client: Client, tables: Tables, meter: ReadMeter | None = None, patience: Patience | None = None
    ) -> None:
        super().__init__(client, tables, patience)
        self._tables = tables
        self._access = TableAccess(client, meter, patience or Patience())

    def visit(self, user_id: str, offer_id: str) -> Visit:
        profile, redeemed, offer = profile_key(user_id), redeemed_key(user_id, offer_id), offer_key(offer_id)
        live = live_experiment_key(user_id)
        keys = {
            self._tables.user_activity: [profile, redeemed, live],
            self._tables.offers: [offer],
        }
        items = self._access.get_batch(keys, consistent=True)
        found = [items.get((key["PK"]["S"], key["SK"]["S"])) for key in (profile, redeemed, offer, live)]
        return Visit(
            shopper=Shopper(user_id) if found[0] is None else shopper_of(found[0]),
            redemptions=number(found[1] or {}, "redemptions"),
            offer=None if found[2] is None else offer_of(found[2]),
            experiment=None if found[3] is None else experiment_of(found[3]),
        )

    def record(self, tracked: TrackedEvent) -> None:
        actions = self._actions(tracked)
        try:
            self._access.transact(list(actions.values()))
        except ConditionFailed as failed:
            found = dict(zip(actions, map(failed.found.get, range(len(actions))), strict=True))
            if found["event"] is not None:
                raise AlreadyRecorded from failed
            # First whose answer stands, then whether there is stock: a twin may have taken the last unit.
            stale = found["profile"] is not None or found.get("answer") is not None
            if stale or self.was_answered(tracked.answered, tracked.now):
                raise StaleVisit from failed
            raise _refusal(found, tracked) from failed

    def _actions(self, tracked: TrackedEvent) -> dict[str, Action]:
        """The transaction's actions by name, in order."""
        activity, event = self._tables.user_activity, tracked.event
        actions: dict[str, Action] = {
            "profile": _replace_profile(activity, tracked),
            "event": {
                "Put": {
                    "TableName": activity,
                    "Item": event_item(event),
                    "ConditionExpression": "attribute_not_exists(PK)",
                }
            },
            "message": {"Put": {"TableName": activity, "Item": message_item(tracked.message)}},
        }
        if tracked.takes_unit:
            actions["unit"] = take_offer_units(
                self._tables.offers, event.offer_id, REDEMPTION, 1, tracked.now
            )
            actions["redeemed"] = count_redemptions(
                activity, event.user_id, event.offer_id, 1, tracked.redemption_limit
            )
        if tracked.answered is not None:
            actions["answer"] = remember(self._tables.idempotency, tracked.answered, tracked.now)
        return actions

    def get_shopper(self, user_id: str) -> Shopper | None:
        item = self._access.get(self._tables.user_activity, profile_key(user_id), consistent=True)
        return None if item is None else shopper_of(item)

    def put_shopper(self, shopper: Shopper) -> None:
        item = shopper_item(shopper)
        gone = [name for name in ("exposed_in", "converted_in") if name not in item]
        stored = [name for name in item if name not in ("PK", "SK", "version")]
        names = {f"#{name}": name for name in stored}  # some are reserved words
        values = {f":{name}": item[name] for name in stored}
        sets = [f"#{name} = :{name}" for name in stored]
        removal = f" REMOVE {', '.join(gone)}" if gone else ""
        self._access.update(
            TableName=self._tables.user_activity,
            Key={"PK": item["PK"], "SK": item["SK"]},
            # The version grows whatever was there: an event decided before this write is decided again.
            UpdateExpression=f"SET {', '.join(sets)} ADD version :one{removal}",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values | {":one": n(1)},
        )

    def events_of(self, user_id: str, limit: int) -> Sequence[EngagementEvent]:
        items = self._access.query_page(
            limit=limit,
            consistent=True,
            TableName=self._tables.user_activity,
            KeyConditionExpression="PK = :user AND begins_with(SK, :events)",
            ExpressionAttributeValues={":user": profile_key(user_id)["PK"], ":events": s(EVENT_PREFIX)},
            ScanIndexForward=False,
        )
        return [event_of(item) for item in items]


def _replace_profile(table: str, tracked: TrackedEvent) -> Action:
    put: Action = {"TableName": table, "Item": shopper_item(tracked.shopper_after)}
    if tracked.shopper_before.version == 0:
        # Also a profile that a foreign client wrote, which has no version yet.
        put["ConditionExpression"] = "attribute_not_exists(version)"
    else:
        put["ConditionExpression"] = "version = :version"
        put["ExpressionAttributeValues"] = {":version": n(tracked.shopper_before.version)}
    return {"Put": put}


def _refusal(found: dict[str, Item | None], tracked: TrackedEvent) -> Refusal | StaleVisit:
    """Why a unit could not be taken, in the order in which the use case itself refuses."""
    item, redeemed = found.get("unit"), found.get("redeemed")
    if item:
        redemptions = number(redeemed, "redemptions") if redeemed is not None else 0
        try:
            check_redeemable(offer_of(item), redemptions, tracked.redemption_limit, tracked.now)
        except Refusal as refusal:
            return refusal
    elif redeemed is not None:
        return already_redeemed(tracked.event.offer_id)
    return StaleVisit()  # the offer is gone, or the target does not tell what it met: look again
