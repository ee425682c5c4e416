"""Place: passes over the files, batch after batch, until every good one is an object of the store."""
