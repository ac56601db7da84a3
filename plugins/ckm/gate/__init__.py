"""Gates: what may pass from landing into the raw log, and from the marts to the public."""
