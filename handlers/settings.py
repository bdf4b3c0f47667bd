"""Settings of a function, read once from its environment; a missing one fails at cold start."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Settings:
    """What template.yaml tells every function.

    Attributes:
        public_storefront: whether a caller without key or token may use the public routes of system A.
        requests_per_address, requests_per_user: allowance a minute on public routes; 0 = no limit.
        cors_origins: origins whose browser pages may call the public routes.
        pivot_boost: priority points that a pivot gives.
        redis_url: where trending is kept; None = in DynamoDB, or where the secret says.
        redis_url_secret_arn: secret whose text is that URL, for one with a password; None = no secret.
    """

    offers_table: str
    user_activity_table: str
    idempotency_table: str
    engagement_stream: str
    stockout_topic_arn: str
    api_key_secret_arn: str
    token_secret_arn: str
    public_storefront: bool
    requests_per_address: int
    requests_per_user: int
    cors_origins: tuple[str, ...]
    pivot_boost: int
    redis_url: str | None = field(repr=False)
    redis_url_secret_arn: str | None

    @property
    def trends_in_redis(self) -> bool:
        return self.redis_url is not None or self.redis_url_secret_arn is not None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Raises:
        KeyError: names the variable that is missing.
        ValueError: a number is not one.
        """
        return cls(
            offers_table=environment["OFFERS_TABLE_NAME"],
            user_activity_table=environment["USER_ACTIVITY_TABLE_NAME"],
            idempotency_table=environment["IDEMPOTENCY_TABLE_NAME"],
            engagement_stream=environment["ENGAGEMENT_STREAM_NAME"],
            stockout_topic_arn=environment["STOCKOUT_TOPIC_ARN"],
            api_key_secret_arn=environment["API_KEY_SECRET_ARN"],
            token_secret_arn=environment["TOKEN_SECRET_ARN"],
            public_storefront=environment["PUBLIC_STOREFRONT"] == "true",
            requests_per_address=int(environment["REQUESTS_PER_ADDRESS"]),
            requests_per_user=int(environment["REQUESTS_PER_USER"]),
            cors_origins=tuple(origin for origin in environment["CORS_ORIGINS"].split(",") if origin),
            pivot_boost=int(environment["PIVOT_BOOST"]),
            redis_url=environment["REDIS_URL"] or None,
            redis_url_secret_arn=environment["REDIS_URL_SECRET_ARN"] or None,
        )
