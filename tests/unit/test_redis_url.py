"""Where the functions take the Redis URL from; what is in it never reaches a log."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from botocore.stub import Stubber

from handlers import wiring
from handlers.settings import Settings
from tests.expanded_template import application
from tests.unreachable_aws import a_client

ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:redis-a1B2c3"
URL = "rediss://shop:s3cret%2F@cache.example:6379/0"


def settings(**variables: str) -> Settings:
    """Give the settings of a function to which the template gave these."""
    zeros = ("REQUESTS_PER_ADDRESS", "REQUESTS_PER_USER", "PIVOT_BOOST", "SMS_PER_PHONE_AND_DAY")
    zeros += ("CRM_REQUESTS_PER_MINUTE", "CRM_CACHE_S", "VIEW_CODES")
    numbers = dict.fromkeys(zeros, "0")
    functions = application()["Resources"]["RecommendOffers"]["Properties"]
    empty = dict.fromkeys(functions["Environment"]["Variables"], "")
    return Settings.from_environment({**empty, **numbers, **variables})


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    """Secrets Manager, which answers what a test adds and nothing twice."""
    client = a_client("secretsmanager")
    monkeypatch.setattr(wiring, "client", {"secretsmanager": client}.__getitem__)
    with Stubber(client) as stubber:
        yield stubber


def wired(monkeypatch: pytest.MonkeyPatch, found: Settings) -> None:
    """Let the composition root have these settings, and nothing that was built before."""
    monkeypatch.setattr(wiring, "settings", lambda: found)
    monkeypatch.setattr(wiring, "redis_url", cache(wiring.redis_url.__wrapped__))


def connection(redis: Any) -> dict[str, Any]:
    """Give where a client connects to, and as whom."""
    found = redis.connection_pool.connection_kwargs
    return {name: found.get(name) for name in ("host", "port", "db", "username", "password")}


def test_without_either_parameter_trending_is_in_dynamodb() -> None:
    found = settings()

    assert (found.trends_in_redis, found.redis_url, found.redis_url_secret_arn) == (False, None, None)


def test_a_url_without_a_password_comes_from_the_setting(
    monkeypatch: pytest.MonkeyPatch, secrets: Stubber
) -> None:
    wired(monkeypatch, settings(REDIS_URL="redis://cache.example:6380/2"))

    assert wiring.settings().trends_in_redis
    assert connection(wiring._redis()) == {
        "host": "cache.example",
        "port": 6380,
        "db": 2,
        "username": None,
        "password": None,
    }


def test_a_secret_is_read_once_and_takes_the_place_of_the_setting(
    monkeypatch: pytest.MonkeyPatch, secrets: Stubber
) -> None:
    secrets.add_response(
        "get_secret_value", {"ARN": ARN, "Name": "redis", "SecretString": f"{URL}\n"}, {"SecretId": ARN}
    )
    wired(monkeypatch, settings(REDIS_URL="redis://other.example", REDIS_URL_SECRET_ARN=ARN))

    assert connection(wiring._redis()) == {
        "host": "cache.example",
        "port": 6379,
        "db": 0,
        "username": "shop",
        "password": "s3cret/",
    }
    assert wiring.redis_url() == URL
    secrets.assert_no_pending_responses()


@pytest.mark.parametrize(
    "url", ["rediss://shop:s3cret/more@cache.example:6379/0", "s3cret", '{"url": "s3cret"}']
)
def test_a_url_that_is_none_is_refused_without_a_word_of_it(
    url: str, monkeypatch: pytest.MonkeyPatch, secrets: Stubber
) -> None:
    """Python quotes the part before a stray ``/`` as a port; the error and its causes go to the log."""
    secrets.add_response("get_secret_value", {"SecretString": url}, {"SecretId": ARN})
    wired(monkeypatch, settings(REDIS_URL_SECRET_ARN=ARN))

    with pytest.raises(ValueError, match="the Redis URL is none") as refused:
        wiring._redis()

    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__
    assert "s3cret" not in str(refused.value)


def test_settings_are_shown_without_the_url() -> None:
    assert "s3cret" not in repr(settings(REDIS_URL=URL))
