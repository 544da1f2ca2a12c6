"""One file a destination."""
