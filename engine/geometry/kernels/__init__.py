"""Device code: Warp kernels and nothing else; each module says what its kernels read and write.

A kernel's first argument is where its first axis begins (see engine.geometry.compute). Warp reads these
sources when it compiles, so they are written in its subset of Python.
"""
