-- Search goes level by level, and compares what was mistyped with the vocabulary instead of with every title.
SET LOCAL lock_timeout = '2s';
DROP INDEX products_words, products_trigrams;
