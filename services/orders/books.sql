-- The queries of orders' money: ledger accounts, settlements, refunds by part, savings, statements.

-- name: accounts_among
-- Accounts are opened when they are first used; almost always all of them are there.
SELECT id FROM ledger_accounts WHERE id = ANY(:ids::uuid[]);

-- name: balance_of
-- One row: the account knows its balance.
SELECT balance_minor FROM ledger_accounts WHERE id = :id;
