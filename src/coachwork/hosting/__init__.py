"""What another framework made, as a pipeline: `app.host("assistant", graph)`. No framework is imported here.

Adapters are in `guest`, which also runs where Coachwork is not installed; this room keeps the books of what they tell.
"""
