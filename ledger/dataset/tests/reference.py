"""The canonical form of docs/dataset-format.md a second time, for tests to compare: from tables of pyarrow, without
anything of the crate. Written to be read beside the specification, not to be fast.

reference.py files FOLDER     writes files with pyarrow and polars, and prints what their digests and profiles must be
reference.py vectors          prints ledger/dataset/vectors/1.json
"""

import datetime
import decimal
import hashlib
import json
import math
import random
import re
import struct
import sys
from pathlib import Path

import blake3

MAGIC = b"prooflane-dataset/1\n"
EPOCH = datetime.date(1970, 1, 1).toordinal()


def hashed(algorithm, data):
    return (blake3.blake3(data) if algorithm == "blake3" else hashlib.sha3_256(data)).digest()


def code(kind):
    """The two bytes of a kind."""
    if match := re.fullmatch(r"(int|uint|float)(\d+)", kind):
        return bytes([{"int": 2, "uint": 3, "float": 6}[match[1]], int(match[2])])
    if match := re.fullmatch(r"decimal(128)?\((\d+)\)", kind):
        return bytes([5 if match[1] else 4, int(match[2])])
    if match := re.fullmatch(r"timestamp\[(us|ns)(, UTC)?\]", kind):
        return bytes([10 if match[2] else 9, {"us": 6, "ns": 9}[match[1]]])
    return bytes({"bool": [1, 0], "date": [7, 0], "time": [8, 9], "text": [11, 0], "bytes": [12, 0]}[kind])


def key(kind, value):
    """A value's key and its length in bytes. Decimals, dates, times and timestamps come as the integers they are."""
    tag, parameter = code(kind)
    if tag == 6:
        if math.isnan(value):
            bits = 0x7FF8000000000000 if parameter == 64 else 0x7FC00000
        else:
            value = 0.0 if value == 0 else value
            bits = int.from_bytes(struct.pack(">d" if parameter == 64 else ">f", value), "big")
        top = 1 << (parameter - 1)
        ones = (1 << parameter) - 1
        return (bits ^ ones if bits & top else bits | top), parameter // 8
    if tag in (1, 3, 8):
        return int(value), {1: 1, 3: parameter // 8, 8: 8}[tag]
    bits = {2: parameter, 4: 64, 5: 128, 7: 32, 9: 64, 10: 64}[tag]
    return value + (1 << (bits - 1)), bits // 8


def streams(kind, values):
    """The two or three byte streams of a column."""
    presence = bytearray((len(values) + 7) // 8)
    for row, value in enumerate(values):
        if value is not None:
            presence[row // 8] |= 1 << (row % 8)
    if kind in ("text", "bytes"):
        data = [(value.encode() if kind == "text" else value) if value is not None else b"" for value in values]
        lengths = b"".join(struct.pack("<I", len(value)) for value in data)
        return [bytes(presence), lengths, b"".join(data)]
    width = key(kind, 0)[1]
    keys = (0 if value is None else key(kind, value)[0] for value in values)
    return [bytes(presence), b"".join(value.to_bytes(width, "little") for value in keys)]


def manifest(algorithm, columns):
    """The manifest of columns: (name, kind, values)."""
    out = MAGIC + struct.pack("<QI", len(columns[0][2]), len(columns))
    for name, kind, values in columns:
        out += struct.pack("<I", len(name.encode())) + name.encode() + code(kind)
        for stream in streams(kind, values):
            out += hashed(algorithm, stream)
    return out


def digest(algorithm, columns):
    return f"{algorithm}:{hashed(algorithm, manifest(algorithm, columns)).hex()}"


def show(kind, value):
    """A value in its kind's notation."""
    if value is None:
        return None
    if kind == "bool":
        return "true" if value else "false"
    if kind.startswith("decimal"):
        scale = code(kind)[1]
        text = str(abs(value)).rjust(scale + 1, "0")
        sign = "-" if value < 0 else ""
        return sign + (text if scale == 0 else f"{text[:-scale]}.{text[-scale:]}")
    if kind == "date":
        return datetime.date.fromordinal(EPOCH + value).isoformat()
    if kind == "time":
        return clock(*divmod(value, 10**9), 9)
    if kind.startswith("timestamp"):
        digits = code(kind)[1]
        seconds, fraction = divmod(value, 10**digits)
        days, seconds = divmod(seconds, 86400)
        zone = "Z" if "UTC" in kind else ""
        return f"{show('date', days)}T{clock(seconds, fraction, digits)}{zone}"
    if kind == "bytes":
        return value.hex()
    return value if kind == "text" else str(value)


def clock(seconds, fraction, digits):
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return text + (f".{fraction:0{digits}}".rstrip("0") if fraction else "")


def profile(kind, values):
    """What the crate's profile must say of a column; quantiles only where its sketch holds all values."""
    there = [value for value in values if value is not None]
    ordered = kind not in ("text", "bytes", "float32", "float64")
    numbers = there if ordered else []
    if kind in ("float32", "float64"):
        numbers = [value for value in there if not math.isnan(value)]
    if not ordered and kind in ("text", "bytes"):
        numbers = [len(value.encode() if kind == "text" else value) for value in there]
    expected = {"nulls": len(values) - len(there), "nan": 0, "distinct": len(set(numbers if ordered else there))}
    if kind in ("float32", "float64"):
        expected |= {"nan": len(there) - len(numbers), "distinct": len(set(numbers))}
        # Their notation is Rust's; the test compares numbers.
        expected |= {"min_float": min(numbers, default=None), "max_float": max(numbers, default=None)}
        if numbers and all(map(math.isfinite, numbers)):
            expected["mean"] = math.fsum(numbers) / len(numbers)
        return {name: None if type(value) is float and math.isinf(value) else value for name, value in expected.items()}
    shown = (lambda value: show(kind, value)) if ordered else str
    if numbers:
        expected |= {"min": shown(min(numbers)), "max": shown(max(numbers))}
        if kind in ("date", "time") or kind.startswith("timestamp"):
            expected["mean_text"] = shown(sum(numbers) // len(numbers))
        else:
            scale = code(kind)[1] if kind.startswith("decimal") else 0
            expected["mean"] = sum(map(int, numbers)) / len(numbers) / 10**scale
        if len(numbers) <= 2048:
            numbers.sort()
            rank = lambda share: math.ceil(share * len(numbers)) - 1
            expected["quantiles"] = [shown(numbers[max(rank(share), 0)]) for share in (0.05, 0.25, 0.5, 0.75, 0.95)]
    return expected


def columns_of(table):
    """The columns of a table of pyarrow, as the specification maps Parquet's types."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = []
    for name, column in zip(table.column_names, table.columns):
        if pa.types.is_dictionary(column.type):
            column = pc.cast(column, column.type.value_type)
        of = column.type
        if pa.types.is_decimal(of):
            kind = f"decimal({of.scale})" if of.precision <= 18 else f"decimal128({of.scale})"
            with decimal.localcontext(prec=60):
                values = [None if v is None else int(v.scaleb(of.scale)) for v in column.to_pylist()]
        elif pa.types.is_timestamp(of):
            unit = "ns" if of.unit == "ns" else "us"
            kind = f"timestamp[{unit}{', UTC' if of.tz else ''}]"
            factor = {"s": 10**6, "ms": 1000}.get(of.unit, 1)
            values = [None if v is None else v * factor for v in pc.cast(column, pa.int64()).to_pylist()]
        elif pa.types.is_time(of):
            kind = "time"
            integer = pa.int32() if pa.types.is_time32(of) else pa.int64()
            factor = {"s": 10**9, "ms": 10**6, "us": 1000, "ns": 1}[of.unit]
            values = [None if v is None else v * factor for v in pc.cast(column, integer).to_pylist()]
        elif pa.types.is_date(of):
            kind, values = "date", pc.cast(column, pa.int32()).to_pylist()
        else:
            names = {"double": "float64", "float": "float32", "string": "text", "large_string": "text", "string_view": "text"}
            names |= {"binary": "bytes", "large_binary": "bytes", "binary_view": "bytes"}
            kind = names.get(str(of), "bytes" if pa.types.is_fixed_size_binary(of) else str(of))
            values = column.to_pylist()
        columns.append((name, kind, values))
    return columns


def samples(rows, seed):
    """A table with every kind, edges among the values."""
    import pyarrow as pa

    chance = random.Random(seed)

    def column(of, draw, edges=()):
        def value():
            roll = chance.random()
            return None if roll < 0.1 else chance.choice(edges) if edges and roll < 0.2 else draw()

        return pa.array([value() for _ in range(rows)], of)

    def integer(bits, signed):
        low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
        of = getattr(pa, f"{'' if signed else 'u'}int{bits}")()
        return column(of, lambda: chance.randint(low, high), [low, high, 0])

    def digits(count, scale):
        with decimal.localcontext(prec=60):
            return decimal.Decimal(chance.randint(-(10**count) + 1, 10**count - 1)).scaleb(-scale)

    floats = [0.0, -0.0, math.nan, -math.nan, math.inf, -math.inf, 5e-324, 1.5]
    years = lambda unit: chance.randint(-(10**9), 4 * 10**9) * unit + chance.randrange(unit)
    return pa.table(
        {
            "bool": column(pa.bool_(), lambda: chance.random() < 0.5),
            **{f"int{bits}": integer(bits, True) for bits in (8, 16, 32, 64)},
            **{f"uint{bits}": integer(bits, False) for bits in (8, 16, 32, 64)},
            "decimal": column(pa.decimal128(18, 4), lambda: digits(18, 4)),
            "small decimal": column(pa.decimal128(5, 2), lambda: digits(5, 2)),
            "wide decimal": column(pa.decimal128(38, 10), lambda: digits(38, 10)),
            "float32": column(pa.float32(), lambda: chance.gauss(0, 1000), [v for v in floats if v != 5e-324]),
            "float64": column(pa.float64(), lambda: chance.gauss(0, 1e6), floats),
            "date": column(pa.date32(), lambda: chance.randint(-30000, 60000)),
            "time ms": column(pa.time32("ms"), lambda: chance.randrange(86_400_000)),
            "time us": column(pa.time64("us"), lambda: chance.randrange(86_400_000_000)),
            "time ns": column(pa.time64("ns"), lambda: chance.randrange(86_400_000_000_000)),
            "local s": column(pa.timestamp("s"), lambda: years(1)),
            "local ms": column(pa.timestamp("ms"), lambda: years(1000)),
            "local us": column(pa.timestamp("us"), lambda: years(10**6)),
            "local ns": column(pa.timestamp("ns"), lambda: years(10**9)),
            "instant": column(pa.timestamp("us", "Europe/Berlin"), lambda: years(10**6)),
            "instant ns": column(pa.timestamp("ns", "UTC"), lambda: years(10**9)),
            "text": column(pa.string(), lambda: "".join(chance.choices("aé漢𝄞\" ,\n\0", k=chance.randrange(12))), [""]),
            "large text": column(pa.large_string(), lambda: chance.choice("ab") * chance.randrange(300)),
            "category": column(pa.string(), lambda: chance.choice(["red", "green", "blue"])).dictionary_encode(),
            "bytes": column(pa.binary(), lambda: chance.randbytes(chance.randrange(10)), [b""]),
            "fixed": column(pa.binary(4), lambda: chance.randbytes(4)),
        }
    )


def files(folder):
    import polars as pl
    import pyarrow as pa
    import pyarrow.parquet as pq

    def expect(name, columns, types=None):
        said = {"file": name, "types": types or {}, "rows": len(columns[0][2])}
        said |= {algorithm: digest(algorithm, columns) for algorithm in ("blake3", "sha3-256")}
        said["profile"] = {column: profile(kind, values) for column, kind, values in columns}
        print(json.dumps(said))

    def refuse(name, column):
        print(json.dumps({"file": name, "refused": column}))

    def written(name, table, types=None, **options):
        pq.write_table(table, folder / name, **options)
        expect(name, columns_of(table), types)

    table = samples(1500, 1)
    for codec in ("none", "snappy", "gzip", "brotli", "lz4", "zstd"):
        written(f"{codec}.parquet", table, compression=codec)
    written("groups.parquet", table, row_group_size=7)
    written("plain.parquet", table, use_dictionary=False, store_schema=False)
    written("v2.parquet", table, data_page_version="2.0", write_page_index=True, write_page_checksum=True)
    written("many.parquet", samples(70_001, 2), row_group_size=30_000)
    written("empty.parquet", table.slice(0, 0))
    written("one.parquet", table.slice(5, 1))
    written("nulls.parquet", pa.table({name: pa.nulls(9, table[name].type) for name in table.column_names}))
    written("int96.parquet", table.select(["local ns"]), use_deprecated_int96_timestamps=True)
    # A million characters in a value, and values that take many times the file's size.
    written("long.parquet", pa.table({"text": ["x" * 1_000_000, None, "", "é" * 500_000] * 50}))
    written("required.parquet", pa.table({"a": [1, 2]}, pa.schema([pa.field("a", pa.int64(), nullable=False)])))

    nested = {
        "list": pa.array([[1]]),
        "struct": pa.array([{"a": 1}]),
        "map": pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())),
        "half": pa.array([1.5], pa.float32()).cast(pa.float16()),
        "null": pa.nulls(1),
        "decimal256": pa.array([decimal.Decimal(1)], pa.decimal256(50, 2)),
    }
    for name, array in nested.items():
        pq.write_table(pa.table({"a": [1], "the " + name: array}), folder / f"refused-{name}.parquet")
        refuse(f"refused-{name}.parquet", "the " + name)

    chance = random.Random(3)
    moments = [datetime.datetime(2024, 2, 29) + datetime.timedelta(microseconds=chance.randrange(10**15)) for _ in range(999)]
    frame = pl.DataFrame(
        {
            "id": range(1000),
            "small": pl.Series([chance.randrange(256) for _ in range(1000)], dtype=pl.UInt8),
            "price": pl.Series([decimal.Decimal(chance.randrange(10**9)).scaleb(-2) for _ in range(1000)], dtype=pl.Decimal(38, 2)),
            "ratio": [chance.gauss(0, 1) for _ in range(1000)],
            "flag": [chance.random() < 0.5 for _ in range(1000)],
            "name": pl.Series([chance.choice(["a", "", None, "ü,\"\n"]) for _ in range(1000)]),
            "colour": pl.Series([chance.choice(["red", "green", None]) for _ in range(1000)], dtype=pl.Categorical),
            "day": [moment.date() for moment in moments] + [None],
            "hour": [moment.time() for moment in moments] + [None],
            "local": pl.Series(moments + [None], dtype=pl.Datetime("us")),
            "utc": pl.Series(moments + [None]).dt.replace_time_zone("UTC"),
        }
    )
    types = {"price": "decimal(2)?"}
    columns = [
        (name, "decimal(2)" if name == "price" else kind, values)
        for name, kind, values in columns_of(frame.to_arrow())
    ]
    frame.write_parquet(folder / "polars.parquet")
    expect("polars.parquet", columns, types)
    frame.write_parquet(folder / "polars-groups.parquet", compression="lz4", row_group_size=99, use_pyarrow=False)
    expect("polars-groups.parquet", columns, types)
    # Text has no widths.
    types |= {"small": "uint8"}
    frame.write_csv(folder / "polars.csv")
    expect("polars.csv", columns, types)
    text = [column for column in columns if column[0] not in ("price", "local", "utc")]
    frame.select([column[0] for column in text]).write_ndjson(folder / "polars.jsonl")
    expect("polars.jsonl", text, {"small": "uint8"})
    frame.select(pl.struct(["id", "name"]).alias("both")).write_parquet(folder / "refused-polars.parquet")
    refuse("refused-polars.parquet", "both")


def vectors():
    """Datasets small enough to be written out."""
    huge = [-(1 << 63), -1, 0, (1 << 63) - 1]
    nan, inf = math.nan, math.inf
    datasets = {
        "empty": [("a", "int64", []), ("b", "text", [])],
        "one row": [("a", "int64", [7]), ("b", "text", ["é"])],
        "all nulls": [("a", "int32", [None] * 9), ("b", "text", [None] * 9), ("c", "decimal128(3)", [None] * 9)],
        "integers": [("i8", "int8", [-128, -1, 0, 127]), ("u16", "uint16", [0, 1, 256, 65535]), ("i64", "int64", huge)]
        + [("u64", "uint64", [0, 1, None, (1 << 64) - 1]), ("u32", "uint32", [0, 1, 2, (1 << 32) - 1])],
        "floats": [("f64", "float64", [-inf, -1.5, -0.0, 0.0, 5e-324, inf, nan, None])]
        + [("f32", "float32", [-inf, -1.5, -0.0, 0.0, 2.0**-149, inf, nan, None])],
        "decimals": [("price", "decimal(2)", [1250, -1, None]), ("wide", "decimal128(0)", [10**38 - 1, -(10**38) + 1, None])],
        "times": [("day", "date", [0, -1, 19782]), ("hour", "time", [0, 1, 86_399_999_999_999])]
        + [("local", "timestamp[us]", [0, -1, None]), ("utc", "timestamp[ns, UTC]", [0, -1, 1_700_000_000_123_456_789])],
        "strings": [("", "text", ["", None, "e\u0301", "é"]), ("b\n", "bytes", [b"", None, b"\0\xff", b"a"])],
        "bools": [("b", "bool", [True, False, None, True, True, True, False, True, True])],
    }
    entries = []
    for name, columns in datasets.items():
        entry = {"name": name, "rows": len(columns[0][2]), "columns": []}
        for column, kind, values in columns:
            parts = dict(zip(("presence", "values", "bytes"), (stream.hex() for stream in streams(kind, values))))
            texts = [None if v is None else rust_float(v) if kind.startswith("float") else show(kind, v) for v in values]
            entry["columns"].append({"name": column, "type": kind, "rows": texts, "streams": parts})
        for algorithm in ("blake3", "sha3-256"):
            entry[algorithm] = {"manifest": manifest(algorithm, columns).hex(), "digest": digest(algorithm, columns)}
        entries.append(entry)
    print(json.dumps({"format": "prooflane-dataset/1", "datasets": entries}, indent=1, ensure_ascii=True))


def rust_float(value):
    return "NaN" if math.isnan(value) else repr(value)


if __name__ == "__main__":
    if sys.argv[1] == "files":
        files(Path(sys.argv[2]))
    else:
        vectors()
