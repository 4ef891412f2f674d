-- A login of a browser has a cookie in place of refresh tokens: "cookie" is the SHA-256 of its value, and no use of the
-- login carries it past "cookie_ends".
ALTER TABLE logins ADD COLUMN cookie BLOB;
ALTER TABLE logins ADD COLUMN cookie_ends BIGINT;
CREATE UNIQUE INDEX logins_by_cookie ON logins (cookie) WHERE cookie IS NOT NULL;

-- Links that begin a login of a browser once, by the SHA-256 of their secret. They grant what the login that made them has,
-- "made_by", and end with it; a link that requests with an API key itself made names the key alone. "ends" is as for logins.
CREATE TABLE login_links (
    hash    BLOB PRIMARY KEY,
    holder  BLOB NOT NULL REFERENCES users (guid) ON DELETE CASCADE,
    api_key TEXT REFERENCES api_keys (key) ON DELETE CASCADE,
    made_by BLOB REFERENCES logins (login) ON DELETE CASCADE,
    ends    BIGINT,
    expires BIGINT NOT NULL
);
CREATE INDEX login_links_by_holder ON login_links (holder);
CREATE INDEX login_links_by_api_key ON login_links (api_key);
CREATE INDEX login_links_by_maker ON login_links (made_by);
