-- When an administrator wanted a policy to be forgotten, in seconds since 1970; 0 for never. The row stays for a year without a policy.
ALTER TABLE tls_policies ADD COLUMN forgotten_at INTEGER NOT NULL DEFAULT 0;
CREATE INDEX tls_policies_by_forgetting ON tls_policies (forgotten_at) WHERE forgotten_at > 0;
