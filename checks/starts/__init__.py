"""The starts of the target: few, each observed once, with many checks looking at what was seen.

One start, or one kind of them, a module: what is done, and what is kept of it. `checks/conftest.py`
makes fixtures of them; one that cannot bring its start about raises, and every check that depends
on it reports why.
"""
