"""Answers of requests under an Idempotency-Key, and the limiter's counts."""

from handlers.aws.attributes import n, number, packed, s, text, unpacked
from handlers.aws.keys import answer_key, limit_key
from handlers.aws.table_access import Action, Client, ConditionFailed, Patience, TableAccess, Tables
from offerloop.idempotency import KEPT_FOR_S, AnsweredRequest, IdempotentRequest, Stale
from offerloop.rate_limit import Allowance


class DynamoIdempotencyStore:
    """`IdempotencyStore` on the table `Idempotency`."""

    def __init__(self, client: Client, tables: Tables, patience: Patience | None = None) -> None:
        self._table = tables.idempotency
        self._access = TableAccess(client, None, patience or Patience())

    def find(self, scope: str, key: str) -> AnsweredRequest | None:
        item = self._access.get(self._table, answer_key(scope, key), consistent=True)
        if item is None:
            return None
        request = IdempotentRequest(scope, key, text(item, "fingerprint"))
        return AnsweredRequest(request, unpacked(item, "answer", {}), number(item, "expires_at"))

    def remember_answer(self, answered: AnsweredRequest | None, now: int) -> None:
        if answered is None:
            return
        try:
            self._access.put(**remember(self._table, answered, now)["Put"])
        except ConditionFailed as failed:
            raise Stale from failed

    def was_answered(self, answered: AnsweredRequest | None, now: int) -> bool:
        """Whether a concurrent twin of a request has been answered meanwhile."""
        if answered is None:
            return False
        found = self.find(answered.request.scope, answered.request.key)
        return found is not None and found.expires_at > now

    def write_answered(
        self, action: Action, answered: AnsweredRequest | None, *, stale: type[Exception]
    ) -> None:
        """Write one action together with the answer to its request.

        Raises:
            ConditionFailed: the action's own condition.
            stale: a twin of the request was answered meanwhile.
        """
        if answered is None:
            self._access.transact([action])
            return
        now = answered.expires_at - KEPT_FOR_S
        try:
            self._access.transact([action, remember(self._table, answered, now)])
        except ConditionFailed as failed:
            if 1 in failed.found or self.was_answered(answered, now):
                raise stale from failed
            raise


def remember(table: str, answered: AnsweredRequest, now: int) -> Action:
    """The action that stores an answer unless there is one that has not ended."""
    item = answer_key(answered.request.scope, answered.request.key) | {
        "fingerprint": s(answered.request.fingerprint),
        "answer": packed(dict(answered.answer)),
        "expires_at": n(answered.expires_at),
        "delete_at": n(answered.expires_at),
    }
    return {
        "Put": {
            "TableName": table,
            "Item": item,
            "ConditionExpression": "attribute_not_exists(PK) OR expires_at <= :now",
            "ExpressionAttributeValues": {":now": n(now)},
        }
    }


class DynamoRateCounter:
    """`RateCounter` on the table `Idempotency`: one conditional update per request."""

    def __init__(self, client: Client, tables: Tables, patience: Patience | None = None) -> None:
        self._table = tables.idempotency
        self._access = TableAccess(client, None, patience or Patience())

    def take(self, allowance: Allowance, window: int, ends_at: int) -> bool:
        try:
            self._access.update(
                TableName=self._table,
                Key=limit_key(allowance.subject, window),
                UpdateExpression="SET delete_at = :end ADD hits :one",
                ConditionExpression="attribute_not_exists(hits) OR hits < :limit",
                ExpressionAttributeValues={":end": n(ends_at), ":one": n(1), ":limit": n(allowance.limit)},
            )
        except ConditionFailed:
            return False
        return True

    def give_back(self, allowance: Allowance, window: int) -> None:
        self._access.update(
            TableName=self._table,
            Key=limit_key(allowance.subject, window),
            UpdateExpression="ADD hits :less",
            ExpressionAttributeValues={":less": n(-1)},
        )
