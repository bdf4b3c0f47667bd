"""Offers, experiments and the log of pivots as administration sees them, in memory."""

import bisect
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from offerloop.errors import (
    ExperimentExists,
    ExperimentNotReady,
    FieldError,
    InvalidInput,
    OfferExists,
    UnknownExperiment,
    UnknownOffer,
)
from offerloop.idempotency import KEPT_FOR_S, AnsweredRequest
from offerloop.offers.experiments import Experiment, ExperimentStatus
from offerloop.offers.model import DiscountType, Offer, OfferStatus, Pivot
from offerloop.offers.ports import OfferPage, StaleVisit
from simulator.memory.activity import MemoryIdempotencyStore
from simulator.memory.world import MemoryWorld

LIVE = (ExperimentStatus.PREPARING, ExperimentStatus.RUNNING)


class MemoryOfferStore(MemoryIdempotencyStore):
    """`OfferStore`; pages are in the order of ids."""

    def get_many(self, offer_ids: Collection[str]) -> dict[str, Offer]:
        offers = self._world.offers
        return {offer_id: offers[offer_id] for offer_id in offer_ids if offer_id in offers}

    def get(self, offer_id: str) -> Offer:
        offer = self._world.offers.get(offer_id)
        if offer is None:
            raise UnknownOffer(f"no offer has the id {offer_id!r}")
        return offer

    def page(self, limit: int, cursor: str | None) -> OfferPage:
        if cursor is not None and not cursor.startswith("after:"):
            field = FieldError("cursor", "take it from the page before")
            raise InvalidInput("the cursor is not one of ours", [field])
        ids = sorted(self._world.offers)
        start = bisect.bisect_right(ids, cursor.removeprefix("after:")) if cursor is not None else 0
        page = ids[start : start + limit]
        following = f"after:{page[-1]}" if start + limit < len(ids) else None
        return OfferPage(tuple(self._world.offers[offer_id] for offer_id in page), following)

    def create(self, offer: Offer, answered: AnsweredRequest | None) -> None:
        self._refuse_answered(answered)
        if offer.offer_id in self._world.offers:
            raise OfferExists(f"an offer with the id {offer.offer_id!r} exists")
        self._world.put_offer(offer)
        self._remember(answered)

    def change(self, offer_id: str, changes: Mapping[str, str | int | None]) -> Offer:
        typed: dict[str, object] = dict(changes)
        if "status" in changes:
            typed["status"] = OfferStatus(str(changes["status"]))
        if "discount_type" in changes:
            typed["discount_type"] = DiscountType(str(changes["discount_type"]))
        changed = replace(self.get(offer_id), **typed)  # type: ignore[arg-type]  # names are Offer's
        self._world.put_offer(changed)
        return changed

    def restock(self, offer_id: str, units: int, answered: AnsweredRequest | None) -> None:
        self._refuse_answered(answered)
        offer = self.get(offer_id)
        self._world.put_offer(
            replace(
                offer,
                inventory_count=offer.inventory_count + units,
                received_count=offer.received_count + units,
            )
        )
        self._remember(answered)

    def due_to_expire(self, now: int, limit: int) -> Sequence[str]:
        due = bisect.bisect_left(self._world.expiries, (now + 1, ""))
        return [offer_id for _, offer_id in self._world.expiries[: min(due, limit)]]

    def expire(self, offer_id: str, now: int) -> bool:
        offer = self._world.offers.get(offer_id)
        if offer is None or offer.status is OfferStatus.EXPIRED or not offer.has_expired(now):
            return False
        self._world.put_offer(replace(offer, status=OfferStatus.EXPIRED))
        return True

    def _refuse_answered(self, answered: AnsweredRequest | None) -> None:
        if answered is not None and self._is_answered(answered, answered.expires_at - KEPT_FOR_S):
            raise StaleVisit


class MemoryExperimentStore:
    """`ExperimentStore`."""

    def __init__(self, world: MemoryWorld) -> None:
        self._world = world

    def get_experiment(self, experiment_id: str) -> Experiment:
        experiment = self._world.experiments.get(experiment_id)
        if experiment is None:
            raise UnknownExperiment(f"no experiment has the id {experiment_id!r}")
        return experiment

    def experiments(self) -> Sequence[Experiment]:
        return [self._world.experiments[name] for name in sorted(self._world.experiments)]

    def running(self) -> Experiment | None:
        return self._world.live()

    def create_experiment(self, experiment: Experiment) -> None:
        if experiment.experiment_id in self._world.experiments:
            raise ExperimentExists(f"an experiment {experiment.experiment_id!r} exists")
        self._world.experiments[experiment.experiment_id] = experiment

    def save_experiment(self, before: Experiment, after: Experiment) -> None:
        world, own = self._world, after.experiment_id
        if world.experiments.get(own) != before:
            raise ExperimentNotReady(f"{own} was changed meanwhile")
        if after.status in LIVE:
            if world.live_experiment not in (None, own):
                raise ExperimentExists("another experiment is live; stop it first")
            world.live_experiment = own
        elif before.status in LIVE:
            world.live_experiment = None
        world.experiments[own] = after


class MemoryPivotLog:
    """`PivotLog`."""

    def __init__(self, world: MemoryWorld) -> None:
        self._world = world

    def pivots(self, since: int, limit: int) -> Sequence[Pivot]:
        ids = sorted(self._world.pivots, reverse=True)
        recent = [self._world.pivots[pivot_id] for pivot_id in ids]
        return [pivot for pivot in recent if pivot.opened_at >= since][:limit]
