"""Tables for tests, made from the data stack's own template."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from handlers.aws.table_access import Tables
from tests.mocked_aws import tables_as_they_are

TEMPLATE = Path(__file__).resolve().parent.parent / "sam" / "data.yaml"
_MADE: list[Callable[[], None]] = []  # what makes the tables, once it is known
_KEPT = ("TableName", "BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short tags as their plain content."""


_Loader.add_multi_constructor("!", lambda loader, suffix, node: loader.construct_scalar(node))


def table_definitions() -> list[dict[str, Any]]:
    """What `create_table` needs, for each table of the template."""
    resources = yaml.load(TEMPLATE.read_text(), Loader=_Loader)["Resources"]  # derived from SafeLoader
    definitions = []
    for resource in resources.values():
        if resource["Type"] == "AWS::DynamoDB::Table":
            properties = resource["Properties"]
            definition = {name: properties[name] for name in _KEPT if name in properties}
            definition["TableName"] = definition["TableName"].replace("${Prefix}", "")
            definitions.append(definition)
    return definitions


def create_tables(client: Any) -> Tables:
    """Create all tables on moto, where there are none yet; returns their names.

    To have moto make them takes longer than most tests, so only the first of a process does.
    """
    if not _MADE:
        for definition in table_definitions():
            client.create_table(**definition)
        _MADE.append(tables_as_they_are())
    _MADE[0]()
    return Tables.with_prefix("")
