"""System C: what the bonus ledger comes to, day by day."""
