"""What `make bench` measures, and the means to measure it: floor, service, load, ledgers of any size."""
