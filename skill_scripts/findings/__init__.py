"""What the facts about a project mean for a desktop app. Nothing here writes."""
