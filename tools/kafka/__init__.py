"""A real Kafka broker from Maven's jars, for tests and the demo: no container, no installation."""
