"""One file for each function: programs, formula, derivative, domain and reference."""
