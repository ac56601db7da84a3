"""A year of nights, one after the other: what a night costs, and what it leaves, as a company's history grows."""
