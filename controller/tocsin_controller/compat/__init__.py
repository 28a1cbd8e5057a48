"""The APIs of other schedulers, beside our own and over the same services: their clients work unchanged.

Each folder is one of them: `routes` says what there is, `reading` turns what clients send into jobs of ours, `writing`
shows jobs and runs in their words. What only they know of a job stands in its definition under `compat`.
"""
