"""The business of Offerloop: pure Python, no AWS, no wall clock, no global randomness."""
