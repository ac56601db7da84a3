"""Customer lifetime value arithmetic: pure functions over arrays, no database, no files.

`bg_nbd` models how many orders will come, `gamma_gamma` how much an order is worth, and `value` joins the
two into discounted orders and an interval for the spend of a horizon.
"""
