"""Trains the small cross-encoders that resift runs, and gives the same recipe for anyone's own logs and domain.

A student learns the margins of one or several teachers over lists of a query and its passages: Margin-MSE
(https://arxiv.org/abs/2010.02666) and its listwise form. The commands meet in two kinds of folders: lists (see lists.py) and
models as Hugging Face has them (see folder.py), which `resift model import` takes. README.md shows them in order.
"""
