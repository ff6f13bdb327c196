-- A GIN index keeps new entries in a list that every search reads whole, and the planner shuns long ones: keep it short.
ALTER INDEX products_words SET (gin_pending_list_limit = 256);
ALTER INDEX products_trigrams SET (gin_pending_list_limit = 256);
