"""The kinds of markers that the steps of a run leave for each other."""

RAW = "raw"  # a raw object; the only kind that outlives a generation
PARSE = "parse"  # a segment
CLASSIFY = "classify"  # a partition by key
TRANSFORM = "transform"  # a chunk of a segment's work
REBASE = "rebase"  # a partition by key
JOIN = "join"  # a partition by subject
ORPHANS = "orphans"  # a partition by key
PART = "part"  # a part with upserts
TASK = "task"  # its task
DONE = "done"  # the task's verdict
REMOVE_PART = "remove_part"  # a part with deletions
REMOVE_TASK = "remove_task"
REMOVED = "removed"
