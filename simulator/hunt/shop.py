"""What people do with the shop, on the memory adapters: each step calls one use case, as a handler does."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from offerloop.clock import Clock, Ids
from offerloop.errors import Refusal
from offerloop.offers.experiments import Experiment, Variant
from offerloop.offers.manage_offers import change_offer, create_offer, restock_offer
from offerloop.offers.model import DiscountType, Offer, Shopper
from offerloop.offers.recommend import Recommendation, recommend
from offerloop.offers.run_experiments import start_experiment, stop_experiment
from offerloop.offers.scoring import CONTROL, Weights
from offerloop.offers.track_event import TrackEvent, track_event
from simulator.hunt import script
from simulator.hunt.answers import DONE, ID_GONE, Answer, request_of
from simulator.hunt.order_functions import OrderFunctions
from simulator.hunt.pools import MemoryPools
from simulator.hunt.till import MemoryTill
from simulator.memory.activity import MemoryActivityStore
from simulator.memory.administration import MemoryExperimentStore, MemoryOfferStore
from simulator.memory.serving import MemoryContextReader, MemoryRankedLists
from simulator.memory.world import MemoryWorld


class MemoryShop:
    """The routes of the API and the table itself, over one world.

    Args:
        starts_at: epoch seconds at which the script starts.
    """

    def __init__(
        self, world: MemoryWorld, clock: Clock, starts_at: int, ids: Ids, orders: OrderFunctions
    ) -> None:
        self._world, self._clock, self._starts_at, self._ids = world, clock, starts_at, ids
        self._offers, self._activity = MemoryOfferStore(world), MemoryActivityStore(world)
        self._experiments = MemoryExperimentStore(world)
        self._contexts, self._lists = MemoryContextReader(world), MemoryRankedLists(world)
        self._removed: set[str] = set()
        pools = MemoryPools(world, clock)
        self._doing: dict[type, Callable[[Any], Answer]] = {
            script.CreateOffer: self._create_offer,
            script.ChangeOffer: self._change_offer,
            script.Restock: self._restock,
            script.SetProfile: self._set_profile,
            script.CreateExperiment: self._create_experiment,
            script.StartExperiment: self._start_experiment,
            script.StopExperiment: self._stop_experiment,
            script.Recommend: self._recommend,
            script.Track: self._track,
            script.SetStock: self._set_stock,
            script.RemoveOffer: self._remove_offer,
            **pools.doing,
            **MemoryTill(world, orders, pools).doing,
        }

    def perform(self, step: script.Step) -> Answer:
        """What the step is answered; a refusal as `{"refused": <code>}`."""
        try:
            return self._doing[type(step)](step)
        except Refusal as refusal:
            return {"refused": refusal.code}

    def recommendation(self, user_id: str) -> Recommendation:
        """What a user is served now."""
        return recommend(
            user_id, contexts=self._contexts, lists=self._lists, offers=self._lists, clock=self._clock
        )

    # -- the shop's own server -----------------------------------------------------------------------

    def _create_offer(self, step: script.CreateOffer) -> Answer:
        if step.offer in self._removed:
            return ID_GONE  # its users' histories would not be those of the new offer
        ends_after_s = step.ends_after_s
        offer = Offer(
            offer_id=step.offer,
            offer_name=f"Offer {step.offer}",
            category=step.category,
            discount_type=DiscountType.PERCENTAGE,
            discount_hundredths=1_000,
            priority=step.priority,
            inventory_count=step.stock,
            expires_at=None if ends_after_s is None else self._starts_at + ends_after_s,
            redemptions_per_user=step.per_user,
            received_count=step.stock,
        )
        create_offer(offer, store=self._offers, clock=self._clock)
        return DONE

    def _change_offer(self, step: script.ChangeOffer) -> Answer:
        given = step.model_dump(mode="json", exclude={"do", "offer"}, exclude_none=True)
        if "ends_after_s" in given:
            given["expires_at"] = self._starts_at + given.pop("ends_after_s")
        change_offer(step.offer, given, store=self._offers, clock=self._clock)
        return DONE

    def _restock(self, step: script.Restock) -> Answer:
        request = request_of(step.key, f"restock {step.offer}", f"{step.units}")
        restock_offer(step.offer, step.units, store=self._offers, clock=self._clock, request=request)
        return DONE

    def _set_profile(self, step: script.SetProfile) -> Answer:
        shopper = self._activity.get_shopper(step.user) or Shopper(step.user)
        self._activity.put_shopper(replace(shopper, preferences=step.preferences))
        return DONE

    def _create_experiment(self, step: script.CreateExperiment) -> Answer:
        variants = (Variant("control", 5_000, CONTROL), Variant("other", 5_000, Weights(*step.weights_bp)))
        self._experiments.create_experiment(Experiment(step.experiment, variants))
        return DONE

    def _start_experiment(self, step: script.StartExperiment) -> Answer:
        start_experiment(step.experiment, store=self._experiments, clock=self._clock)
        return DONE

    def _stop_experiment(self, step: script.StopExperiment) -> Answer:
        stop_experiment(step.experiment, store=self._experiments, clock=self._clock)
        return DONE

    # -- shoppers ------------------------------------------------------------------------------------

    def _recommend(self, step: script.Recommend) -> Answer:
        served = self.recommendation(step.user)
        return {
            "offers": [shown.offer.offer_id for shown in served.offers],
            "priorities": [shown.offer.effective_priority for shown in served.offers],
            "stocks": [shown.offer.inventory_count for shown in served.offers],
            "scores": [round(shown.score, 1) for shown in served.offers],
            "total_available": served.total_available,
        }

    def _track(self, step: script.Track) -> Answer:
        offer = self._world.offers.get(step.offer)
        category = step.category or (offer.category if offer else "unknown")
        command = TrackEvent(step.user, step.offer, category, step.event)
        body = f"{step.user} {step.offer} {category} {step.event}"
        request = request_of(step.key, "track", body)
        track_event(command, store=self._activity, clock=self._clock, ids=self._ids, request=request)
        return DONE

    # -- others who write to the tables --------------------------------------------------------------

    def _set_stock(self, step: script.SetStock) -> Answer:
        offer = self._world.offers.get(step.offer)
        if offer is None:
            return {"refused": "unknown_offer"}
        self._world.put_offer(replace(offer, inventory_count=step.units))
        return DONE

    def _remove_offer(self, step: script.RemoveOffer) -> Answer:
        self._world.remove_offer(step.offer)
        self._removed.add(step.offer)
        return DONE
