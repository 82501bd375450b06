"""Classes and masks that are found without labels."""
