"""How long a test waits for what has to come: only one that fails ever waits so long, on however slow a machine."""

PATIENCE_SECONDS = 240.0
