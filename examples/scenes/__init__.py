"""Every subject is built from functions: no file, no asset, no seed that is not written down."""
