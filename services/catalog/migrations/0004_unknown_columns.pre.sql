-- What a file names that an import does not read, as it is written there: a misspelt column is told, not passed over.
ALTER TABLE imports ADD COLUMN unknown_columns text[] NOT NULL DEFAULT '{}';
