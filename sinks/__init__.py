"""What listens: pure routing of events to what is said, and in `io/` one destination a file."""
