-- How many days a domain's events are kept. A domain without a row keeps them for ever.
CREATE TABLE retention (
    domain BIGINT PRIMARY KEY REFERENCES domains (domain),
    days   BIGINT NOT NULL
);
