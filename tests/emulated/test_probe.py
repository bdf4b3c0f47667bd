"""The probe at a real emulator: it finds what is known of a few guarantees, and leaves nothing behind."""

from __future__ import annotations

from harness.probe.checks import CHECKS
from harness.probe.finding import Verdict
from harness.probe.place import PREFIX
from harness.probe.run import look
from harness.system import RunningSystem
from tests.emulated.target import TARGET_NAME

# Per check its verdict on the embedded target and on LocalStack; quick ones, of most groups.
EXPECTED = {
    "one_of_sixteen_conditional_writes_wins": ("kept", "kept"),
    "a_transaction_is_all_or_nothing": ("kept", "kept"),
    "transactions_that_collide_are_refused": ("missing", "missing"),
    "a_change_carries_both_images": ("kept", "kept"),
    "sequence_numbers_grow": ("kept", "kept"),
    "a_filter_keeps_records_of_a_table_away": ("kept", "kept"),
    "a_failing_batch_is_halved_until_the_bad_record_is_alone": ("kept", "missing"),
    "a_message_goes_to_the_dead_letters_after_three_receives": ("kept", "kept"),
    "one_of_sixteen_writers_of_a_new_object_wins": ("kept", "kept"),
    "a_usage_plan_throttles": ("kept", "missing"),
    "the_state_of_an_alarm_reaches_its_topic": ("kept", "kept"),
    "an_unknown_type_is_refused": ("kept", "missing"),
    "who_has_no_permission_is_refused": ("missing", "missing"),
}


def test_the_probe_finds_what_is_known_and_leaves_nothing_behind(trial: RunningSystem) -> None:
    checks = [check for check in CHECKS if check.name in EXPECTED]

    looked = look(trial, checks)

    column = ("embedded", "localstack").index(TARGET_NAME)
    found = {each.check.name: each.finding for each in looked}
    expected = {name: Verdict(verdicts[column]) for name, verdicts in EXPECTED.items()}
    assert {name: finding.verdict for name, finding in found.items()} == expected, found
    assert [line for each in looked for line in each.left] == []
    assert things_of_the_probe(trial) == []


def things_of_the_probe(system: RunningSystem) -> list[str]:
    """Give the names of what checks have made and not removed, of the kinds that those above make."""
    names = [
        *system.client("dynamodb").list_tables()["TableNames"],
        *system.client("kinesis").list_streams()["StreamNames"],
        *(each["FunctionName"] for each in system.client("lambda").list_functions()["Functions"]),
        *(each["RoleName"] for each in system.client("iam").list_roles()["Roles"]),
        *system.client("sqs").list_queues().get("QueueUrls", []),
        *(each["TopicArn"] for each in system.client("sns").list_topics()["Topics"]),
        *(each["Name"] for each in system.client("s3").list_buckets()["Buckets"]),
        *(each["name"] for each in system.client("apigateway").get_rest_apis()["items"]),
        *(each.get("name", "") for each in system.client("apigateway").get_api_keys()["items"]),
        *(each["AlarmName"] for each in system.client("cloudwatch").describe_alarms()["MetricAlarms"]),
        *(each["logGroupName"] for each in system.client("logs").describe_log_groups()["logGroups"]),
    ]
    return [name for name in names if PREFIX in name]
