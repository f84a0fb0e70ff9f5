"""Experiments: shares of bandits, and on the command line what experiments found and could find."""
