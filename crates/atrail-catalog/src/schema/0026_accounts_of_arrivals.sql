-- Whose request it was: the rows of an account are limited in number. Rows from before have none, and end by their age.
ALTER TABLE arrivals ADD COLUMN account BLOB;
CREATE INDEX arrivals_by_account ON arrivals (account, age);
