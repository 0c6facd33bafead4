"""The frame round every workspace: bars, rail, actions, command palette."""
