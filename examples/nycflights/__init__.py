"""Real flights from New York in 2013, with the weather, replayed as they happened. `make demo` runs it."""
