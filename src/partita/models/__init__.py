"""Models: what they are, where they are kept, and how good they are.

evaluation/    metrics with intervals, slices, tests between two models, learning curves
hub/           pretrained components by one address
"""
