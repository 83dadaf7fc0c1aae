"""The vocabulary that Blender, the command line and the engine share: standard library and msgpack only."""
