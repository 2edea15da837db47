"""Observational learning: to learn from what others are seen to do, and from what comes of it.

A viewer sees others act, works out what each of them did and saw, puts itself in their place, and
imitates what was answered by relief, and shuns what was answered by annoyance. Nothing of it reads
what only others know. Behaviour cloning, which is given what they saw and did, stands beside it.
"""
