"""Memberships into PostgreSQL by psycopg's `executemany`: python warehouse_insert.py URL memberships.csv"""

import csv
import sys
import time

import psycopg

url, path = sys.argv[1:]
with open(path, newline="", encoding="utf-8") as file:
    rows = [(row[1], row[2], row[10], row[4]) for row in csv.reader(file)]
with psycopg.connect(url) as connection, connection.cursor() as cursor:
    cursor.execute("DROP TABLE IF EXISTS python_membership")
    cursor.execute(
        "CREATE TABLE python_membership (audience_key text, member_key text, attributes jsonb,"
        " entered_at timestamptz, PRIMARY KEY (audience_key, member_key))"
    )
    begun = time.monotonic()
    cursor.executemany(
        "INSERT INTO python_membership VALUES (%s, %s, %s, %s) ON CONFLICT (audience_key, member_key)"
        " DO UPDATE SET attributes = excluded.attributes",
        rows,
    )
    connection.commit()
    took = time.monotonic() - begun
print(f"{'psycopg: executemany, memberships':<44} {took:8.2f} s {len(rows) / took:9.0f} rows/s")
