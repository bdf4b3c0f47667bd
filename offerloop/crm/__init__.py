"""Buyers and their bonus in the shop's CRM, which is asked for the shop and never by its pages."""
