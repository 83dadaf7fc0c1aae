"""The command line: reads what was typed, calls the engine, says what happened."""
