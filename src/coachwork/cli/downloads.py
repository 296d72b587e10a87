"""Local model files: what is missing, asking before it is fetched, and the bar. Knows people and terminals; fetches nothing itself."""
