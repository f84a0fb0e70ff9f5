"""Experiments on the command line: what they found, and what they could find."""
