"""The HTTP way in: change events for services that don't speak Kafka."""
