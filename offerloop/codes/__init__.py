"""System B: pools of promo codes, of which each is given out once."""
