"""The engine's memory on the disk: a table of the jobs, and a file for what each was given and has made."""
