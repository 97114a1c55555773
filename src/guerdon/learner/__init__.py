"""The one trainer of weights: `learner.Learner`, on a model a process, whatever the algorithm."""
