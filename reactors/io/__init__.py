"""The loops and processes around the fold: reactor, worker, executors, stores, ingress."""
