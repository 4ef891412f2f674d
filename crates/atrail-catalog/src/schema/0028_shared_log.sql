-- Servers with a catalog in SQLite share no log: its tables are PostgreSQL's own.
SELECT 1;
