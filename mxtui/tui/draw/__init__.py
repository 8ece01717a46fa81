"""What goes where on the screens: pure functions from values to lines."""
