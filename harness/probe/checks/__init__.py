"""All checks, by service, in the order in which they are shown."""

from __future__ import annotations

from harness.probe.checks.buckets import S3
from harness.probe.checks.deployment import CLOUDFORMATION, IAM, SECRETS
from harness.probe.checks.dynamodb import DYNAMODB
from harness.probe.checks.functions import FUNCTIONS
from harness.probe.checks.gateway import GATEWAY
from harness.probe.checks.messages import SNS, SQS
from harness.probe.checks.monitoring import CLOUDWATCH, LOGS, XRAY
from harness.probe.checks.restart import RESTART
from harness.probe.checks.streams import KINESIS, TABLE_STREAMS

GROUPS = (
    *(DYNAMODB, TABLE_STREAMS, KINESIS, FUNCTIONS, SQS, SNS, S3, GATEWAY),
    *(SECRETS, CLOUDWATCH, LOGS, CLOUDFORMATION, RESTART, IAM, XRAY),
)
CHECKS = tuple(check for group in GROUPS for check in group.checks)
