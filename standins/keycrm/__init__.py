"""A KeyCRM over HTTP with books in SQLite: ``KEYCRM_KEY=… python -m standins.keycrm PORT FOLDER``.

| request | answer |
|---|---|
| ``GET /v1/buyer?page=&limit=&include=&filter[…]=`` | 200: one page of buyers, oldest first |
| ``POST /v1/buyer`` ``{full_name, email, phone, note, custom_fields}`` | 201: the buyer |
| ``GET /v1/buyer/{id}?include=`` | 200: the buyer |
| ``PUT /v1/buyer/{id}`` ``{full_name, …}`` | 200: the buyer; what is not named stays |
| ``GET /health`` | 200 ``{"service": "keycrm"}`` |
| ``GET /behaviour``, ``PUT /behaviour`` ``{mode, next, requests_per_minute, late_s}`` | 200: how it behaves |

What stands under ``/v1`` follows the description of KeyCRM's Open API: a bearer key, 60 requests a minute for
one key, pages of at most 50 with ``total``, ``current_page``, ``last_page``, ``per_page``, ``data`` and the
addresses of the first, the last and the next page; filters by ``buyer_id``, ``buyer_phone``, ``buyer_email``;
``custom_fields`` in the answer where ``include`` names them, each with the value of a field that was filled
in. Refusals are ``{"message": …}``: 400 for a filter that there is not, 401 without the key, 404, 422 with
``errors`` by field, 429 with ``Retry-After``. The description does not say how a phone is compared, nor how
refusals look; here it is literally, and as PHP's Laravel does it.

Modes, for the ``next`` requests under ``/v1``, or for all of them where that is 0: ``ok``; ``outage`` (503);
``fail`` (carried out, then 500); ``late`` (carried out after ``late_s``); ``silent`` (carried out, no
answer); ``throttle`` (429).
"""
