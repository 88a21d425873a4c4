"""The Python side of the runtime contract: what runs between the shell and Django.

Read in this order: `contract` (what the shell tells us), `channel` (how we answer),
`entry` and `overlay` (how the project's settings are layered), `data` and `migrations`
(the user's files), `guard` and `files` (what a request meets before Django), `server`,
`workers`. `launch.py` beside this folder strings them together.
"""
