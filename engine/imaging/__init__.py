"""Pictures in: read whatever artists have, find the subject, centre it. No files are written here."""
