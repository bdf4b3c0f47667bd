"""How AWS calls the business: one file per function, and the adapters of the ports in `handlers.aws`."""
