"""Elementary functions and activations: programs over ALU tasks, written once and read three ways."""
