"""Files that readers take with them: written in the background, sent once, and gone."""
