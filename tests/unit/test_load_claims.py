"""A storm of claims: what is asked, and what is said about every code of the pool."""

import json
from random import Random

import httpx
import pytest

from loadtests.checkouts import VISITS
from loadtests.claims import AT_ONCE, ClaimsOutcome, claim_visit, digest_of, pool_over_http
from loadtests.objectives import Objectives, judge
from loadtests.plan import VisitKind
from loadtests.recording import Recorder, Recording
from loadtests.report import Result, run_json
from loadtests.visits import Answer, Visitor
from simulator.scenario import load_scenario
from tests.load_plans import a_plan, recorded
from tests.load_steps import sent
from tests.unit.test_load_report import STARTED

POPULATION = load_scenario("baseline").population


def outcome(*claims: tuple[str, str | None], received: int = 10, given: int | None = None, **changes):
    """Of claims by key and code; the pool agrees unless *given* says something else."""
    different = {code for _, code in claims} - {None}
    return ClaimsOutcome.of(
        claims, received=received, given=len(different) if given is None else given, **changes
    )


def visits(count: int = 200):
    """The requests of some visits, by visit."""
    return [
        sent(
            claim_visit(Visitor(f"LOAD-{at}", POPULATION, seed=1, pool="load-a"), Random(at)),
            lambda _: Answer(code="pool_empty"),
        )
        for at in range(count)
    ]


def test_every_visit_claims_one_code_for_itself_and_some_ask_again_under_the_same_key():
    asked = visits()

    for at, (first, *others) in enumerate(asked):
        assert (first.method, first.path, first.once, first.again) == ("POST", "/codes/claim", True, False)
        assert first.body == {"pool": "load-a", "holder": f"LOAD-{at}"}
        assert all(other.body == first.body and other.again and other.once for other in others)
    repeated = sum(len(each) > 1 for each in asked)
    assert 0.2 < repeated / len(asked) < 0.4
    assert max(map(len, asked)) > 2
    assert VISITS[VisitKind.CLAIMS] is claim_visit


def test_the_pool_is_the_runs_own_and_other_visits_have_none():
    assert a_plan(visit=VisitKind.CLAIMS, run_id="f" * 32).pool == f"load-{'f' * 24}"
    assert a_plan(visit=VisitKind.SHOP).pool == ""
    assert not a_plan(visit=VisitKind.CLAIMS).sends_orders


def test_when_every_claim_has_its_own_code_nothing_is_wrong():
    good = outcome(("k1", "a"), ("k1", "a"), ("k2", "b"))

    assert (good.claimed, good.distinct, good.given, good.wrong, good.unaccounted) == (2, 2, 2, 0, 0)
    assert list(good.lines()) == [
        "10 codes, 2 given out: 2 claims got 2 different ones, 0 got no answer that says what happened",
        "0 given to two, 0 claims with two codes, 0 unaccounted for",
    ]


def test_a_code_under_two_keys_was_given_twice():
    assert outcome(("k1", "a"), ("k2", "a"), ("k3", "b")).twice == ("a",)


def test_a_repeated_claim_that_is_answered_with_another_code_took_two():
    assert outcome(("k1", "a"), ("k1", "b")).changed == ("k1",)


@pytest.mark.parametrize(
    ("claims", "given", "unaccounted"),
    [
        ([("k1", "a")], 3, 2),  # two left the pool, and nobody got them
        ([("k1", "a"), ("k2", None)], 2, 0),  # whoever got no answer may have one
        ([("k1", None), ("k1", "a")], 1, 0),  # and by asking again it came
        ([("k1", None), ("k1", "a")], 2, 1),
        ([("k1", "a"), ("k2", "b")], 1, 1),  # one came that the pool has not given out
    ],
)
def test_each_code_that_left_the_pool_is_with_somebody(claims, given, unaccounted):
    assert outcome(*claims, given=given).unaccounted == unaccounted


def test_of_a_run_that_was_cut_short_claims_may_have_been_under_way():
    assert outcome(("k1", "a"), given=3, cut_short=True).unaccounted == 0
    assert outcome(("k1", "a"), given=0, cut_short=True).unaccounted == 1


def test_a_code_that_is_given_twice_or_lost_is_a_miss_whatever_the_file_says(tmp_path):
    recording = recorded(tmp_path, {"claim code": [0.1]})

    for claims, missed in (
        (outcome(("k1", "a")), set()),
        (outcome(("k1", "a"), ("k2", "a")), {"given_twice_rate"}),
        (outcome(("k1", "a"), ("k1", "b")), {"given_twice_rate"}),
        (outcome(("k1", "a"), given=2), {"unaccounted_rate"}),
    ):
        verdicts = judge(Objectives(), recording, claims=claims)
        assert {verdict.objective for verdict in verdicts if not verdict.is_met} == missed
        assert {verdict.subject for verdict in verdicts} == {"claims"}
    assert judge(Objectives(), recording) == []


def test_claims_are_recorded_by_key_those_of_the_warm_up_too(tmp_path):
    recorder = Recorder(tmp_path, "worker 0")
    for second, claim in ((-1, ("k1", None)), (0, ("k1", digest_of("BON1"))), (1, ("k2", "b"))):
        recorder.second.claims.append(claim)
        recorder.flush(second, 1.0, 0)

    assert Recording(tmp_path).update().claims == [("k1", None), ("k1", digest_of("BON1")), ("k2", "b")]
    assert "BON1" not in digest_of("BON1")


def test_the_run_says_what_became_of_the_codes_and_nothing_where_none_were_claimed(tmp_path):
    recording = recorded(tmp_path, {"claim code": [0.1]})
    claims = outcome(("k1", "a"), ("k2", "a"))

    told, silent = (
        run_json(Result(a_plan(), recording, STARTED, "complete", (), (), claims=each))["claims"]
        for each in (claims, None)
    )

    assert (told["received"], told["distinct"], told["twice"]) == (10, 1, ("a",))
    assert told["lines"] == list(claims.lines())
    assert silent is None


def test_the_pool_is_made_filled_in_parts_and_closed_at_the_end():
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else None
        asked.append((request.method, request.url.path, body, request.headers["X-API-Key"]))
        return httpx.Response(200, json={"level": {"free": 1, "given": 2, "void": 3}})

    with pool_over_http("http://shop/prod", "secret", "load-a", httpx.MockTransport(answer)) as pool:
        pool.open(AT_ONCE + 500)
        level = pool.close()

    assert level == (6, 2)
    assert {key for *_, key in asked} == {"secret"}
    made, first, second, paused, looked = [each[:3] for each in asked]
    assert made[:2] == ("POST", "/prod/pools")
    assert {"poolId": "load-a", "threshold": 0}.items() <= made[2].items()
    assert "supplier" not in made[2]  # nobody refills it
    generate = "/prod/pools/load-a/generate"
    assert [first, second] == [("POST", generate, {"count": AT_ONCE}), ("POST", generate, {"count": 500})]
    assert (paused[0], paused[2], looked[0]) == ("PATCH", {"status": "PAUSED"}, "GET")
