"""Where attempts run: on the loop, in a thread, in a warm process."""
