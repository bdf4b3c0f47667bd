"""Tables for tests, made from the data stack's own template."""

import functools
from pathlib import Path
from typing import Any

import yaml

from handlers.aws.table_access import Tables

TEMPLATE = Path(__file__).resolve().parent.parent / "sam" / "data.yaml"
_KEPT = ("TableName", "BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short tags as their plain content."""


_Loader.add_multi_constructor("!", lambda loader, suffix, node: loader.construct_scalar(node))


@functools.cache
def table_definitions(prefix: str = "") -> list[dict[str, Any]]:
    """What `create_table` needs, for each table of the template."""
    resources = yaml.load(TEMPLATE.read_text(), Loader=_Loader)["Resources"]  # derived from SafeLoader
    definitions = []
    for resource in resources.values():
        if resource["Type"] == "AWS::DynamoDB::Table":
            properties = resource["Properties"]
            definition = {name: properties[name] for name in _KEPT if name in properties}
            definition["TableName"] = definition["TableName"].replace("${Prefix}", prefix)
            definitions.append(definition)
    return definitions


def create_tables(client: Any, prefix: str = "") -> Tables:
    """Create all tables; returns their names."""
    for definition in table_definitions(prefix):
        client.create_table(**definition)
    return Tables.with_prefix(prefix)
