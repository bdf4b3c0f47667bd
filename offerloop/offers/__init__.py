"""System A: personalised offers that pivot when stock runs out."""
