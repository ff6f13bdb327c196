-- Queries about money that leaves the market: bank accounts, payout batches, instalments for lenders, the bank's answers.
-- Lock order: payout_batches, payouts, mandates, instalments, remittances, bank_accounts, then accounts of the ledger.

-- name: put_bank_account
-- One account per holder; who changes it learns by the answer whether there was one, which decides over the cooling.
INSERT INTO bank_accounts (holder_id, holder_kind, bank_code, account_number, holder_name, set_by, set_at, held_until)
VALUES (:holder_id, :holder_kind::text::bank_account_holder, :bank_code, :account_number, :holder_name, :set_by, :now,
        :held_until)
    ON CONFLICT (holder_id) DO UPDATE
   SET bank_code = excluded.bank_code, account_number = excluded.account_number, holder_name = excluded.holder_name,
       set_by = excluded.set_by, set_at = excluded.set_at, held_until = excluded.held_until;

-- name: lock_bank_account
-- Two changes at once take turns, so that each sees what the other left. The lock also covers an account not set yet.
SELECT pg_advisory_xact_lock(hashtextextended('bank account ' || :holder_id::uuid, 0));

-- name: bank_account
-- What is set now, for its owner and for comparing.
SELECT holder_id, holder_kind::text, bank_code, account_number, holder_name, set_by, set_at, held_until
  FROM bank_accounts WHERE holder_id = :holder_id;

-- name: log_bank_account_change
-- Who changed where money goes; never what it was.
INSERT INTO bank_account_changes (change_id, holder_id, holder_kind, what, changed_by, changed_at, held_until)
VALUES (:change_id, :holder_id, :holder_kind::text::bank_account_holder, :what, :changed_by, :now, :held_until);

-- name: bank_account_changes
-- The newest first, for the owner to see a change that was not theirs.
SELECT what, changed_by, changed_at, held_until
  FROM bank_account_changes WHERE holder_id = :holder_id ORDER BY change_id DESC LIMIT 20;

-- name: share_bank_accounts
-- Where a batch is paid to: they stay as they are until it is approved.
SELECT holder_id, bank_code, account_number, holder_name, held_until
  FROM bank_accounts
 WHERE holder_id = ANY(:holder_ids::uuid[])
 ORDER BY holder_id
   FOR SHARE;

-- name: erase_bank_accounts
-- Of forgotten people to whom nothing is due: their own account and those that they set, with the
-- lines of old files. What is still due, or will be when the shop's parcels are settled, keeps it; the sweeper comes again.
WITH gone AS (
    SELECT b.holder_id, b.holder_kind
      FROM bank_accounts AS b
      JOIN erased_accounts AS e ON e.account_id = b.set_by OR e.account_id = b.holder_id
     WHERE NOT EXISTS (SELECT FROM payouts AS p
                        WHERE p.payee_id = b.holder_id AND p.status IN ('draft', 'scheduled'))
       AND NOT EXISTS (SELECT FROM ledger_accounts AS a
                        WHERE a.code = 'payee:' || b.holder_id AND a.balance_minor > 0)
       AND NOT EXISTS (SELECT FROM parcels AS p
                        WHERE p.shop_id = b.holder_id
                          AND (p.status IN ('pending', 'shipped', 'delivered')
                               OR (p.status = 'completed'
                                   AND NOT EXISTS (SELECT FROM settlements AS s WHERE s.parcel_id = p.parcel_id))))
     ORDER BY b.holder_id
     LIMIT :most::integer
       FOR UPDATE OF b SKIP LOCKED
), accounts AS (
    DELETE FROM bank_accounts WHERE holder_id IN (SELECT holder_id FROM gone)
), lines AS (
    DELETE FROM bank_file_lines WHERE holder_id IN (SELECT holder_id FROM gone)
)
INSERT INTO bank_account_changes (change_id, holder_id, holder_kind, what, changed_at)
SELECT DISTINCT ON (holder_id) gen_random_uuid(), holder_id, holder_kind, 'erased', :now::timestamptz FROM gone;

-- name: insert_batch
-- A draft: nothing is promised yet.
INSERT INTO payout_batches (batch_id, up_to_date, created_by, created_at)
VALUES (:batch_id, :up_to_date, :created_by, :now);

-- name: draft_payouts
-- Every payee with enough to get, once: a payee in an open batch is passed over, by the index that keeps it so. Two
-- who draft at once insert in one order and wait for each other. What came in after the day does not count, what went
-- out does. Who can be paid comes first, so that those who cannot leave nobody out. Nothing is booked before it happened
-- (an hour for clocks that differ), so entries are read from the newest back to the day, and not the life of a shop.
WITH due AS (
    SELECT substr(a.code, 7)::uuid AS payee_id, a.balance_minor - a.held_out_minor - coalesce(later.minor, 0) AS minor
      FROM ledger_accounts AS a
      LEFT JOIN LATERAL (SELECT sum(e.amount_minor) AS minor
                           FROM ledger_entries AS e
                           JOIN ledger_transfers AS t ON t.id = e.transfer_id
                          WHERE e.account_id = a.id AND e.side = 'credit' AND t.event_at >= :until::timestamptz
                            AND e.account_version > coalesce((
                                SELECT b.account_version
                                  FROM ledger_entries AS b
                                  JOIN ledger_transfers AS w ON w.id = b.transfer_id
                                 WHERE b.account_id = a.id AND w.created_at < :until::timestamptz - interval '1 hour'
                                 ORDER BY b.account_version DESC
                                 LIMIT 1), 0)
                            AND :until::timestamptz <= :now::timestamptz) AS later
        ON true
     WHERE a.code LIKE 'payee:%' AND a.balance_minor - a.held_out_minor >= :minimum_minor::bigint
), wanted AS (
    SELECT d.payee_id, d.minor,
           CASE WHEN b.holder_id IS NULL THEN 'no_bank_account'
                WHEN b.held_until > :now::timestamptz THEN 'bank_account_fresh' END AS reason
      FROM due AS d
      LEFT JOIN bank_accounts AS b ON b.holder_id = d.payee_id
     WHERE d.minor >= :minimum_minor::bigint
       AND NOT EXISTS (SELECT FROM payouts AS p
                        WHERE p.payee_id = d.payee_id AND p.status IN ('draft', 'scheduled'))
     ORDER BY (b.holder_id IS NULL OR b.held_until > :now::timestamptz), d.payee_id
     LIMIT :most::integer
)
INSERT INTO payouts (payout_id, batch_id, payee_id, status, draft_minor, left_out_reason)
SELECT gen_random_uuid(), :batch_id::uuid, payee_id,
       CASE WHEN reason IS NULL THEN 'draft' ELSE 'left_out' END::payout_status, minor, reason
  FROM wanted
 ORDER BY payee_id
    ON CONFLICT (payee_id) WHERE status IN ('draft', 'scheduled') DO NOTHING
RETURNING status::text;

-- name: last_batch_of_the_clock
-- When the clock last drafted one, however it ended, and how many are paid by it: a full one leaves others waiting.
SELECT b.created_at,
       (SELECT count(*) FROM payouts AS p
         WHERE p.batch_id = b.batch_id AND p.status NOT IN ('left_out', 'cancelled')) AS payees
  FROM payout_batches AS b
 WHERE b.created_by IS NULL
 ORDER BY b.created_at DESC
 LIMIT 1;

-- name: take_turn_of_the_clock
-- Of several processes, one drafts.
SELECT pg_try_advisory_xact_lock(hashtext('payout clock'));

-- name: lock_batch
-- Whoever changes a batch, or anything in it, holds it first.
SELECT batch_id, status::text, up_to_date, created_by, created_at, approved_by, approved_at, submitted_at, closed_at
  FROM payout_batches WHERE batch_id = :batch_id FOR UPDATE;

-- name: approve_batch
-- By another person than the one who drafted it, decided here and not only by who asks.
UPDATE payout_batches
   SET status = 'approved', approved_by = :approved_by, approved_at = :now
 WHERE batch_id = :batch_id AND status = 'draft' AND created_by IS DISTINCT FROM :approved_by;

-- name: describe_file
-- What the file holds, as it will always be.
UPDATE payout_batches SET file_lines = :lines, file_total_minor = :total_minor, file_sha256 = :sha256
 WHERE batch_id = :batch_id;

-- name: cancel_batch
-- Its payees are free for the next one.
WITH cancelled AS (
    UPDATE payout_batches SET status = 'cancelled', cancelled_by = :cancelled_by, cancelled_at = :now
     WHERE batch_id = :batch_id AND status = 'draft'
 RETURNING batch_id
)
UPDATE payouts AS p SET status = 'cancelled' FROM cancelled AS c WHERE p.batch_id = c.batch_id AND p.status = 'draft';

-- name: close_batch
-- Every line is answered.
UPDATE payout_batches AS b SET status = 'closed', closed_at = :now
 WHERE b.batch_id = :batch_id AND b.status = 'approved'
   AND NOT EXISTS (SELECT FROM payouts AS p WHERE p.batch_id = b.batch_id AND p.status = 'scheduled')
   AND NOT EXISTS (SELECT FROM remittances AS r WHERE r.batch_id = b.batch_id AND r.status = 'scheduled');

-- name: mark_submitted
-- The bank has the file.
UPDATE payout_batches SET submitted_at = coalesce(submitted_at, :now), trouble = NULL WHERE batch_id = :batch_id;

-- name: mark_trouble
-- Something for an officer: the bank would not take the file, or says what cannot be.
UPDATE payout_batches SET trouble = :trouble WHERE batch_id = :batch_id;

-- name: batches_in_trouble
-- For the people who watch: the bank refused something, or says nothing for three days.
SELECT count(*) FROM payout_batches
 WHERE status = 'approved' AND (trouble IS NOT NULL OR approved_at < statement_timestamp() - interval '3 days');

-- name: draft_payees
-- Whose lines are decided now, in the order in which everybody locks.
SELECT payout_id, payee_id FROM payouts
 WHERE batch_id = :batch_id AND status = 'draft' ORDER BY payout_id FOR UPDATE;

-- name: balances_up_to
-- What payees have to get, their accounts locked before: what came in after the day does not count. When the day is not
-- over there is nothing to look for; entries from before it are not read, as when it was drafted.
SELECT a.id, a.balance_minor - a.held_out_minor
       - coalesce((SELECT sum(e.amount_minor)
                     FROM ledger_entries AS e
                     JOIN ledger_transfers AS t ON t.id = e.transfer_id
                    WHERE e.account_id = a.id AND e.side = 'credit' AND t.event_at >= :until::timestamptz
                      AND e.account_version > coalesce((
                          SELECT b.account_version
                            FROM ledger_entries AS b
                            JOIN ledger_transfers AS w ON w.id = b.transfer_id
                           WHERE b.account_id = a.id AND w.created_at < :until::timestamptz - interval '1 hour'
                           ORDER BY b.account_version DESC
                           LIMIT 1), 0)
                      AND :until::timestamptz <= :now::timestamptz), 0)::bigint
       AS minor
  FROM ledger_accounts AS a
 WHERE a.id = ANY(:account_ids::uuid[]);

-- name: share_mandates
-- What is to be withheld from these payees; a mandate that changes now counts for the next batch.
SELECT mandate_id, loan_id, application_id, lender_id, payee_id, dues, share_basis_points_max
  FROM mandates
 WHERE payee_id = ANY(:payee_ids::uuid[]) AND ended_reason IS NULL
 ORDER BY mandate_id
   FOR SHARE;

-- name: paid_of_loans
-- What counts for these loans already: withheld here and not refused, and repaid elsewhere.
SELECT l.loan_id,
       coalesce((SELECT sum(i.amount_minor - i.refused_minor) FROM instalments AS i WHERE i.loan_id = l.loan_id), 0)::bigint
       AS withheld_minor,
       coalesce((SELECT sum(r.amount_minor) FROM repayments AS r
                  WHERE r.loan_id = l.loan_id AND r.instalment_id IS NULL), 0)::bigint AS elsewhere_minor
  FROM unnest(:loan_ids::uuid[]) AS l (loan_id);

-- name: schedule_payouts
-- What was decided for each line: scheduled, wholly withheld, or left out.
UPDATE payouts AS p
   SET status = d.status::payout_status, balance_minor = d.balance_minor, instalments_minor = d.instalments_minor,
       amount_minor = d.balance_minor - d.instalments_minor, left_out_reason = d.reason,
       scheduled_at = CASE WHEN d.reason IS NULL THEN :now::timestamptz END
  FROM unnest(:payout_ids::uuid[], :statuses::text[], :balances_minor::bigint[], :instalments_minor::bigint[],
              :reasons::text[]) AS d (payout_id, status, balance_minor, instalments_minor, reason)
 WHERE p.payout_id = d.payout_id AND p.status = 'draft';

-- name: insert_instalments
-- Kept out of the payouts of a batch.
INSERT INTO instalments (instalment_id, payout_id, mandate_id, loan_id, application_id, lender_id, payee_id,
                         amount_minor, withheld_at)
SELECT i.instalment_id, i.payout_id, m.mandate_id, m.loan_id, m.application_id, m.lender_id, m.payee_id,
       i.amount_minor, :now::timestamptz
  FROM unnest(:instalment_ids::uuid[], :payout_ids::uuid[], :mandate_ids::uuid[], :amounts_minor::bigint[])
       AS i (instalment_id, payout_id, mandate_id, amount_minor)
  JOIN mandates AS m USING (mandate_id);

-- name: lock_instalments_to_pass_on
-- Answered wholly, accepted at least in part, in no remittance, for lenders who can be paid now. Whoever said where a
-- lender is paid does not also approve that it is: its instalments wait for another officer. Of two batches that are
-- approved at once, one gets them.
SELECT instalment_id, lender_id, accepted_minor
  FROM instalments AS i
 WHERE remittance_id IS NULL AND accepted_minor > 0 AND accepted_minor + refused_minor = amount_minor
   AND EXISTS (SELECT FROM bank_accounts AS b
                WHERE b.holder_id = i.lender_id AND b.held_until <= :now::timestamptz AND b.set_by <> :approved_by)
 ORDER BY instalment_id
 LIMIT :most::integer
   FOR UPDATE;

-- name: remittances_waiting
-- What lenders have to get, and whether their bank account is known: what the next batch will pass on.
SELECT i.lender_id, sum(i.accepted_minor)::bigint AS amount_minor, b.holder_id IS NOT NULL AS has_bank_account
  FROM instalments AS i
  LEFT JOIN bank_accounts AS b ON b.holder_id = i.lender_id AND b.held_until <= :now::timestamptz
 WHERE i.remittance_id IS NULL AND i.accepted_minor > 0 AND i.accepted_minor + i.refused_minor = i.amount_minor
 GROUP BY i.lender_id, b.holder_id
 ORDER BY i.lender_id;

-- name: insert_remittances
-- One line per lender.
INSERT INTO remittances (remittance_id, batch_id, lender_id, amount_minor, scheduled_at)
SELECT r.remittance_id, :batch_id::uuid, r.lender_id, r.amount_minor, :now::timestamptz
  FROM unnest(:remittance_ids::uuid[], :lender_ids::uuid[], :amounts_minor::bigint[])
       AS r (remittance_id, lender_id, amount_minor);

-- name: put_into_remittances
-- Each instalment is passed on in one remittance at a time.
UPDATE instalments AS i SET remittance_id = r.remittance_id
  FROM unnest(:instalment_ids::uuid[], :remittance_ids::uuid[]) AS r (instalment_id, remittance_id)
 WHERE i.instalment_id = r.instalment_id AND i.remittance_id IS NULL;

-- name: insert_file_lines
-- As they will stand in the file, whatever changes later.
INSERT INTO bank_file_lines (line_id, batch_id, number, kind, holder_id, bank_code, account_number, holder_name,
                             amount_minor)
SELECT l.line_id, :batch_id::uuid, l.number, l.kind, l.holder_id, l.bank_code, l.account_number, l.holder_name,
       l.amount_minor
  FROM unnest(:line_ids::uuid[], :numbers::integer[], :kinds::text[], :holder_ids::uuid[], :bank_codes::text[],
              :account_numbers::text[], :holder_names::text[], :amounts_minor::bigint[])
       AS l (line_id, number, kind, holder_id, bank_code, account_number, holder_name, amount_minor);

-- name: file_lines
-- In their order.
SELECT line_id, number, kind, holder_id, bank_code, account_number, holder_name, amount_minor
  FROM bank_file_lines WHERE batch_id = :batch_id ORDER BY number;

-- name: lock_lines_of_batch
-- What the bank was told, and what it has answered so far. The batch is locked before.
SELECT payout_id AS line_id, 'PAYOUT' AS kind, payee_id AS holder_id, amount_minor, status::text, returned_reason
  FROM payouts
 WHERE batch_id = :batch_id AND status IN ('scheduled', 'paid', 'returned')
UNION ALL
SELECT remittance_id, 'REMITTANCE', lender_id, amount_minor, status::text, returned_reason
  FROM remittances
 WHERE batch_id = :batch_id;

-- name: settle_payouts
-- What the bank says of them, once.
UPDATE payouts AS p
   SET status = s.status::payout_status, returned_reason = s.reason, settled_at = s.settled_at
  FROM unnest(:line_ids::uuid[], :statuses::text[], :reasons::text[], :settled_ats::timestamptz[])
       AS s (line_id, status, reason, settled_at)
 WHERE p.payout_id = s.line_id AND p.status = 'scheduled';

-- name: settle_remittances
-- What the bank says of them, once.
UPDATE remittances AS r
   SET status = s.status::remittance_status, returned_reason = s.reason, settled_at = s.settled_at
  FROM unnest(:line_ids::uuid[], :statuses::text[], :reasons::text[], :settled_ats::timestamptz[])
       AS s (line_id, status, reason, settled_at)
 WHERE r.remittance_id = s.line_id AND r.status = 'scheduled';

-- name: lock_instalments_of_remittances
-- What was passed on, or comes back.
SELECT instalment_id, mandate_id, loan_id, application_id, lender_id, payee_id, accepted_minor, remittance_id
  FROM instalments WHERE remittance_id = ANY(:remittance_ids::uuid[]) ORDER BY instalment_id FOR UPDATE;

-- name: mark_passed_on
-- They are in the lender's account.
UPDATE instalments SET passed_on_at = :now WHERE remittance_id = ANY(:remittance_ids::uuid[]) AND passed_on_at IS NULL;

-- name: take_out_of_remittances
-- The bank sent the money back: the next batch tries again.
UPDATE instalments SET remittance_id = NULL WHERE remittance_id = ANY(:remittance_ids::uuid[]) AND passed_on_at IS NULL;

-- name: insert_answer
-- Refused ones too: they are what an officer has to look at.
INSERT INTO bank_answers (answer_id, batch_id, sha256, received_by, received_at, verdict, detail)
VALUES (:answer_id, :batch_id, :sha256, :received_by, :now, :verdict, :detail);

-- name: open_lines
-- How many lines the bank has not answered; NULL when there is no such batch with the bank.
SELECT (SELECT count(*) FROM payouts AS p WHERE p.batch_id = b.batch_id AND p.status = 'scheduled')
       + (SELECT count(*) FROM remittances AS r WHERE r.batch_id = b.batch_id AND r.status = 'scheduled')
  FROM payout_batches AS b WHERE b.batch_id = :batch_id AND b.status IN ('approved', 'closed');

-- name: put_mandate
-- A higher version replaces a lower one, whichever comes first; an end is a version too.
INSERT INTO mandates (mandate_id, version, loan_id, application_id, lender_id, payee_id, dues, share_basis_points_max,
                      ended_reason, changed_at)
VALUES (:mandate_id, :version, :loan_id, :application_id, :lender_id, :payee_id, :dues::jsonb,
        :share_basis_points_max, :ended_reason, :changed_at)
    ON CONFLICT (mandate_id) DO UPDATE
   SET version = excluded.version, dues = excluded.dues, share_basis_points_max = excluded.share_basis_points_max,
       ended_reason = excluded.ended_reason, changed_at = excluded.changed_at
 WHERE mandates.version < excluded.version;

-- name: insert_repayment
-- Each counts once, however often it is told.
INSERT INTO repayments (repayment_id, loan_id, instalment_id, amount_minor, received_at)
VALUES (:repayment_id, :loan_id, :instalment_id, :amount_minor, :received_at)
    ON CONFLICT DO NOTHING;

-- name: lock_mandates
-- Before their instalments, as whoever approves a batch does.
SELECT mandate_id FROM mandates WHERE mandate_id = ANY(:ids::uuid[]) ORDER BY mandate_id FOR UPDATE;

-- name: lock_instalments
-- Before anything is decided about them, ids sorted.
SELECT instalment_id FROM instalments WHERE instalment_id = ANY(:ids::uuid[]) ORDER BY instalment_id FOR UPDATE;

-- name: instalment
-- As far as it is answered; locked by the runner before.
SELECT instalment_id, loan_id, payout_id, payee_id, amount_minor, accepted_minor, refused_minor
  FROM instalments WHERE instalment_id = :instalment_id;

-- name: accept_instalment
-- This much counts for the loan.
UPDATE instalments SET accepted_minor = accepted_minor + :amount_minor WHERE instalment_id = :instalment_id;

-- name: refuse_instalment
-- This much goes back to the payee.
UPDATE instalments SET refused_minor = :amount_minor WHERE instalment_id = :instalment_id AND refused_minor = 0;

-- name: batch
-- One batch as officers see it.
SELECT batch_id, status::text, up_to_date, created_by, created_at, approved_by, approved_at, cancelled_by, cancelled_at,
       submitted_at, closed_at, file_lines, file_total_minor, file_sha256, trouble
  FROM payout_batches WHERE batch_id = :batch_id;

-- name: batches
-- The newest first.
SELECT batch_id, status::text, up_to_date, created_by, created_at, approved_by, approved_at, cancelled_by, cancelled_at,
       submitted_at, closed_at, file_lines, file_total_minor, file_sha256, trouble
  FROM payout_batches
 WHERE (:status::text IS NULL OR status = :status::text::payout_batch_status)
   AND (:before_at::timestamptz IS NULL OR (created_at, batch_id) < (:before_at::timestamptz, :before_id::uuid))
 ORDER BY created_at DESC, batch_id DESC
 LIMIT :most::integer;

-- name: payouts_of_batch
-- All lines of a batch, those left out included.
SELECT payout_id, batch_id, payee_id, status::text, draft_minor, balance_minor, instalments_minor, amount_minor,
       left_out_reason, returned_reason, scheduled_at, settled_at
  FROM payouts WHERE batch_id = :batch_id ORDER BY payout_id;

-- name: remittances_of_batch
-- All lines for lenders.
SELECT remittance_id, lender_id, amount_minor, status::text, returned_reason, scheduled_at, settled_at
  FROM remittances WHERE batch_id = :batch_id ORDER BY lender_id;

-- name: answers_of_batch
-- What the bank has said, the newest first.
SELECT answer_id, sha256, received_by, received_at, verdict, detail
  FROM bank_answers WHERE batch_id = :batch_id ORDER BY received_at DESC, answer_id LIMIT 20;

-- name: payouts_of_payee
-- What a payee was paid, the newest first; drafts are not theirs to see.
SELECT p.payout_id, p.batch_id, p.payee_id, p.status::text, p.draft_minor, p.balance_minor, p.instalments_minor,
       p.amount_minor, p.left_out_reason, p.returned_reason, p.scheduled_at, p.settled_at, b.created_at
  FROM payouts AS p
  JOIN payout_batches AS b USING (batch_id)
 WHERE p.payee_id = :payee_id AND p.status NOT IN ('draft', 'cancelled')
   AND (:before_at::timestamptz IS NULL OR (b.created_at, p.payout_id) < (:before_at::timestamptz, :before_id::uuid))
 ORDER BY b.created_at DESC, p.payout_id DESC
 LIMIT :most::integer;

-- name: instalments_of_payouts
-- What of each payout was kept for which loan.
SELECT instalment_id, payout_id, mandate_id, loan_id, lender_id, amount_minor, accepted_minor, refused_minor,
       withheld_at, passed_on_at
  FROM instalments WHERE payout_id = ANY(:payout_ids::uuid[]) ORDER BY instalment_id;
