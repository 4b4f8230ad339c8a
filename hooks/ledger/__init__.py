"""What is known, wanted and scheduled, durably: tables, transactions and the queries with names."""
