"""Writes orders.parquet, the README's example, with pyarrow: python orders.py"""
import datetime
import decimal
import random

import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 10_000
CITIES = ["Basel", "Bern", "Geneva", "Lugano", "Zurich"]
draw = random.Random(7)
cents = [draw.randint(100, 99_999) for _ in range(ROWS)]
start = datetime.date(2026, 1, 1)
orders = pa.table(
    {
        "order": pa.array(range(1, ROWS + 1), pa.int64()),
        "amount": pa.array([decimal.Decimal(c) / 100 for c in cents], pa.decimal128(10, 2)),
        "customer": pa.array([draw.randint(1, 500) for _ in range(ROWS)], pa.uint32()),
        "city": pa.array([draw.choice(CITIES) for _ in range(ROWS)], pa.string()),
        "day": pa.array([start + datetime.timedelta(draw.randrange(300)) for _ in range(ROWS)], pa.date32()),
        "discount": pa.array([draw.choice([None, 0.05, 0.1]) for _ in range(ROWS)], pa.float64()),
        "paid": pa.array([draw.random() < 0.9 for _ in range(ROWS)], pa.bool_()),
    }
)
pq.write_table(orders, "orders.parquet", compression="zstd")
