"""Whole journeys through the rooms below: images and a key to a locked model, and the demonstration of it all."""
