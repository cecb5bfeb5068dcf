"""Whose model is this? One file each way of asking a suspect; none trains a model unless it is asked to."""
