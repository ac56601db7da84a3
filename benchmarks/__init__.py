"""What the product is measured by: each module prints a table and can be run by itself."""
