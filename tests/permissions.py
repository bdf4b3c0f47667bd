"""What each function may do on AWS, out of the expanded template."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.expanded_template import application


def role_of(function: str) -> dict[str, Any]:
    """Give the properties of the role that a function runs under."""
    role, attribute = application()["Resources"][function]["Properties"]["Role"]["Fn::GetAtt"]
    assert attribute == "Arn"
    properties: dict[str, Any] = application()["Resources"][role]["Properties"]
    return properties


def statements(function: str) -> Iterator[dict[str, Any]]:
    """Give every statement of a function's role, those too that a condition leaves out by default."""
    for policy in role_of(function)["Policies"]:
        chosen = policy["Fn::If"][1] if "Fn::If" in policy else policy
        yield from chosen["PolicyDocument"]["Statement"]


def permissions(function: str) -> set[tuple[str, str]]:
    """Give pairs of an action and a resource, as ``("dynamodb:Query", "OffersTableArn/index/*")``."""
    return {
        (action, name_of(resource))
        for statement in statements(function)
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    }


def listed(one_or_more: Any) -> list[Any]:
    """Give a list of what IAM takes alone as well."""
    return one_or_more if isinstance(one_or_more, list) else [one_or_more]


def name_of(resource: Any) -> str:
    """Name a resource: an export of the data stack by its own part, one of this stack by its logical id."""
    if isinstance(resource, str):
        return resource
    [(function, argument)] = resource.items()
    match function:
        case "Fn::ImportValue":
            return str(argument["Fn::Sub"]).removeprefix("${Prefix}offerloop-data-")
        case "Fn::GetAtt":
            return ".".join(argument)
        case "Fn::Join":
            return str(argument[0]).join(map(name_of, argument[1]))
        case _:
            return str(argument)
