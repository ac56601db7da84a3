"""Churn models on real data whose outcome is known, through the product's own code."""
