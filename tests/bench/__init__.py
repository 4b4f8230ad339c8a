"""The measurements of `make bench`, and their means: floor, service, load, ledgers of any size."""
