"""The sidebar: what the artist decides, what it will cost, how it goes, and what went wrong with what mends it."""

from . import advanced, jobs, main

CLASSES = (*main.CLASSES, *jobs.CLASSES, *advanced.CLASSES)
