"""The API document, the template and the handlers name the same routes and the same limits."""

import re

import yaml

from handlers.bodies import ID_PATTERN
from harness.system import REPOSITORY

DOCUMENT = yaml.safe_load((REPOSITORY / "docs" / "api" / "openapi.yaml").read_text())
METHODS = {"get", "post", "put", "patch", "delete"}


class _Template(yaml.SafeLoader):
    """Reads the template; CloudFormation's short forms become their bare values."""


def _bare(loader: yaml.SafeLoader, _tag: str, node: yaml.Node) -> object:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    assert isinstance(node, yaml.MappingNode)
    return loader.construct_mapping(node, deep=True)


_Template.add_multi_constructor("!", _bare)


def _routes_of_the_template() -> set[str]:
    template = yaml.load((REPOSITORY / "template.yaml").read_text(), _Template)  # a SafeLoader of our own
    return {
        event["Properties"]["Path"]
        for resource in template["Resources"].values()
        for event in resource.get("Properties", {}).get("Events", {}).values()
        if event["Type"] == "Api"
    }


def test_every_deployed_path_is_documented_and_the_other_way_round() -> None:
    assert set(DOCUMENT["paths"]) == _routes_of_the_template()


def test_the_document_and_the_handlers_agree_on_what_an_id_is() -> None:
    assert DOCUMENT["components"]["schemas"]["Id"]["pattern"] == ID_PATTERN


def test_every_operation_names_its_refusals_in_one_form() -> None:
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            if method not in METHODS:
                continue
            refusals = {code: answer for code, answer in operation["responses"].items() if code >= "400"}
            assert "405" in refusals, f"{method} {path}"
            for answer in refusals.values():
                assert answer == {"$ref": "#/components/responses/Problem"}, f"{method} {path}"
            assert re.fullmatch(r"[a-z]+[A-Za-z]+", operation["operationId"])
