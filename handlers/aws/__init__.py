"""The ports of `offerloop` on DynamoDB, Kinesis, SNS and Redis. Clients are passed in."""
