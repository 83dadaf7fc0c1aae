"""What the artist can ask for; an operator checks, calls one function, and says what it cannot do."""

from . import engine_orders, generate, job_orders, panel_orders, report, set_up

CLASSES = (
    *generate.CLASSES,
    *job_orders.CLASSES,
    *engine_orders.CLASSES,
    *set_up.CLASSES,
    *panel_orders.CLASSES,
    *report.CLASSES,
)
