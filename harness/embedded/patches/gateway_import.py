"""A REST API's OpenAPI body keeps its gateway responses and the CORS answers that SAM writes into it.

Without it: the import takes method, integration type and address only, so an ``OPTIONS`` preflight has no
CORS headers, the gateway's own refusals are plain ``{"message": …}`` without ``code``, and a route that takes
every method (SAM's ``Method: ANY``) is left out altogether.
Fails without it: test_target_api.py::test_a_preflight_answers_with_the_allowed_origins,
::test_the_gateways_own_refusals_are_problem_documents.
"""

from ministack.services import apigateway_v1

ANY_METHOD = "x-amazon-apigateway-any-method"  # OpenAPI's word for the method ANY


def apply() -> None:
    """Let the import of an API and of an operation take over what they leave out."""
    import_rest_api = apigateway_v1._import_rest_api
    import_operation = apigateway_v1._import_operation

    def import_api(spec, base_data=None):
        api_id = import_rest_api(spec, base_data)
        import_gateway_responses(api_id, spec)
        return api_id

    def import_one(api_id, resource_id, http_method, operation, *security):
        http_method = "ANY" if http_method == ANY_METHOD.upper() else http_method
        import_operation(api_id, resource_id, http_method, operation, *security)
        if (operation or {}).get("x-amazon-apigateway-integration"):
            import_responses(api_id, resource_id, http_method, operation)

    apigateway_v1._OPENAPI_HTTP_METHODS.add(ANY_METHOD)
    apigateway_v1._import_rest_api = import_api
    apigateway_v1._import_operation = import_one


def import_gateway_responses(api_id, spec):
    """Put each of ``x-amazon-apigateway-gateway-responses``."""
    for kind, response in (spec.get("x-amazon-apigateway-gateway-responses") or {}).items():
        apigateway_v1._put_gateway_response(api_id, kind, response)


def import_responses(api_id, resource_id, http_method, operation):
    """Put an operation's request templates, method responses and integration responses."""
    integration = operation["x-amazon-apigateway-integration"]
    imported = apigateway_v1._resources[api_id][resource_id]["resourceMethods"][http_method]
    for name in ("requestTemplates", "requestParameters", "passthroughBehavior", "timeoutInMillis"):
        if name in integration:
            imported["methodIntegration"][name] = integration[name]
    for status, response in (operation.get("responses") or {}).items():
        headers = (response or {}).get("headers") or {}
        parameters = {f"method.response.header.{name}": True for name in headers}
        apigateway_v1._put_method_response(
            api_id, resource_id, http_method, str(status), {"responseParameters": parameters}
        )
    for selection, response in (integration.get("responses") or {}).items():
        pattern = "" if selection == "default" else selection
        apigateway_v1._put_integration_response(
            api_id,
            resource_id,
            http_method,
            str(response.get("statusCode", "200")),
            {**response, "selectionPattern": pattern},
        )
