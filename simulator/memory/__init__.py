"""The ports of `offerloop` in memory: what the twin runs on, held to the same contract suite as the cloud."""
