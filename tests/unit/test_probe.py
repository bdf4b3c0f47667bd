"""The probe: what a finding means for the product, and how it is shown, kept and told at the next start."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from harness.probe import results
from harness.probe.checks import CHECKS
from harness.probe.document import DOCUMENT, EMULATORS, document
from harness.probe.finding import Check, Finding, Group, Verdict, kept, missing, partly
from harness.probe.function import CODE
from harness.probe.place import OutOfTime, Place, race
from harness.probe.results import KNOWN, as_json, from_json, last_findings, warning, write
from harness.probe.run import carry_out, failure, look
from harness.probe.table import breaches, summary, table
from harness.system import RunningSystem

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@pytest.fixture
def system(tmp_path: Path) -> RunningSystem:
    """A system whose port nobody listens on."""
    address = "http://127.0.0.1:9"
    return RunningSystem("embedded", address, "us-east-1", "", address, "key", None, {}, tmp_path)


def a_check(name: str, *, instead: str = "", relied_on: bool = True, look: Any = None) -> Check:
    return Check("Service", name, look or (lambda _: kept("seen")), instead, relied_on, 1.0)


@pytest.mark.parametrize(
    ("check", "finding", "breaks"),
    [
        (a_check("vital"), missing("gone"), True),
        (a_check("vital"), partly("half"), False),
        (a_check("vital"), kept("there"), False),
        (a_check("replaced", instead="we count ourselves"), missing("gone"), False),
        (a_check("unused", relied_on=False), missing("gone"), False),
    ],
)
def test_only_what_is_missing_relied_on_and_not_replaced_breaks_the_product(
    check: Check, finding: Finding, breaks: bool
) -> None:
    assert breaches([check], {check.name: finding}) == ([check] if breaks else [])


def test_what_a_check_raises_is_its_evidence_and_what_it_made_is_removed(system: RunningSystem) -> None:
    removed: list[str] = []

    def look_(place: Place) -> Finding:
        place.remove(lambda what: removed.append(what), what="first made")
        place.remove(lambda what: removed.append(what), what="last made")
        raise OutOfTime("the record: not seen within 1 s")

    looked = [carry_out(system, a_check("failing", look=each)) for each in (look_, _refused)]

    assert [each.finding for each in looked] == [
        missing("OutOfTime: the record: not seen within 1 s"),
        missing("PutTraceSegments refused: InternalFailure"),
    ]
    assert removed == ["last made", "first made"]


def test_a_check_that_ran_out_of_time_is_looked_at_once_more(
    system: RunningSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.probe.run.remove_late_logs", lambda *_: None)
    answers = {"slow": [OutOfTime("busy"), kept("seen")], "dead": [OutOfTime("busy"), OutOfTime("still")]}

    def look_at(name: str) -> Check:
        def give(_: Place) -> Finding:
            answer = answers[name].pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return a_check(name, look=give)

    looked = look(system, [look_at("slow"), look_at("dead")])

    assert [each.finding for each in looked] == [kept("seen"), missing("OutOfTime: still")]


def test_what_could_not_be_removed_is_told_unless_it_was_gone_already(system: RunningSystem) -> None:
    def refuse(code: str) -> None:
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, "DeleteTable")

    def look_(place: Place) -> Finding:
        place.remove(refuse, code="ResourceNotFoundException")
        place.remove(refuse, code="ResourceInUseException")
        return kept("seen")

    looked = carry_out(system, a_check("untidy", look=look_))

    assert looked.finding == kept("seen")
    assert [line.split(":")[0] for line in looked.left] == ["{'code'"]
    assert "ResourceInUseException" in looked.left[0]


def test_what_does_not_go_in_time_is_told(system: RunningSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.probe.place.REMOVED_WITHIN_S", 0)
    place = Place(system, within_s=1.0)
    place.remove(lambda: place.wait_for("the end of the stack", lambda: False))

    place.close()

    assert [line.split(": ", 1)[1] for line in place.left] == ["the end of the stack: not seen within 1 s"]


def test_a_check_that_takes_too_long_ends_at_its_next_call(system: RunningSystem) -> None:
    place = Place(system, within_s=-1.0)

    with pytest.raises(OutOfTime, match="at ListTables"):
        place.client("dynamodb").list_tables()


def test_a_long_failure_is_cut_to_one_line() -> None:
    words = failure(ValueError("line\n" * 100))

    assert (len(words), "\n" in words, words[:20]) == (110, False, "ValueError: line lin")


def test_racers_all_run_and_answer_in_their_order() -> None:
    assert race(lambda number: number * number, 16) == [number * number for number in range(16)]


@given(st.dictionaries(st.text(), st.builds(Finding, st.sampled_from(Verdict), TEXTS), max_size=5))
def test_findings_are_read_back_as_they_were_written(findings: dict[str, Finding]) -> None:
    assert from_json(json.loads(json.dumps(as_json(findings)))) == findings


def test_the_table_shows_claim_verdict_evidence_and_the_way_out_where_it_is_needed() -> None:
    group = Group("Queues")
    group.check(instead="we count ourselves")(_named("a_call_is_throttled"))
    group.check(instead="never shown")(_named("order_is_kept"))
    found = {"a_call_is_throttled": missing("all [200]"), "order_is_kept": kept("in order")}
    console = Console(width=120, record=True, file=io.StringIO())

    console.print(table(group.checks, found))

    lines = [" ".join(line.split()) for line in console.export_text().splitlines()]
    assert lines == [
        "claim seen instead",
        "Queues",
        "a call is throttled missing all [200] we count ourselves",
        "order is kept kept in order",
    ]
    assert summary("embedded", found) == "embedded: 1 kept, 0 partly, 1 missing"


def test_the_document_has_a_column_a_target_and_says_what_was_not_probed() -> None:
    checks = [a_check("a_call_is_throttled", instead="we count | ourselves"), a_check("order_is_kept")]
    every: Any = {
        "embedded": {"a_call_is_throttled": kept("429"), "order_is_kept": kept("in order")},
        "localstack": {"a_call_is_throttled": missing("all 200")},
    }

    page = document(checks, every)

    assert page[page.index("- embedded") :].splitlines() == [
        "- embedded: 2 kept, 0 partly, 0 missing",
        "- localstack: 0 kept, 0 partly, 1 missing",
        "",
        "## Service",
        "",
        "| Service | embedded | seen | localstack | seen | the product |",
        "| --- | --- | --- | --- | --- | --- |",
        "| a call is throttled | kept | 429 | missing | all 200 | we count \\| ourselves |",
        "| order is kept | kept | in order | not probed |  |  |",
    ]


class TestWarning:
    @pytest.fixture(autouse=True)
    def own_state(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OFFERLOOP_STATE", str(tmp_path))
        monkeypatch.setattr(results, "KNOWN", tmp_path / "known.json")
        (tmp_path / "localstack").mkdir()

    def test_names_the_missing_ones_first_and_counts_the_rest(self, tmp_path: Path) -> None:
        found = {"a_b": partly(""), "c_d": missing(""), "e": missing(""), "f": partly(""), "g": kept("")}
        write(tmp_path / "localstack", found)

        assert warning("localstack") == (
            "2 of 5 guarantees are missing here, 2 kept in part: “c d”, “e”, “a b” and 1 more; "
            "`make probe TARGET=localstack`, docs/targets.md"
        )

    def test_names_what_the_product_relies_on_before_the_rest(self, tmp_path: Path) -> None:
        unused = [check.name for check in CHECKS if not check.relied_on][:3]
        write(tmp_path / "localstack", {**dict.fromkeys(unused, missing("")), "relied_on": partly("")})

        assert str(warning("localstack")).split(": ")[1].startswith("“relied on”, ")

    def test_falls_back_to_the_committed_summary(self, tmp_path: Path) -> None:
        (tmp_path / "localstack/probe.json").write_text("{broken")
        results.KNOWN.write_text(json.dumps({"localstack": as_json({"c": missing("gone")})}))

        assert last_findings("localstack") == {"c": missing("gone")}
        assert (warning("embedded"), "“c”" in str(warning("localstack"))) == (None, True)

    def test_is_none_where_all_is_kept(self, tmp_path: Path) -> None:
        write(tmp_path / "localstack", {"a": kept("seen")})

        assert warning("localstack") is None


def test_the_committed_summary_and_document_are_those_of_the_checks() -> None:
    known = json.loads(KNOWN.read_text())
    every = {target: from_json(known[target]) for target in EMULATORS}

    assert {target: list(found) for target, found in every.items()} == {
        target: [check.name for check in CHECKS] for target in EMULATORS
    }
    assert DOCUMENT.read_text() == document(CHECKS, every)


def test_the_product_holds_on_every_target_that_was_probed() -> None:
    known = json.loads(KNOWN.read_text())

    assert {target: breaches(CHECKS, from_json(found)) for target, found in known.items()} == {
        target: [] for target in EMULATORS
    }


def test_every_check_has_a_name_of_its_own_and_says_what_it_looks_at() -> None:
    names = [check.name for check in CHECKS]

    assert len(set(names)) == len(names) >= 40
    assert [check.name for check in CHECKS if not check.look.__doc__] == []
    assert max(check.within_s for check in CHECKS) < 60


@pytest.mark.parametrize(
    ("event", "answer"),
    [
        ({"Records": [{"body": "a", "messageId": "1"}]}, {"batchItemFailures": []}),
        (
            {"Records": [{"body": "a", "messageId": "1"}, {"body": "reject", "messageId": "2"}]},
            {"batchItemFailures": [{"itemIdentifier": "2"}]},
        ),
        (
            {"Records": [{"kinesis": {"data": "cmVqZWN0", "sequenceNumber": "7"}}]},
            {"batchItemFailures": [{"itemIdentifier": "7"}]},
        ),
    ],
)
def test_the_tiny_function_reports_what_it_is_told_to_reject(
    event: dict[str, Any], answer: dict[str, Any]
) -> None:
    module: dict[str, Any] = {}
    exec(CODE, module)

    assert module["handle"](event, None) == answer


def _named(name: str) -> Any:
    def look(_: Place) -> Finding:
        return kept("seen")

    look.__name__ = name
    return look


def _refused(_: Place) -> Finding:
    raise ClientError({"Error": {"Code": "InternalFailure", "Message": "no"}}, "PutTraceSegments")
