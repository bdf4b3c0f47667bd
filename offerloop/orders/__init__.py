"""Orders: from checkout to COMPLETED, with everything held, posted and given back on the way."""
