"""The figures in README and docs: `python -m bench [hop|ingest]`. Ratios are taken side by side, in one run."""
