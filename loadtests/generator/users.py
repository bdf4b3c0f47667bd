"""Locust's users: customers who arrive or stay, bargain hunters, and the inventory manager."""

from __future__ import annotations

import json
import time
from random import Random
from typing import Any, cast

import gevent
from locust import FastHttpUser, task
from locust.env import Environment
from locust.exception import StopUser

from loadtests.checkouts import VISITS
from loadtests.claims import digest_of
from loadtests.generator.load_test import LATE_S, PATIENCE_S, LoadTest
from loadtests.recording import FAILED, OK, REFUSED, TURNED_AWAY
from loadtests.visits import CLAIM_CODE, PLACE_ORDER, Answer, InventoryManager, Request, Steps, Think, Visitor

BETWEEN_VISITS = 4.0  # closed load: mean pause between two visits, in mean thinking times
MANAGER_EVERY_S = 5.0
TRANSPORT_WITHIN_S = 30.0
# Refusals that are not 409 and yet right: a price or a discount that the client knew has changed meanwhile.
REFUSED_RIGHTLY = frozenset({(422, "amount_mismatch")})


class LoadEnvironment(Environment):
    """Locust's environment with this process's load test, which its users share."""

    load_test: LoadTest


class ShopUser(FastHttpUser):
    """Carries out steps over HTTP and records them; every request is sent once, whatever comes back."""

    abstract = True
    insecure = False  # the API key goes only to whom the certificate names
    concurrency = 1
    connection_timeout = network_timeout = TRANSPORT_WITHIN_S

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.test = cast(LoadEnvironment, environment).load_test
        self.number, self.random = self.test.next_user()
        self._sent = 0

    def carry_out(
        self, steps: Steps, intended_at: float, randomness: Random, *, prepaid: bool = False
    ) -> bool:
        """Go through *steps*, of which the first is meant to happen at *intended_at*.

        A later request is meant to be sent when its customer has thought about the answer before it.

        Args:
            prepaid: whether the requests were taken from the budget before.
        Returns:
            What the steps return.
        Raises:
            StopUser: the budget of requests is spent.
        """
        answer: Answer | None = None
        while True:
            try:
                step = next(steps) if answer is None else steps.send(answer)
            except StopIteration as end:
                return bool(end.value)
            if isinstance(step, Think):
                mean_s = self.test.plan.think_s * step.share
                intended_at += randomness.expovariate(1 / mean_s) if mean_s else 0.0
                gevent.sleep(max(0.0, intended_at - time.monotonic()))
                answer = None
            elif prepaid or self.test.may_send():
                answer = self._ask(step, intended_at)
                intended_at = time.monotonic()
            else:
                raise StopUser

    def _ask(self, request: Request, intended_at: float) -> Answer:
        headers = {"X-API-Key": self.test.api_key} if self.test.api_key else {}
        if request.once:
            self._sent += not request.again
            headers["Idempotency-Key"] = f"{self.test.plan.run_id}-{self.number}-{self._sent}"
        started = time.monotonic()
        with self.client.request(
            request.method,
            request.path,
            name=request.name,
            json=request.body,
            headers=headers,
            catch_response=True,
        ) as response:
            ended = time.monotonic()
            outcome, answer = read(response.status_code, response.content, getattr(response, "error", None))
            if outcome in (OK, REFUSED):
                response.success()
            else:
                response.failure(answer.code)
        measured = self.test.recorder.second.requests[request.name]
        measured.add(ended - started, ended - intended_at, outcome, answer.code)
        if request.name == PLACE_ORDER and outcome == OK:
            self.test.recorder.second.orders.append(answer.body["orderId"])
        if request.name == CLAIM_CODE and outcome != REFUSED:
            code = digest_of(answer.body["promo_code"]) if outcome == OK else None
            self.test.recorder.second.claims.append((headers["Idempotency-Key"], code))
        return answer


def read(status: int, content: bytes | None, error: Exception | None) -> tuple[str, Answer]:
    """Tell what an answer means: by status, and by the code of a refusal in problem+json."""
    try:
        body: Any = json.loads(content or b"")
    except ValueError:
        body = None
    if 200 <= status < 300:
        return (OK, Answer(body)) if isinstance(body, dict) else (FAILED, Answer(code="not_json"))
    if status == 0:
        return FAILED, Answer(code=f"no_answer_{type(error).__name__}")
    named = body.get("code") if isinstance(body, dict) else None
    code = named if isinstance(named, str) else f"http_{status}"
    if status in (429, 503):
        return TURNED_AWAY, Answer(code=code)
    is_refusal = code == named and (status == 409 or (status, code) in REFUSED_RIGHTLY)
    return (REFUSED if is_refusal else FAILED), Answer(code=code)


class ArrivingVisitor(ShopUser):
    """Open load: a place that takes one due visit after the other, each by somebody else."""

    @task
    def take_next(self) -> None:
        test = self.test
        test.idle += 1
        try:
            due = test.due.get()
        finally:
            test.idle -= 1
        if due is None:
            raise StopUser
        arrival, at, place_was_free = due
        late_s = time.monotonic() - at
        visits = test.recorder.second.visits
        if late_s > PATIENCE_S:
            visits.dropped += 1
            return
        visits.late += late_s > LATE_S and place_was_free
        visits.waited += late_s > LATE_S and not place_was_free
        randomness = Random(f"{test.plan.seed}/visit/{arrival.number}")
        person = randomness.randrange(test.scenario.population.users)
        visitor = _visitor(test, f"{person:06d}", hunting=arrival.hunting)
        test.under_way += 1
        try:
            self.carry_out(VISITS[test.plan.visit](visitor, randomness), at, randomness)
        finally:
            test.under_way -= 1


class BrowsingCustomer(ShopUser):
    """Closed load: a customer who waits for answers and comes back; after fruitless visits, somebody else."""

    hunting = False

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._visitors = self._fruitless = 0
        self._due = 0.0
        self._visitor = self._newcomer()

    def on_start(self) -> None:
        self.test.began.wait()
        gevent.sleep(self._pause())  # not all of them at once

    def wait_time(self) -> float:
        pause_s = self._pause()
        self._due = time.monotonic() + pause_s
        return pause_s

    @task
    def visit_shop(self) -> None:
        due = self._due or time.monotonic()
        self.test.under_way += 1
        try:
            steps = VISITS[self.test.plan.visit](self._visitor, self.random)
            pleased = self.carry_out(steps, due, self.random)
        finally:
            self.test.under_way -= 1
        self._fruitless = 0 if pleased else self._fruitless + 1
        patience = self.test.scenario.population.fruitless_visits
        if patience and self._fruitless >= patience:
            self._visitor, self._fruitless = self._newcomer(), 0

    def _newcomer(self) -> Visitor:
        self._visitors += 1
        return _visitor(self.test, f"{self.number}-{self._visitors}", hunting=self.hunting)

    def _pause(self) -> float:
        mean_s = BETWEEN_VISITS * self.test.plan.think_s
        return self.random.expovariate(1 / mean_s) if mean_s else 0.0


class BargainHunter(BrowsingCustomer):
    """Closed load: one who came for the flash sale's discounts."""

    hunting = True


class Manager(ShopUser):
    """Looks after the stock and the prices, whatever the load."""

    fixed_count = 1

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._work = InventoryManager(self.random, products=self.test.plan.sends_orders)
        self._may_end_sale = False

    def on_start(self) -> None:
        self.test.began.wait()
        self._may_end_sale = self.test.may_send()  # set aside, so that no price stays changed

    def wait_time(self) -> float:
        return MANAGER_EVERY_S

    @task
    def look_after_shop(self) -> None:
        self.carry_out(self._work.round(), time.monotonic(), self.random)

    def on_stop(self) -> None:
        if self._may_end_sale:
            self.carry_out(self._work.end_sale(), time.monotonic(), self.random, prepaid=True)


def _visitor(test: LoadTest, person: str, *, hunting: bool) -> Visitor:
    kind = "HUNTER" if hunting else "SHOPPER"
    user_id = f"LOAD-{test.plan.seed}-{kind}-{person}"
    plan = test.plan
    return Visitor(user_id, test.scenario.population, seed=plan.seed, hunting=hunting, pool=plan.pool)
