"""Training, evaluation and comparison of agents, and the command line.

The words of this package, each used in this meaning only:

step: One call of `World.step`: every agent of every world acts once.
agent step: One agent acting once. One step is E * A agent steps; training budgets and the
    horizontal axes of all charts count agent steps.
rollout: The record of T consecutive steps of a batch of worlds, on which one update learns.
update: All gradient steps on one rollout.
epoch: One pass over a rollout within an update.
minibatch: The part of a rollout on which one gradient step is taken.
episode: One world from a reset to its horizon. Episodes end by truncation only.
evaluation: Episodes in which nothing is learned, on worlds that training never meets; the only
    source of reported numbers.
arm: One setting of one algorithm in a comparison, named as in `configs/agents`.
seed: One independent repetition of an arm, from its first weights on.
cell: One arm with one seed on one scenario: the episodes behind one number of a table.
twin: The same cell without the shift, with every other draw identical.
"""
