-- The trace in which an order was placed: everything that happens to the order later continues it, whoever acts.
ALTER TABLE orders ADD COLUMN traceparent text;
