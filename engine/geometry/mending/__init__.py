"""How a raw mesh becomes a sound one: taken in, joined, turned outward, its holes filled."""
