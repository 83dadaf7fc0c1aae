"""The networks: one file a network, named as its checkpoint names its parts, knowing no stage and no file."""
