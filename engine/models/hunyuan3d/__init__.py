"""Hunyuan3D-2 by Tencent: networks that load the public checkpoints name for name."""
