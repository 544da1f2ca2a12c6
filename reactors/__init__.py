"""What reacts: the pure fold of a domain's journal, and in `io/` the loops around it."""
