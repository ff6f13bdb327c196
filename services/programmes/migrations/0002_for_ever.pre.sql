-- Cells that last for ever begin on 1900-01-01: the driver takes the first day of year 1, as 0001 has it, for -infinity.
UPDATE contributions SET period = '1900-01-01' WHERE period = '-infinity';
UPDATE cells SET period = '1900-01-01' WHERE period = '-infinity';
UPDATE shown SET period = '1900-01-01' WHERE period = '-infinity';
UPDATE unplaced SET period = '1900-01-01' WHERE period = '-infinity';
