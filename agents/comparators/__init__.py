"""Published methods to compare with, as objectives on the network that all arms share.

Each class names its paper and equations, with their numbers where the text of the paper could be
seen, and says what was adapted and why. What they change is the reward, or what the network is
trained on besides; at execution all of them are the plain recurrent learner. Those that change the
reward read others' rewards, which are all the same where the world's `coordination` is 1: compare
them in `self_interest_v0`.
"""
