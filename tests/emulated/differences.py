"""What the emulated tests show on the embedded target and not on LocalStack, and what the probe saw of it.

A list that has gone stale fails: what is said to differ has to, and the row of the probe that says why must
be one that LocalStack does not keep (tests/unit/test_differences.py).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """Why tests fail on LocalStack 4.14.

    Attributes:
        row: the check of the probe (harness/probe/checks) that shows it.
        why: what that means for the tests.
        tests: by file and function.
    """

    row: str
    why: str
    tests: tuple[str, ...]


LOCALSTACK_DIFFERS = (
    Difference(
        "path_parameters_come_decoded",
        "path parameters reach the function percent-encoded",
        ("test_target_api.py::test_an_open_path_passes_its_parameters_on",),
    ),
    Difference(
        "the_gateways_own_refusals_take_the_form_asked_for",
        "they look at the form of a refusal that the gateway itself makes; its status is the right one",
        (
            "test_target_api.py::test_the_gateways_own_refusals_are_problem_documents",
            "test_serving_offers.py::test_the_admin_routes_need_the_key",
            "test_serving_offers.py::test_wrong_method_type_and_path_are_refused_as_problems",
            "test_api_page.py::test_the_document_leads_through_the_page_to_the_running_api",
            "test_api_document.py::test_no_generated_request_breaks_the_deployed_api",
        ),
    ),
    Difference(
        "a_failing_batch_is_halved_until_the_bad_record_is_alone",
        "a bad record takes the rest of its batch with it",
        ("test_target_streams.py::test_a_bad_record_is_given_up_and_blocks_no_other",),
    ),
    Difference(
        "a_failing_update_is_rolled_back",
        "what the update had changed stays changed; test_localstack_process.py has what is left to do",
        ("test_target_lifecycle.py::test_a_broken_template_rolls_back_and_names_the_resource",),
    ),
    Difference(
        "a_failed_creation_leaves_nothing_behind",
        "what the failed stack had made is in the way of the next: `make reset` is the way out",
        ("test_target_lifecycle.py::test_a_first_deployment_that_failed_is_mended_by_the_next",),
    ),
    Difference(
        "data_outlive_a_stop",
        "the free LocalStack keeps nothing over a stop: `make up` deploys and seeds again",
        (
            "test_target_lifecycle.py::test_down_and_up_keep_data_key_and_address_until_reset",
            "test_target_lifecycle.py::test_consumers_go_on_where_they_were_after_down_and_up",
        ),
    ),
)


def expected_failures() -> dict[str, str]:
    """Give the tests that fail on LocalStack, each with its reason."""
    return {
        test: f"{each.row.replace('_', ' ')}: not on LocalStack; {each.why}"
        for each in LOCALSTACK_DIFFERS
        for test in each.tests
    }
