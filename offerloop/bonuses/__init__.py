"""System B: the ledger of bonus points."""
