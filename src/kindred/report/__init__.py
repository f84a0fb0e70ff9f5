"""What a build's tables say, for people (`kindred report`) and for agents (`kindred mcp`)."""
