"""Pure functions over meshes, cameras and texels; no files, no jobs, no state."""
