"""What flows: events, definitions, topics, and the ports they flow through. Data, no behaviour."""
