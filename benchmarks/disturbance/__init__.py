"""Kill the nightly load at any moment, take its disk and its systems away, and see that nothing shows of it later."""
