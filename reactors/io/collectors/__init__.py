"""Where bills are read: one service a file. tests/conformance/test_collectors.py is their contract."""
