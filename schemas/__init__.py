"""What crosses the border, as marshmallow schemas: they translate and drop, they do not decide."""
