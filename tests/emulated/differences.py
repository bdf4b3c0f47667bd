"""What the emulated tests show on one target and not on another, and why.

Tests are named by file and function; a list that has gone stale fails: what is said to differ has to.
"""

# About the patches of the embedded target's own emulator: they say nothing of another.
EMBEDDED_ALONE = {
    "test_target_lambda.py::test_all_lines_of_an_invocation_are_there_when_it_answers": (
        "LocalStack, as AWS, writes the lines after the answer, between START and REPORT"
    ),
    "test_target_lambda.py::test_invocations_share_a_log_stream_of_identified_events": (
        "LocalStack, as AWS, has a log stream for each environment"
    ),
    "test_target_streams.py::test_records_that_everybody_has_read_are_forgotten": (
        "LocalStack, as AWS, keeps the records of a table's stream for a day"
    ),
    "test_target_streams.py::test_a_full_stream_is_as_fast_as_an_empty_one": (
        "the patch that it is about is one to the embedded emulator's Kinesis"
    ),
}

# What LocalStack 4.14 does otherwise than AWS and the embedded target.
LOCALSTACK_DIFFERS = {
    "test_target_api.py::test_an_open_path_passes_its_parameters_on": (
        "path parameters reach the function percent-encoded, AWS decodes them"
    ),
    "test_target_api.py::test_the_gateways_own_refusals_are_problem_documents": (
        "the gateway's own refusals are plain: GatewayResponses of a template are not applied"
    ),
    **dict.fromkeys(
        (
            "test_serving_offers.py::test_the_admin_routes_need_the_key",
            "test_serving_offers.py::test_wrong_method_type_and_path_are_refused_as_problems",
            "test_api_page.py::test_the_document_leads_through_the_page_to_the_running_api",
            "test_api_document.py::test_no_generated_request_breaks_the_deployed_api",
        ),
        "they look at the form of a refusal that the gateway itself makes",
    ),
    "test_target_streams.py::test_a_bad_record_is_given_up_and_blocks_no_other": (
        "BisectBatchOnFunctionError is not implemented: a bad record takes the rest of its batch with it"
    ),
    "test_target_lifecycle.py::test_a_broken_template_rolls_back_and_names_the_resource": (
        "a queue's visibility timeout is not checked; test_localstack_process.py has the same with a bad name"
    ),
    "test_target_lifecycle.py::test_a_first_deployment_that_failed_is_mended_by_the_next": (
        "it loses track of what a failed stack had made, and cannot delete it: `make reset` is the way out"
    ),
    "test_target_lifecycle.py::test_down_and_up_keep_data_key_and_address_until_reset": (
        "the free LocalStack keeps no data over a stop: `make up` deploys and seeds again"
    ),
    "test_target_lifecycle.py::test_consumers_go_on_where_they_were_after_down_and_up": (
        "the free LocalStack keeps no data over a stop"
    ),
}
