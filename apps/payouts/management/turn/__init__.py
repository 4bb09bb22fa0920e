"""One full turn of the wheel, as `manage.py demo` makes it: every step through the door that its users use."""
