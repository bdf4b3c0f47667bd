"""The deployed side of the twin test: steps through the API, the tables and the consumers' functions."""

import json
import time
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import httpx

from handlers.aws.activity_store import DynamoActivityStore
from handlers.aws.engagement_rows import shopper_of
from handlers.aws.experiment_store import DynamoExperimentStore
from handlers.aws.keys import offer_key, profile_key
from handlers.aws.table_access import Tables
from harness.audit.stored import take_snapshot
from harness.system import RunningSystem
from offerloop.offers.experiments import ExperimentStatus
from offerloop.offers.model import Offer, Shopper
from simulator.hunt import script
from simulator.hunt.answers import DONE, ID_GONE
from simulator.hunt.script import Step
from simulator.invariants import SETTLED_AFTER_MS, check_invariants
from simulator.snapshot import Snapshot
from tests.twin.memory import PANEL, StepImpossible
from tests.twin.observation import Answer, Observation, Sight, observed
from tests.twin.recorded import CONSUMERS, RecordedBatches

AT_REST_WITHIN_S = 60.0
LOOKED_AGAIN_AFTER_S = 0.1  # a look reads every table, in the time that the consumers need


class DeployedDriver:
    """`Driver` on a deployed system that nothing else uses.

    Args:
        starts_at: epoch seconds from which a script's ends are counted.
        users: whose profiles are looked at.
    """

    name = "deployed"

    def __init__(self, system: RunningSystem, starts_at: int, users: Collection[str]) -> None:
        self._system, self._starts_at, self._users = system, starts_at, users
        self._http = httpx.Client(base_url=system.api_url, timeout=30, headers={"X-API-Key": system.api_key})
        tables = Tables.with_prefix(system.prefix)
        self._dynamodb, self._functions = system.client("dynamodb"), system.client("lambda")
        self._records = RecordedBatches(system)
        self._activity = DynamoActivityStore(self._dynamodb, tables)
        self._experiments = DynamoExperimentStore(self._dynamodb, tables)
        self._removed: set[str] = set()

    def stored(self) -> tuple[list[Offer], list[Shopper]]:
        """The offers and the known users' profiles as they are, for another system to begin with."""
        return list(self._at_rest().offers.values()), self._shoppers()

    def perform(self, step: Step) -> Answer:
        match step:
            case script.CreateOffer():
                return (
                    ID_GONE
                    if step.offer in self._removed
                    else self._post("/offers", _offer(step, self._starts_at))
                )
            case script.ChangeOffer():
                changes = step.model_dump(mode="json", exclude={"do", "offer"}, exclude_none=True)
                if "ends_after_s" in changes:
                    changes["expires_at"] = self._starts_at + changes.pop("ends_after_s")
                return _answer(self._http.patch(f"/offers/{step.offer}", json=changes))
            case script.Restock():
                return self._post(f"/offers/{step.offer}/restock", {"units": step.units}, step.key)
            case script.CreateExperiment():
                return self._post("/experiments", _experiment(step))
            case script.StartExperiment():
                return self._post(f"/experiments/{step.experiment}/start")
            case script.StopExperiment():
                return self._post(f"/experiments/{step.experiment}/stop")
            case script.Recommend():
                return self._recommend(step.user)
            case script.Track():
                return self._post("/events/track", _event(step), step.key)
            case _:
                return self._perform_beside_the_api(step)

    def _perform_beside_the_api(self, step: Step) -> Answer:
        match step:
            case script.SetProfile():
                shopper = self._activity.get_shopper(step.user) or Shopper(step.user)
                self._activity.put_shopper(replace(shopper, preferences=step.preferences))
            case script.SetStock():
                return self._set_stock(step)
            case script.RemoveOffer():
                key = offer_key(step.offer)
                self._dynamodb.delete_item(TableName=self._system.named("Offers"), Key=key)
                self._removed.add(step.offer)
            case script.MinuteRules():
                self._invoke("offer-expire-offers", {})
                self._invoke("offer-relay-events", {})
            case script.Deliver(records=0):
                for batch in self._records.latest(step.stream, step.again, step.back):
                    self._invoke(CONSUMERS[step.stream], {"Records": batch})
            case _:
                raise StepImpossible(f"a deployed system cannot be made to {step.do}")
        return DONE

    def observe(self) -> Observation:
        return observed(
            Sight(
                snapshot=self._at_rest(),
                shoppers=self._shoppers(),
                experiments=self._experiments.experiments(),
                served={user: self._recommend(user) for user in PANEL},
                starts_at=self._starts_at,
            )
        )

    def _at_rest(self) -> Snapshot:
        """The first snapshot on which nothing is on its way.

        What consumers keep follows from what is stored, so a snapshot on which every law holds, no message
        waits and every event is counted is one that no consumer has anything left to do about.
        """
        ends = time.monotonic() + AT_REST_WITHIN_S
        while True:
            taken = take_snapshot(self._system)
            late = replace(taken, taken_at_ms=taken.taken_at_ms + SETTLED_AFTER_MS + 1)
            broken = [f"{law.name}: {law.detail}" for law in check_invariants(late) if not law.holds]
            if not broken and not self._is_preparing():
                return taken
            assert time.monotonic() < ends, f"not at rest within {AT_REST_WITHIN_S} s: {broken}"
            time.sleep(LOOKED_AGAIN_AFTER_S)

    def _is_preparing(self) -> bool:
        live = self._experiments.running()
        return live is not None and live.status is ExperimentStatus.PREPARING

    def _shoppers(self) -> list[Shopper]:
        table = self._system.named("UserActivity")
        keys = [profile_key(user) for user in self._users]
        found = self._dynamodb.batch_get_item(RequestItems={table: {"Keys": keys, "ConsistentRead": True}})
        return [shopper_of(item) for item in found["Responses"][table]]

    # -- calls ---------------------------------------------------------------------------------------

    def _post(self, path: str, body: dict[str, Any] | None = None, key: str | None = None) -> Answer:
        headers = {"Idempotency-Key": key} if key else {}
        return _answer(self._http.post(path, json=body, headers=headers))

    def _recommend(self, user_id: str) -> Answer:
        answer = self._http.post("/offers/recommend", json={"user_id": user_id}).raise_for_status().json()
        served = answer["recommended_offers"]
        return {
            "offers": [offer["offer_id"] for offer in served],
            "priorities": [offer["priority"] for offer in served],
            "stocks": [offer["inventory_count"] for offer in served],
            "scores": [offer["score"] for offer in served],
            "total_available": answer["total_available"],
        }

    def _set_stock(self, step: script.SetStock) -> Answer:
        try:
            self._dynamodb.update_item(
                TableName=self._system.named("Offers"),
                Key=offer_key(step.offer),
                UpdateExpression="SET inventory_count = :units",
                ConditionExpression="attribute_exists(PK)",
                ExpressionAttributeValues={":units": {"N": str(step.units)}},
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return {"refused": "unknown_offer"}
        return DONE

    def _invoke(self, function: str, event: dict[str, Any]) -> None:
        answer = self._functions.invoke(FunctionName=self._system.named(function), Payload=json.dumps(event))
        body = answer["Payload"].read()
        assert "FunctionError" not in answer, body
        assert not json.loads(body).get("batchItemFailures"), body


def _answer(response: httpx.Response) -> Answer:
    if response.is_success:
        return DONE
    assert response.status_code in (400, 404, 409, 422), response.text
    return {"refused": response.json()["code"]}


def _offer(step: script.CreateOffer, starts_at: int) -> dict[str, Any]:
    return {
        "offer_id": step.offer,
        "offer_name": f"Offer {step.offer}",
        "category": step.category,
        "discount_type": "PERCENTAGE",
        "discount_value": 10,
        "priority": step.priority,
        "inventory_count": step.stock,
        "expires_at": None if step.ends_after_s is None else starts_at + step.ends_after_s,
        "redemptions_per_user": step.per_user,
    }


def _experiment(step: script.CreateExperiment) -> dict[str, Any]:
    names = ("priority_bp", "relevance_bp", "urgency_bp", "inventory_bp")
    arms = {"control": (4_000, 3_000, 2_000, 1_000), "other": step.weights_bp}
    variants = [
        {"name": name, "share_bp": 5_000, "weights": dict(zip(names, weights, strict=True))}
        for name, weights in arms.items()
    ]
    return {"experiment_id": step.experiment, "variants": variants}


def _event(step: script.Track) -> dict[str, Any]:
    return {
        "user_id": step.user,
        "offer_id": step.offer,
        "category": step.category,
        "event_type": step.event.value,
    }
