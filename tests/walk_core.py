"""The walk over the network itself."""

SPECS = {}
