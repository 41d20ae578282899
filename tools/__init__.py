"""What builds and publishes the repository: never installed, called from the Makefile."""
