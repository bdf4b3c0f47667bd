"""Promo codes: pools that give each code once, and where new ones come from."""
