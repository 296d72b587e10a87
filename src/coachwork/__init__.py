"""Coachwork: the car around a pre-trained model."""
