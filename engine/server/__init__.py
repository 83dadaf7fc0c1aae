"""The light process: it receives always and computes nothing, so that it always answers and never crashes."""
