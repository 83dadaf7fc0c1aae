"""The sidebar: what the artist decides, what it will cost, how it goes, and what mends what went wrong."""

from . import advanced, jobs, main

CLASSES = (*main.CLASSES, *jobs.CLASSES, *advanced.CLASSES)
