-- name: events_of
-- What was published of an order, from the event log.
SELECT event_id, type, occurred_at, traceparent FROM outbox WHERE ordering_key = :ordering_key ORDER BY occurred_at;

-- name: accounts
-- People who may sign in.
SELECT count(*) FROM accounts WHERE id = ANY(:account_ids::uuid[]);

-- name: shops
-- Shops of this story.
SELECT count(*) FROM shops WHERE shop_id = ANY(:shop_ids::uuid[]);

-- name: products
-- Products of the story's spreadsheet.
SELECT count(*) FROM products WHERE product_id = ANY(:product_ids::uuid[]);

-- name: offers
-- The same products in the copy that orders keeps.
SELECT count(*) FROM offers WHERE product_id = ANY(:product_ids::uuid[]) AND is_listed;

-- name: stock_value
-- Stock that can be sold, at its price, in rupiah.
SELECT coalesce(sum((s.on_hand - s.reserved) * p.unit_price_minor), 0)::bigint
  FROM stock AS s JOIN products AS p USING (product_id)
 WHERE p.product_id = ANY(:product_ids::uuid[]);

-- name: order_total
-- The order from its lines and parcels, not from its total.
SELECT (SELECT sum(quantity * unit_price_minor) FROM order_lines WHERE order_id = :order_id::uuid)::bigint
     + (SELECT sum(shipping_minor) FROM parcels WHERE order_id = :order_id::uuid)::bigint;

-- name: received
-- Money received for the order, from the provider's notifications.
SELECT coalesce(sum(amount_minor - refunded_minor), 0)::bigint FROM receipts WHERE order_id = :order_id::uuid;

-- name: refunded
-- Money given back.
SELECT coalesce(sum(amount_minor), 0)::bigint FROM refunds WHERE order_id = :order_id::uuid AND status = 'made';

-- name: on_hand
-- Pieces in stock.
SELECT on_hand FROM stock WHERE product_id = :product_id::uuid;

-- name: available
-- Pieces that can be sold.
SELECT on_hand - reserved FROM stock WHERE product_id = :product_id::uuid;

-- name: parcels_in
-- Parcels of an order that are where they should be.
SELECT count(*) FROM parcels WHERE order_id = :order_id::uuid AND status::text = :status;

-- name: completed_by_clock
-- Parcels that the clock completed.
SELECT count(*) FROM parcels WHERE order_id = :order_id::uuid AND completed_by = 'clock';

-- name: orders_in
-- How many of these orders are in a status.
SELECT count(*) FROM orders WHERE order_id = ANY(:order_ids::uuid[]) AND status::text = :status;


-- name: with_role
-- Accounts that have a role.
SELECT count(*) FROM roles WHERE account_id = ANY(:account_ids::uuid[]) AND role = :role;

-- name: shops_of_cooperative
-- Shops of this story that were opened under the cooperative.
SELECT count(*) FROM shops WHERE shop_id = ANY(:shop_ids::uuid[]) AND cooperative_id = :cooperative_id::uuid;

-- name: members
-- Who is in the register, from its lines.
SELECT count(DISTINCT member_id) FROM register_entries
 WHERE cooperative_id = :cooperative_id::uuid AND change = 'admitted';

-- name: saved
-- What members saved of a kind, from the ledger's entries and not from its balances.
SELECT coalesce(sum(CASE WHEN e.side = 'credit' THEN e.amount_minor ELSE -e.amount_minor END), 0)::bigint
  FROM books AS b JOIN ledger_entries AS e ON e.account_id = b.ledger_account_id
 WHERE b.cooperative_id = :cooperative_id::uuid AND b.code = :code;

-- name: certificates
-- Certificates of a training.
SELECT count(*) FROM certificates WHERE training_id = :training_id::uuid AND revoked_at IS NULL;

-- name: price
-- What one piece costs now.
SELECT unit_price_minor FROM products WHERE product_id = :product_id::uuid;

-- name: voluntary
-- A member's voluntary savings, from the ledger's entries.
SELECT coalesce(sum(CASE WHEN e.side = 'credit' THEN e.amount_minor ELSE -e.amount_minor END), 0)::bigint
  FROM books AS b JOIN ledger_entries AS e ON e.account_id = b.ledger_account_id
 WHERE b.member_id = :member_id::uuid AND b.code = '2101';

-- name: market_limit
-- What its last change says that a cooperative may owe the market.
SELECT after_minor FROM market_limits WHERE cooperative_id = :cooperative_id ORDER BY number DESC LIMIT 1;

-- name: ledger_balance
-- What an account holds, from its entries and not from its balance.
SELECT coalesce(sum(CASE WHEN e.side = a.normal_side THEN e.amount_minor ELSE -e.amount_minor END), 0)::bigint
  FROM ledger_accounts AS a JOIN ledger_entries AS e ON e.account_id = a.id
 WHERE a.code = :code;

-- name: lines_of_shop
-- What a shop sold in an order, the dearest piece last.
SELECT l.product_id, l.quantity, l.unit_price_minor
  FROM order_lines AS l JOIN parcels AS p USING (parcel_id)
 WHERE l.order_id = :order_id::uuid AND p.shop_id = :shop_id::uuid
 ORDER BY l.unit_price_minor, l.product_id;

-- name: answered
-- What the bank said of a batch, over payees and lenders.
SELECT coalesce(sum(amount_minor), 0)::bigint
  FROM (SELECT amount_minor, status::text FROM payouts WHERE batch_id = :batch_id::uuid
        UNION ALL
        SELECT amount_minor, status::text FROM remittances WHERE batch_id = :batch_id::uuid) AS lines
 WHERE status = :status;

-- name: bank_file_total
-- The lines that were written into the bank's file.
SELECT coalesce(sum(amount_minor), 0)::bigint FROM bank_file_lines WHERE batch_id = :batch_id::uuid;

-- name: events_logged
-- Which of these events are in the log.
SELECT count(*) FROM outbox WHERE event_id = ANY(:event_ids::uuid[]);

-- name: lenders_offering
-- Which of these lenders offer a product.
SELECT count(DISTINCT lender_id) FROM loan_products WHERE lender_id = ANY(:lender_ids::uuid[]) AND state = 'offered';

-- name: turnover
-- What a shop sold, less what went back: goods of its completed parcels.
SELECT sum(goods_minor - refunded_minor)::bigint FROM sales WHERE shop_id = :shop_id::uuid;

-- name: turnover_by_lines
-- The same from the lines and refunds of orders.
SELECT coalesce(sum(l.quantity * l.unit_price_minor - coalesce(b.back_minor, 0)), 0)::bigint
  FROM parcels AS p
  JOIN order_lines AS l USING (parcel_id)
  LEFT JOIN (SELECT parcel_id, product_id, sum(amount_minor) AS back_minor
               FROM refund_parts GROUP BY parcel_id, product_id) AS b USING (parcel_id, product_id)
 WHERE p.shop_id = :shop_id::uuid AND p.status = 'completed';

-- name: lenders_told
-- In whose log the application is.
SELECT count(DISTINCT lender_id) FROM lender_log
 WHERE type = 'lending.application_published.v1' AND data::jsonb ->> 'application_id' = :application_id;

-- name: reads
-- Questions for a profile under a consent.
SELECT count(*) FROM consent_reads WHERE consent_id = :consent_id::uuid AND outcome = :outcome;

-- name: profiles
-- Profiles that may still be read under a consent.
SELECT count(*) FROM profiles WHERE consent_id = :consent_id::uuid;

-- name: owed
-- What a loan owes, from its plan.
SELECT sum(principal_minor + cost_minor - principal_paid_minor - cost_paid_minor - cost_waived_minor)::bigint
  FROM loan_dues WHERE loan_id = :loan_id::uuid;

-- name: oldest_due
-- The first day of the plan of which something is open.
SELECT min(due_on) FROM loan_dues
 WHERE loan_id = :loan_id::uuid
   AND principal_minor + cost_minor > principal_paid_minor + cost_paid_minor + cost_waived_minor;

-- name: missed
-- How far a subscription is behind the lender's log.
SELECT l.head - s.position FROM subscriptions AS s JOIN lender_logs AS l USING (lender_id)
 WHERE s.subscription_id = :subscription_id::uuid;

-- name: withheld
-- What was kept of payouts for a loan.
SELECT coalesce(sum(amount_minor), 0)::bigint FROM instalments WHERE loan_id = :loan_id::uuid;

-- name: passed_on
-- What of it the lender's bank account has.
SELECT coalesce(sum(i.accepted_minor), 0)::bigint
  FROM instalments AS i JOIN remittances AS r USING (remittance_id)
 WHERE i.loan_id = :loan_id::uuid AND r.status = 'paid';

-- name: repaid
-- What counted for a loan.
SELECT coalesce(sum(amount_minor), 0)::bigint FROM repayments WHERE loan_id = :loan_id::uuid;

-- name: patronage
-- Dealings of members with their cooperative, less what went back.
SELECT coalesce(sum(e.completed_minor - e.refunded_minor), 0)::bigint
  FROM patronage_entries AS e
  LEFT JOIN patronage_shops AS s ON s.shop_id = e.party_id
  JOIN members AS m ON m.cooperative_id = e.cooperative_id AND m.account_id = coalesce(s.owner_id, e.party_id)
 WHERE e.cooperative_id = :cooperative_id::uuid;

-- name: bought_in
-- What a buyer bought of shops under a cooperative, from the lines and refunds of orders.
SELECT coalesce(sum(l.quantity * l.unit_price_minor - coalesce(b.back_minor, 0)), 0)::bigint
  FROM orders AS o
  JOIN parcels AS p USING (order_id)
  JOIN order_lines AS l USING (parcel_id)
  LEFT JOIN (SELECT parcel_id, product_id, sum(amount_minor) AS back_minor
               FROM refund_parts GROUP BY parcel_id, product_id) AS b USING (parcel_id, product_id)
 WHERE o.buyer_id = :buyer_id::uuid AND p.cooperative_id = :cooperative_id::uuid AND p.status = 'completed';

-- name: trial_column
-- Accounts with a debit balance, line by line of the chart, from the entries.
SELECT coalesce(sum(balance_minor) FILTER (WHERE balance_minor > 0), 0)::bigint
  FROM (SELECT b.code, sum(CASE WHEN e.side = 'debit' THEN e.amount_minor ELSE -e.amount_minor END) AS balance_minor
          FROM books AS b JOIN ledger_entries AS e ON e.account_id = b.ledger_account_id
         WHERE b.cooperative_id = :cooperative_id::uuid GROUP BY b.code) AS lines;

-- name: roll
-- Who is on the roll of a meeting.
SELECT count(*) FROM meeting_roll WHERE meeting_id = :meeting_id::uuid;

-- name: votes
-- The ballots of a motion, counted one by one.
SELECT count(*) FILTER (WHERE choice = 'yes'), count(*) FILTER (WHERE choice = 'no'),
       count(*) FILTER (WHERE choice = 'abstain')
  FROM ballots WHERE motion_id = :motion_id::uuid;

-- name: surplus
-- Income less expenses of a year that was divided, from what went into the funds and to members.
SELECT surplus_minor FROM surplus_runs WHERE cooperative_id = :cooperative_id::uuid AND year = :year;

-- name: shares
-- What each member got.
SELECT member_id::text, capital_minor, service_minor FROM surplus_shares
 WHERE cooperative_id = :cooperative_id::uuid AND year = :year ORDER BY member_id::text;

-- name: cooperatives_of
-- Cooperatives that are registered in a province.
SELECT count(*) FROM cooperatives WHERE left(region_code, 2) = :province;

-- name: surplus_of
-- What the cooperatives of a province divided this month.
SELECT coalesce(sum(r.surplus_minor), 0)::bigint
  FROM surplus_runs AS r JOIN cooperatives AS c USING (cooperative_id)
 WHERE left(c.region_code, 2) = :province
   AND date_trunc('month', r.distributed_at AT TIME ZONE 'Asia/Jakarta')
       = date_trunc('month', now() AT TIME ZONE 'Asia/Jakarta');

-- name: shown
-- Blocks and pools of a province and its regencies that are shown for a month.
SELECT coalesce(sum(value), 0)::bigint FROM shown
 WHERE indicator = :indicator AND left(region_code, 2) = :province AND to_char(month, 'YYYY-MM') = :period;

-- name: blocks_too_small
-- Figures of which a block comes of fewer units than its rule says (public bodies may be one).
SELECT count(*) FROM shown WHERE units_least < units_min;
