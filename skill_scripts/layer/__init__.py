"""What adapt adds to a project: the payload, its record, workflows, the result of a build."""
