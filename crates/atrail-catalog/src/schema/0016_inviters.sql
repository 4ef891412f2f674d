-- Whose right an invitation rests on: it can be accepted only while its inviter owns the account. One from before this was known
-- can only be withdrawn, or made anew.
ALTER TABLE invitations ADD COLUMN inviter BLOB;
