"""The rules of `decide.py`, by concern. Each takes a Situation and answers with a Plan, or None: not my case."""
