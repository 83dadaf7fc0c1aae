"""How a surface is laid out: charts grown, flattened, settled and packed; see engine.geometry.unwrap."""
