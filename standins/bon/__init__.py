"""The admin site of the supplier BON: ``python -m standins.bon PORT STATE_FILE [--stock 100:40,200:40]``.

A site for people: its pages take forms and give HTML, and a program that wants its codes has to go through
them. User and password of its one account come in the environment as ``BON_LOGIN`` and ``BON_PASSWORD``.

| page | does |
|---|---|
| ``/login`` | lets in who has user and password; ten wrong tries in a row lock the account for 15 minutes |
| ``/codes?amount=&page=`` | active codes, ten a page, with ticks that put codes into the selection |
| ``/transfer`` | the selection, and the form that transfers it under a batch reference |
| ``/transfers`` | transfers, newest first; ``?batch=`` shows one with its codes |
| ``/generate`` | makes new codes |
| ``POST /logout`` | ends the session |
| ``GET /health`` | ``{"service": "bon"}``, for programs |
| ``GET``, ``PUT /behaviour`` | how it misbehaves, in JSON: `standins.bon.behaviour` has the fields |

Every form carries a token that belongs to the session's cookie. A code is transferred once; a batch reference
that was used shows its transfer again, whatever is selected, and transfers nothing more.
"""
