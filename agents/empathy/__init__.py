"""The empathy-like mechanism: estimating another's internal state from what can be observed.

A recurrent encoder, shared over the others, turns the view of another agent into a belief about
its needs. What trains the encoder and what reads the belief are chosen by the configuration.
"""
