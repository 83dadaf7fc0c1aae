"""One plain function per backend, and the two calls that turn a request into what it asks for."""
