"""What is known of a device's coefficients before it is measured, and what measured rows make of that."""
