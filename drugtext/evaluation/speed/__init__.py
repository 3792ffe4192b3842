"""Speed and memory: against what people use, and against what the machine could do at most."""
