"""What other orchestrators schedule by: a test for each supported row of docs/parity.md."""
