"""Changes of some attributes of a thing, by their names."""

from collections.abc import Collection, Mapping

from offerloop.errors import FieldError, InvalidInput


def check_changeable(changes: Mapping[str, object], changeable: Collection[str]) -> None:
    """Raises:
    InvalidInput: nothing is named, or something that is not *changeable*.
    """
    unknown = sorted(set(changes) - set(changeable))
    if unknown or not changes:
        fields = [FieldError(name, "cannot be changed") for name in unknown]
        raise InvalidInput("name at least one attribute that can be changed", fields)
