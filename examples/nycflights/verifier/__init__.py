"""Judges a demo from outside: by raw data, stored results and exported events. Imports nothing of everfresh."""
