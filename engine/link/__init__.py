"""The plumbing that engine, worker and clients share: where an engine listens, and how messages travel."""
