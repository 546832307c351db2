"""What people see of values that are not opened for it."""
