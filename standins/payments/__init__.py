"""A payment service over HTTP with books in SQLite: ``python -m standins.payments PORT FOLDER``.

| request | answer |
|---|---|
| ``PUT /payments/{key}`` ``{amount, currency}`` | 200 ``{status, reason}``: CAPTURED, DECLINED or VOIDED |
| ``POST /payments/{key}/void`` | 200 ``{status}``: VOIDED, also where nothing was charged yet |
| ``PUT /payments/{key}/refunds/{refund_key}`` ``{amount}`` | 200 ``{amount}`` |
| ``GET /payments/{key}`` | 200: the account |
| ``GET /ledger?limit=&after=`` | 200 ``{payments, next}``: accounts by key; ``next`` goes into ``after`` |
| ``PUT /behaviour`` ``{shares, seed, late_s, silent_s}`` | 200: how new charges are answered from now on |
| ``GET /behaviour`` | 200: how they are answered |
| ``GET /health`` | 200 ``{"service": "payments"}`` |

Amounts are whole minor units, a currency has three capitals, keys have 1 to 200 visible ASCII characters,
percent-encoded in the path. Every request can be repeated without a second effect. Refusals are
problem+json: 400 for what cannot be read, 413 for what is too long, 404 for an unknown payment, 422 for a key
that was used for something else and for a refund of more than is kept. `offerloop.standins.payments` has the
rules, and the modes that a charge can meet.
"""
