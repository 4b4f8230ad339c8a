"""Marshmallow schemas for all that enters the service. They translate input and drop the rest; they decide nothing."""
