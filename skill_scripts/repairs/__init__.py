"""Takes away what stops a project from loading, in the draft or an environment of ours."""
