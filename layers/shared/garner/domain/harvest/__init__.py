"""The rules of a harvest: no I/O, no clock (controller contract, harvest)."""
