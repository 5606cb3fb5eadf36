"""Circuits as netlists: generated, counted, simulated, proved and characterised."""
