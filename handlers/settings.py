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
        order_queue_url, order_failures_url, followup_queue_url: the queues of orders, see template.yaml.
        order_topic_arn: gets every notice to a customer.
        payment_url: root of the payment service; None = no order can be paid.
        currency: ISO 4217.
        sms_prefixes: what a customer's number must begin with to get texts; none = any number.
        sms_per_phone_and_day: texts that one phone gets on a UTC day, >= 1.
        bedrock_model_id: what answers customers' questions; None = templates alone.
        bonus_rules: how orders earn points, as handlers/bonus_rules.py reads it; empty = the defaults.
        business_time_zone: IANA name; with its days points end, and by them rewards are summed up.
        promo_bucket, promo_prefix: where the views and the inbox of promo codes are, see template.yaml.
        replenishment_queue_url: the queue of runs that refill pools.
        legacy_get: whether GET /get-code gives out codes.
        view_codes: how many free codes of a pool the view shows, >= 0.
        bon_url: the supplier's admin site; None = none is visited.
        bon_secret_arn: secret with the account there, as JSON {username, password}.
        browser_path: the Chromium that visits it; None = the one of the function's image.
        crm_url: root of the CRM's API; None = none is asked.
        crm_bonus_field: what the CRM calls the field with a buyer's bonus, its uuid.
        crm_key_secret_arn: secret whose text is the key to the CRM.
        crm_requests_per_minute: of all functions together, >= 1.
        crm_cache_s: how long an answer of the CRM is kept; 0 = not at all.
        crm_queue_url: the queue of bonuses to write to the CRM.
        analytics_bucket: where the daily figures of rewards are stored.
        reward_metrics_namespace: CloudWatch namespace of these figures.
        redis_url: where trending is kept; None = in DynamoDB, or where the secret says.
        redis_url_secret_arn: secret whose text is that URL, for one with a password; None = no secret.
    """

    offers_table: str
    user_activity_table: str
    idempotency_table: str
    products_table: str
    orders_table: str
    codes_table: str
    rewards_table: str
    engagement_stream: str
    stockout_topic_arn: str
    api_key_secret_arn: str
    token_secret_arn: str
    public_storefront: bool
    requests_per_address: int
    requests_per_user: int
    cors_origins: tuple[str, ...]
    pivot_boost: int
    order_queue_url: str
    order_failures_url: str
    followup_queue_url: str
    order_topic_arn: str
    payment_url: str | None
    currency: str
    sms_prefixes: tuple[str, ...]
    sms_per_phone_and_day: int
    bedrock_model_id: str | None
    bonus_rules: str
    business_time_zone: str
    promo_bucket: str
    promo_prefix: str
    replenishment_queue_url: str
    legacy_get: bool
    view_codes: int
    bon_url: str | None
    bon_secret_arn: str
    browser_path: str | None
    crm_url: str | None
    crm_bonus_field: str | None
    crm_key_secret_arn: str
    crm_requests_per_minute: int
    crm_cache_s: int
    crm_queue_url: str
    analytics_bucket: str
    reward_metrics_namespace: str
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
            products_table=environment["PRODUCTS_TABLE_NAME"],
            orders_table=environment["ORDERS_TABLE_NAME"],
            codes_table=environment["CODES_TABLE_NAME"],
            rewards_table=environment["REWARDS_TABLE_NAME"],
            engagement_stream=environment["ENGAGEMENT_STREAM_NAME"],
            stockout_topic_arn=environment["STOCKOUT_TOPIC_ARN"],
            api_key_secret_arn=environment["API_KEY_SECRET_ARN"],
            token_secret_arn=environment["TOKEN_SECRET_ARN"],
            public_storefront=environment["PUBLIC_STOREFRONT"] == "true",
            requests_per_address=int(environment["REQUESTS_PER_ADDRESS"]),
            requests_per_user=int(environment["REQUESTS_PER_USER"]),
            cors_origins=_listed(environment["CORS_ORIGINS"]),
            pivot_boost=int(environment["PIVOT_BOOST"]),
            order_queue_url=environment["ORDER_QUEUE_URL"],
            order_failures_url=environment["ORDER_FAILURES_URL"],
            followup_queue_url=environment["FOLLOWUP_QUEUE_URL"],
            order_topic_arn=environment["SNS_TOPIC_ARN"],
            payment_url=environment["PAYMENT_URL"] or None,
            currency=environment["CURRENCY"],
            sms_prefixes=_listed(environment["SMS_PREFIXES"]),
            sms_per_phone_and_day=int(environment["SMS_PER_PHONE_AND_DAY"]),
            bedrock_model_id=environment["BEDROCK_MODEL_ID"] or None,
            bonus_rules=environment["BONUS_RULES"],
            business_time_zone=environment["BUSINESS_TIME_ZONE"],
            promo_bucket=environment["S3_BUCKET"],
            promo_prefix=environment["S3_PREFIX"],
            replenishment_queue_url=environment["REPLENISHMENT_QUEUE_URL"],
            legacy_get=environment["LEGACY_GET"] == "true",
            view_codes=int(environment["VIEW_CODES"]),
            bon_url=environment["BON_URL"] or None,
            bon_secret_arn=environment["BON_SECRET_ARN"],
            browser_path=environment["BROWSER_PATH"] or None,
            crm_url=environment["CRM_URL"] or None,
            crm_bonus_field=environment["CRM_BONUS_FIELD"] or None,
            crm_key_secret_arn=environment["CRM_KEY_SECRET_ARN"],
            crm_requests_per_minute=int(environment["CRM_REQUESTS_PER_MINUTE"]),
            crm_cache_s=int(environment["CRM_CACHE_S"]),
            crm_queue_url=environment["CRM_QUEUE_URL"],
            analytics_bucket=environment["ANALYTICS_BUCKET_NAME"],
            reward_metrics_namespace=environment["REWARD_METRICS_NAMESPACE"],
            redis_url=environment["REDIS_URL"] or None,
            redis_url_secret_arn=environment["REDIS_URL_SECRET_ARN"] or None,
        )


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
