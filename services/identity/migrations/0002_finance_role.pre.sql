-- Officers who draft and approve payouts need not be operators.
ALTER TABLE roles DROP CONSTRAINT roles_role_check;
ALTER TABLE roles ADD CONSTRAINT roles_role_check CHECK (role ~ '^(operator|finance|government:[0-9]{2}(\.[0-9]{2})?)$');
