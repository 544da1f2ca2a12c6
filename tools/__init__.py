"""What developing everfresh needs; nothing here ships."""
