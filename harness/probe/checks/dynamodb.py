"""DynamoDB: conditions, transactions, numbers, indexes, expiry."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from harness.probe.finding import Finding, Group, judged, kept, missing, partly
from harness.probe.place import TAKERS, Place, code_of, race, refusal
from harness.probe.resources import key, make_table

DYNAMODB = Group("DynamoDB")
ALL_NINES = 10**38 - 2  # 38 digits, the most that a number has


def put(table: str, partition: str, *, only_new: bool = False) -> dict[str, Any]:
    """Give one action of a transaction that writes an item."""
    condition = {"ConditionExpression": "attribute_not_exists(PK)"} if only_new else {}
    return {"Put": {"TableName": table, "Item": key(partition), **condition}}


@DYNAMODB.check()
def one_of_sixteen_conditional_writes_wins(place: Place) -> Finding:
    """Sixteen threads create the same item; in three rounds each time one succeeds."""
    dynamodb, table = place.client("dynamodb"), make_table(place)

    def create(item: str) -> list[str]:
        writing = {"TableName": table, "Item": key(item), "ConditionExpression": "attribute_not_exists(PK)"}
        return race(lambda _: refusal(dynamodb.put_item, **writing))

    rounds = [create(f"item-{number}") for number in range(3)]
    winners = [codes.count("") for codes in rounds]
    refused = {code for codes in rounds for code in codes if code}
    holds = winners == [1, 1, 1] and refused == {"ConditionalCheckFailedException"}
    return judged(
        holds,
        f"winners in three rounds: {', '.join(map(str, winners))}; the others: {', '.join(sorted(refused))}",
    )


@DYNAMODB.check()
def stock_never_goes_below_nothing(place: Place) -> Finding:
    """Sixteen threads take three units each of 20, under a condition."""
    dynamodb, table = place.client("dynamodb"), make_table(place)
    dynamodb.put_item(TableName=table, Item={**key("stock"), "units": {"N": "20"}})
    taking: dict[str, Any] = {
        "TableName": table,
        "Key": key("stock"),
        "UpdateExpression": "SET units = units - :one",
        "ConditionExpression": "units >= :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    taken = sum(
        each.count("") for each in race(lambda _: [refusal(dynamodb.update_item, **taking) for _ in range(3)])
    )
    item = dynamodb.get_item(TableName=table, Key=key("stock"), ConsistentRead=True)["Item"]
    left = int(item["units"]["N"])
    return judged((taken, left) == (20, 0), f"of 20 units, 48 takers got {taken}, {left} are left")


@DYNAMODB.check()
def a_transaction_is_all_or_nothing(place: Place) -> Finding:
    """One of two actions fails its condition: the other must not be there."""
    dynamodb, table = place.client("dynamodb"), make_table(place)
    dynamodb.put_item(TableName=table, Item=key("taken"))
    code = refusal(
        dynamodb.transact_write_items, TransactItems=[put(table, "new"), put(table, "taken", only_new=True)]
    )
    written = "Item" in dynamodb.get_item(TableName=table, Key=key("new"), ConsistentRead=True)
    return judged(
        code == "TransactionCanceledException" and not written,
        f"{code or 'accepted'}; the other action {'was' if written else 'was not'} carried out",
    )


@DYNAMODB.check()
def cancellation_reasons_stand_in_the_order_of_the_actions(place: Place) -> Finding:
    """The product tells by position which condition failed, and reads the item that failed it."""
    dynamodb, table = place.client("dynamodb"), make_table(place)
    dynamodb.put_item(TableName=table, Item=key("b"))
    failing = put(table, "b", only_new=True)
    failing["Put"]["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    try:
        dynamodb.transact_write_items(TransactItems=[put(table, "a"), failing, put(table, "c")])
    except ClientError as error:
        reasons = error.response.get("CancellationReasons", [])
    else:
        return missing("the transaction was accepted")
    codes = [reason["Code"] for reason in reasons]
    item = [reason.get("Item") for reason in reasons]
    seen = f"{', '.join(codes)}; {'with' if item[1:2] == [key('b')] else 'without'} the item that was there"
    if codes != ["None", "ConditionalCheckFailed", "None"]:
        return missing(seen)
    return kept(seen) if item == [None, key("b"), None] else partly(seen)


@DYNAMODB.check()
def a_client_token_lets_a_transaction_run_once(place: Place) -> Finding:
    """The same transaction is sent twice with one token, then another with that token."""
    dynamodb, table = place.client("dynamodb"), make_table(place)

    def add(units: int) -> dict[str, Any]:
        update = {
            "TableName": table,
            "Key": key("counter"),
            "UpdateExpression": "ADD units :n",
            "ExpressionAttributeValues": {":n": {"N": str(units)}},
        }
        return {"TransactItems": [{"Update": update}], "ClientRequestToken": place.name("t")}

    dynamodb.transact_write_items(**add(1))
    dynamodb.transact_write_items(**add(1))
    other = refusal(dynamodb.transact_write_items, **add(2))
    counted = dynamodb.get_item(TableName=table, Key=key("counter"), ConsistentRead=True)["Item"]["units"][
        "N"
    ]
    seen = f"sent twice, counted {counted}; another under the same token: {other or 'accepted'}"
    if counted != "1":
        return missing(seen)
    return kept(seen) if other == "IdempotentParameterMismatchException" else partly(seen)


@DYNAMODB.check(instead="the adapters retry a conflict; tests let one happen")
def transactions_that_collide_are_refused(place: Place) -> Finding:
    """AWS refuses one of two transactions on an item at a time, so that the loser has to try again."""
    dynamodb, table = place.client("dynamodb"), make_table(place)
    update = {
        "TableName": table,
        "Key": key("counter"),
        "UpdateExpression": "ADD units :n",
        "ExpressionAttributeValues": {":n": {"N": "1"}},
    }

    def collide(_: int) -> list[str]:
        codes = []
        for _again in range(3):
            try:
                dynamodb.transact_write_items(TransactItems=[{"Update": update}])
            except ClientError as error:
                codes += [reason["Code"] for reason in error.response.get("CancellationReasons", [])]
        return codes

    refused = [code for codes in race(collide) for code in codes]
    conflicts = refused.count("TransactionConflict")
    item = dynamodb.get_item(TableName=table, Key=key("counter"), ConsistentRead=True)["Item"]
    lost = 3 * TAKERS - len(refused) - int(item["units"]["N"])
    words = "some refused with TransactionConflict" if conflicts else "none refused"
    return judged(conflicts > 0 and not lost, f"48 at once on one item: {words}, {lost} updates lost")


@DYNAMODB.check()
def a_consistent_read_sees_the_last_write(place: Place) -> Finding:
    """Each of 25 writes is read at once."""
    dynamodb, table = place.client("dynamodb"), make_table(place)

    def read_back(number: int) -> bool:
        item = {**key("one"), "n": {"N": str(number)}}
        dynamodb.put_item(TableName=table, Item=item)
        return bool(dynamodb.get_item(TableName=table, Key=key("one"), ConsistentRead=True)["Item"] == item)

    right = sum(read_back(number) for number in range(25))
    return judged(right == 25, f"{right} of 25 writes read at once")


@DYNAMODB.check(instead="what is added are counts and cents, far below 28 digits")
def numbers_keep_38_digits(place: Place) -> Finding:
    """A number of 38 nines less one is stored, read, and one is added to it."""
    dynamodb, table = place.client("dynamodb"), make_table(place)
    dynamodb.put_item(TableName=table, Item={**key("n"), "n": {"N": str(ALL_NINES)}})
    stored = dynamodb.get_item(TableName=table, Key=key("n"), ConsistentRead=True)["Item"]["n"]["N"]
    added = dynamodb.update_item(
        TableName=table,
        Key=key("n"),
        UpdateExpression="ADD n :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
        ReturnValues="UPDATED_NEW",
    )["Attributes"]["n"]["N"]
    if int(stored) != ALL_NINES:
        return missing("38 digits are stored as others")
    exact = str(added) == str(ALL_NINES + 1)
    return kept("stored and added exactly") if exact else partly("stored exactly; an addition rounds")


@DYNAMODB.check()
def an_index_sorts_by_number(place: Place) -> Finding:
    """Ranks written in no order, with negative and broken numbers, are read in order, both ways."""
    dynamodb, table = place.client("dynamodb"), make_table(place, index=True)
    ranks = ["100", "9", "-3", "0.5", "1000", "-20"]
    for rank in ranks:
        item = {**key(rank), "kind": {"S": "k"}, "rank": {"N": rank}}
        dynamodb.put_item(TableName=table, Item=item)

    def read(forward: bool) -> list[str]:
        items = dynamodb.query(
            TableName=table,
            IndexName="ByRank",
            KeyConditionExpression="kind = :k",
            ExpressionAttributeValues={":k": {"S": "k"}},
            ScanIndexForward=forward,
        )["Items"]
        return [item["rank"]["N"] for item in items]

    place.wait_for("all items in the index", lambda: len(read(True)) == len(ranks))
    expected = sorted(ranks, key=float)
    return judged(
        (read(True), read(False)) == (expected, expected[::-1]), f"ascending: {', '.join(read(True))}"
    )


@DYNAMODB.check()
def an_index_follows_its_table(place: Place) -> Finding:
    """An item enters a sparse index with its attribute, moves with it, and leaves without it."""
    dynamodb, table = place.client("dynamodb"), make_table(place, index=True)

    def indexed() -> list[str]:
        items = dynamodb.scan(TableName=table, IndexName="ByRank")["Items"]
        return [item["rank"]["N"] for item in items]

    steps = {"1": ["1"], "2": ["2"], "": []}
    for rank, expected in steps.items():
        extra = {"kind": {"S": "k"}, "rank": {"N": rank}} if rank else {}
        dynamodb.put_item(TableName=table, Item={**key("one"), **extra})
        if not place.seen(lambda expected=expected: indexed() == expected, 3):  # type: ignore[misc]
            return missing(f"the index holds {indexed()} instead of {expected}")
    return kept("an item enters, moves and leaves with its attributes")


@DYNAMODB.check(instead="every read compares an item's own end with the clock; nothing waits for a deletion")
def expired_items_are_deleted(place: Place) -> Finding:
    """The setting alone: emulators delete in a sweep once a minute, AWS within days."""
    dynamodb, table = place.client("dynamodb"), make_table(place)
    dynamodb.update_time_to_live(
        TableName=table, TimeToLiveSpecification={"AttributeName": "delete_at", "Enabled": True}
    )
    described = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    set_as_asked = described["TimeToLiveStatus"] in ("ENABLED", "ENABLING")
    if not set_as_asked or described["AttributeName"] != "delete_at":
        return missing(f"the setting is {described['TimeToLiveStatus']}")
    return partly("the setting is kept; a deletion was not waited for")


@DYNAMODB.check(relied_on=False)
def a_transaction_reports_twice_the_capacity(place: Place) -> Finding:
    """Two small items written in a transaction cost four units on AWS."""
    answer = place.client("dynamodb").transact_write_items(
        TransactItems=[put(table := make_table(place), "a"), put(table, "b")], ReturnConsumedCapacity="TOTAL"
    )
    units = sum(each["CapacityUnits"] for each in answer.get("ConsumedCapacity", []))
    seen = f"two small items: {units:g} units"
    return kept(seen) if units == 4 else partly(seen) if units else missing("none reported")


@DYNAMODB.check(relied_on=False)
def a_wrong_type_of_key_is_refused(place: Place) -> Finding:
    """A number for a string key."""
    item = {"PK": {"N": "1"}, "SK": {"S": "-"}}
    try:
        place.client("dynamodb").put_item(TableName=make_table(place), Item=item)
    except ClientError as error:
        return judged(code_of(error) == "ValidationException", code_of(error))
    return missing("accepted")
