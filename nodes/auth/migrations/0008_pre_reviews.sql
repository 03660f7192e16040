-- Decisions of the safety node are told at least once; their lines are kept once.
CREATE UNIQUE INDEX audit_log_review ON audit_log (id) WHERE event = 'review_decided';
