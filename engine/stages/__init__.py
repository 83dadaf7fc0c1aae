"""One file per stage: what goes in, what comes out, and the call; the work is in geometry and imaging."""
