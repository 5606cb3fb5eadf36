"""From transistor operations and traffic to joules: physical terms, fitted models, intervals."""
