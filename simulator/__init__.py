"""How the business is driven without AWS: memory adapters, shoppers, replays and invariants."""
