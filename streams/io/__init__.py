"""The logs behind the ports: memory, SQLite, Kafka; and the one Faust app factory."""
