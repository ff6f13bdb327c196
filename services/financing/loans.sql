-- name: insert_loan
-- Both uniques (application, offer) say the same thing twice: an application becomes one loan.
INSERT INTO loans (loan_id, application_id, offer_id, lender_id, shop_id, person_id, region_code, scheme,
                   annual_rate_pct, margin_minor, amount_minor, currency, tenor_months, share_basis_points_max,
                   first_due_days, agreed_at, mandate_id, traceparent)
VALUES (:loan_id, :application_id, :offer_id, :lender_id, :shop_id, :person_id, :region_code, :scheme, :annual_rate_pct,
        :margin_minor, :amount_minor, :currency, :tenor_months, :share_basis_points_max, :first_due_days, :agreed_at,
        :mandate_id, :traceparent);

-- name: loan_of
-- For its borrower or its lender; the other id is NULL.
SELECT loan_id, application_id, offer_id, lender_id, shop_id, person_id, region_code, scheme, annual_rate_pct,
       margin_minor, amount_minor, currency, tenor_months, share_basis_points_max, first_due_days, state, agreed_at,
       disbursed_on, disbursed_at, disbursement_reference, repaid_at, mandate_id, mandate_version, kol, days_past_due, graded_on,
       principal_account_id, cost_account_id, lender_account_id, clearing_account_id, traceparent
  FROM loans
 WHERE loan_id = :loan_id AND (person_id = :person_id OR lender_id = :lender_id);

-- name: loans_of
-- A borrower's or a lender's loans, newest first.
SELECT loan_id, application_id, offer_id, lender_id, shop_id, person_id, region_code, scheme, annual_rate_pct,
       margin_minor, amount_minor, currency, tenor_months, share_basis_points_max, first_due_days, state, agreed_at,
       disbursed_on, disbursed_at, disbursement_reference, repaid_at, mandate_id, mandate_version, kol, days_past_due, graded_on,
       principal_account_id, cost_account_id, lender_account_id, clearing_account_id, traceparent
  FROM loans
 WHERE (person_id = :person_id OR lender_id = :lender_id) AND loan_id < :before
 ORDER BY loan_id DESC
 LIMIT :limit;

-- name: lock_loans
-- Whoever changes anything of a loan holds its row; ids come sorted.
SELECT loan_id, application_id, offer_id, lender_id, shop_id, person_id, region_code, scheme, annual_rate_pct,
       margin_minor, amount_minor, currency, tenor_months, share_basis_points_max, first_due_days, state, agreed_at,
       disbursed_on, disbursed_at, disbursement_reference, repaid_at, mandate_id, mandate_version, kol, days_past_due, graded_on,
       principal_account_id, cost_account_id, lender_account_id, clearing_account_id, traceparent
  FROM loans
 WHERE loan_id = ANY (:loan_ids::uuid[])
 ORDER BY loan_id
   FOR UPDATE;

-- name: lock_loans_to_grade
-- Running loans that were not graded as of this day; those that others hold are left for the next round.
SELECT loan_id, application_id, offer_id, lender_id, shop_id, person_id, region_code, scheme, annual_rate_pct,
       margin_minor, amount_minor, currency, tenor_months, share_basis_points_max, first_due_days, state, agreed_at,
       disbursed_on, disbursed_at, disbursement_reference, repaid_at, mandate_id, mandate_version, kol, days_past_due, graded_on,
       principal_account_id, cost_account_id, lender_account_id, clearing_account_id, traceparent
  FROM loans
 WHERE state = 'running' AND graded_on < :as_of
 ORDER BY loan_id
 LIMIT :most
   FOR UPDATE SKIP LOCKED;

-- name: disburse
-- From agreed to running, once; the accounts are open.
UPDATE loans
   SET state = 'running', disbursed_on = :disbursed_on, disbursed_at = :disbursed_at,
       disbursement_reference = :reference, mandate_version = 1, graded_on = :disbursed_on,
       principal_account_id = :principal_account_id, cost_account_id = :cost_account_id,
       lender_account_id = :lender_account_id, clearing_account_id = :clearing_account_id
 WHERE loan_id = :loan_id AND state = 'agreed';

-- name: insert_dues
-- The plan, as it was agreed; only what is paid of it changes.
INSERT INTO loan_dues (loan_id, number, due_on, principal_minor, cost_minor)
SELECT :loan_id, * FROM unnest(:numbers::int[], :due_ons::date[], :principals::bigint[], :costs::bigint[]);

-- name: dues
-- The plans of these loans, each in order.
SELECT loan_id, number, due_on, principal_minor, cost_minor, principal_paid_minor, cost_paid_minor, cost_waived_minor,
       settled_on
  FROM loan_dues
 WHERE loan_id = ANY (:loan_ids::uuid[])
 ORDER BY loan_id, number;

-- name: known_instalments
-- Those that were dealt with already.
SELECT instalment_id FROM instalments WHERE instalment_id = ANY (:instalment_ids::uuid[]);

-- name: insert_instalments
-- What orders withheld, and how much of it counts.
INSERT INTO instalments (instalment_id, loan_id, lender_id, amount_minor, accepted_minor, refused_minor, withheld_at)
SELECT * FROM unnest(:instalment_ids::uuid[], :loan_ids::uuid[], :lender_ids::uuid[], :amounts::bigint[],
                     :accepteds::bigint[], :refuseds::bigint[], :withheld_ats::timestamptz[]);

-- name: pass_on_instalments
-- The bank says that it is in the lender's account; once.
UPDATE instalments AS i
   SET passed_on_at = p.passed_on_at
  FROM unnest(:instalment_ids::uuid[], :passed_on_ats::timestamptz[]) AS p (instalment_id, passed_on_at)
 WHERE i.instalment_id = p.instalment_id AND i.passed_on_at IS NULL AND i.accepted_minor > 0
RETURNING i.instalment_id, i.loan_id, i.lender_id, i.accepted_minor;

-- name: insert_repayments
-- One per instalment; one per reference of the lender: constraints decide.
INSERT INTO repayments (repayment_id, loan_id, instalment_id, reference, amount_minor, principal_minor, cost_minor,
                        waived_minor, received_at)
SELECT * FROM unnest(:repayment_ids::uuid[], :loan_ids::uuid[], :instalment_ids::uuid[], :refs::text[],
                     :amounts::bigint[], :principals::bigint[], :costs::bigint[], :waiveds::bigint[],
                     :received_ats::timestamptz[]);

-- name: insert_repayment_parts
-- For which dues it counts, and the dues with it, by one statement.
WITH parts AS (
    INSERT INTO repayment_parts (repayment_id, number, principal_minor, cost_minor, waived_minor)
    SELECT repayment_id, number, principal_minor, cost_minor, waived_minor
      FROM unnest(:repayment_ids::uuid[], :numbers::int[], :principals::bigint[], :costs::bigint[], :waiveds::bigint[])
           AS p (repayment_id, number, principal_minor, cost_minor, waived_minor)
), sums AS (
    SELECT loan_id, number, sum(principal_minor) AS principal_minor, sum(cost_minor) AS cost_minor,
           sum(waived_minor) AS waived_minor
      FROM unnest(:loan_ids::uuid[], :numbers::int[], :principals::bigint[], :costs::bigint[], :waiveds::bigint[])
           AS p (loan_id, number, principal_minor, cost_minor, waived_minor)
     GROUP BY loan_id, number
)
UPDATE loan_dues AS d
   SET principal_paid_minor = d.principal_paid_minor + s.principal_minor,
       cost_paid_minor = d.cost_paid_minor + s.cost_minor,
       cost_waived_minor = d.cost_waived_minor + s.waived_minor,
       settled_on = CASE WHEN d.principal_paid_minor + s.principal_minor = d.principal_minor
                          AND d.cost_paid_minor + s.cost_minor + d.cost_waived_minor + s.waived_minor = d.cost_minor
                         THEN :settled_on::date END
  FROM sums AS s
 WHERE d.loan_id = s.loan_id AND d.number = s.number;

-- name: finish_loans
-- Nothing more is owed.
UPDATE loans SET state = 'repaid', repaid_at = :repaid_at, mandate_version = mandate_version + 1
 WHERE loan_id = ANY (:loan_ids::uuid[]) AND state = 'running';

-- name: grade_loans
-- Where they stand on the scale as of a day; a day before the one that is known changes nothing.
UPDATE loans AS l
   SET kol = g.kol, days_past_due = g.days_past_due, graded_on = :as_of
  FROM unnest(:loan_ids::uuid[], :kols::int[], :days::int[]) AS g (loan_id, kol, days_past_due)
 WHERE l.loan_id = g.loan_id AND l.graded_on <= :as_of;

-- name: repayments_of_loan
-- What was paid, oldest first.
SELECT r.repayment_id, r.instalment_id, r.reference, r.amount_minor, r.principal_minor, r.cost_minor, r.waived_minor,
       r.received_at, i.passed_on_at
  FROM repayments AS r
  LEFT JOIN instalments AS i USING (instalment_id)
 WHERE r.loan_id = :loan_id
 ORDER BY r.repayment_id;

-- name: accounts_of_loans
-- The ledger accounts that money for these loans moves between: they are locked before anything is posted.
SELECT DISTINCT unnest(ARRAY[principal_account_id, cost_account_id, lender_account_id, clearing_account_id]) AS account_id
  FROM loans
 WHERE loan_id = ANY (:loan_ids::uuid[]) AND principal_account_id IS NOT NULL;
