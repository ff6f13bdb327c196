-- A lender may ask for the first instalment earlier than a month after it has paid out; the applicant sees it in the offer.
ALTER TABLE offers ADD COLUMN first_due_days smallint CHECK (first_due_days BETWEEN 0 AND 31);
ALTER TABLE loans ADD COLUMN first_due_days smallint CHECK (first_due_days BETWEEN 0 AND 31);
