"""Random graphs, policies, traces and faults, played in virtual time and judged.

`python -m tests.core.simulation --seeds 0:1000` plays a range and prints the seeds that fail, with what they broke.
"""
