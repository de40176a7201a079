// Makes the test vectors of this folder from the JavaScript libraries that wallets use, and checks that those libraries accept
// the signatures in rust-signatures.json. `node generate.mjs` writes, `node generate.mjs --check` only compares.
import { createHash } from "node:crypto"
import { readFileSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import createBlakeHash from "blake-hash"
import { buildEddsa } from "circomlibjs"
import * as lite from "poseidon-lite"

// zk-kit's ES module names exports of a CommonJS module that Node.js does not find; its CommonJS build works.
const require = createRequire(import.meta.url)
const { Base8, mulPointEscalar, packPoint, subOrder, unpackPoint } = require("@zk-kit/baby-jubjub")
const { derivePublicKey, packSignature, signMessage, unpackSignature, verifySignature } = require("@zk-kit/eddsa-poseidon")

const R = 21888242871839275222246405745257275088548364400416034343698204186575808495617n
const eddsa = await buildEddsa()
const { F, babyJub } = eddsa

const assert = (condition, message) => {
    if (!condition) throw new Error(message)
}
const same = (a, b, message) => assert(String(a) === String(b), `${message}: ${a} and ${b}`)
const strings = (values) => values.map(String)
const hex = (bytes) => `0x${Buffer.from(bytes).toString("hex")}`
const littleEndian = (n) => Buffer.from(n.toString(16).padStart(64, "0"), "hex").reverse()
const bigEndian = (bytes) => BigInt(hex(bytes))

// Deterministic "random" numbers.
let counter = 0
const bytes = () => createHash("sha256").update(`prooflane vector ${counter++}`).digest()
const element = () => bigEndian(bytes()) % R

// The two libraries must agree on every vector.
const poseidon = (inputs) => {
    const hash = lite[`poseidon${inputs.length}`](inputs)
    same(hash, F.toObject(eddsa.poseidon(inputs)), "poseidon-lite and circomlibjs")
    return hash
}
const pack = (point) => {
    const packed = littleEndian(packPoint(point))
    same(hex(packed), hex(babyJub.packPoint(point.map((c) => F.e(c)))), "packPoint of zk-kit and circomlibjs")
    same(unpackPoint(packPoint(point)), point, "unpackPoint")
    return hex(packed)
}
const verify = (message, { R8, S }, key) => {
    const signature = { R8: R8.map((c) => F.e(c)), S: BigInt(S) }
    assert(verifySignature(message, { R8, S }, key), "zk-kit refuses a signature")
    assert(eddsa.verifyPoseidon(F.e(message), signature, key.map((c) => F.e(c))), "circomlibjs refuses a signature")
}
const textToField = (domain, text) => bigEndian(createHash("sha256").update(`prooflane/${domain}/v1\0${text}`).digest()) % R
const bytes32ToField = (value) => poseidon([bigEndian(value.subarray(0, 16)), bigEndian(value.subarray(16))])

// `dataset-row@1`: three keys of 65 bits to an element, five elements to a hash, four nodes to a node, eleven levels.
const NULL = 1n << 64n
const chunks = (list, size) => Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(size * i, size * (i + 1)))
const filled = (list, size, filling) => [...list, ...Array.from({ length: size - list.length }, () => filling)]
const leafOf = ({ row, salt }) =>
    chunks(row, 15).reduce((state, block) => {
        const keys = filled(block.map((key) => (key === null ? NULL : BigInt(key))), 15, NULL)
        return poseidon([state, ...chunks(keys, 3).map(([a, b, c]) => a + (b << 65n) + (c << 130n))])
    }, BigInt(salt))
const dataset = (rows, index, column) => {
    const path = []
    let [level, empty, place] = [rows.map(leafOf), 0n, index]
    for (let i = 0; i < 11; i++) {
        const families = chunks(level, 4).map((family) => filled(family, 4, empty))
        path.push(strings(families[place >> 2].filter((_, i) => i !== (place & 3))))
        level = families.map((family) => poseidon(family))
        empty = poseidon([empty, empty, empty, empty])
        place >>= 2
    }
    assert(level.length === 1, "one node on top")
    const { row, salt } = rows[index]
    const root = String(poseidon([level[0], BigInt(Math.ceil(row.length / 15))]))
    return { rows, root, inputs: { root, column, low: row[column], high: row[column], row, salt, path, index } }
}
const rowsOf = (count, keys) =>
    Array.from({ length: count }, () => ({
        row: Array.from({ length: keys }, (_, i) => (i % 4 === 1 ? null : String(element() & (NULL - 1n)))),
        salt: hex(bytes().subarray(0, 31))
    }))

const files = {
    blake512: [0, 1, 31, 32, 64, 110, 111, 112, 113, 127, 128, 129, 144, 239, 240, 256, 1000].map((length) => {
        const input = Buffer.from(Array.from({ length }, (_, i) => (i * 7 + length) & 255))
        return { input: hex(input), hash: hex(createBlakeHash("blake512").update(input).digest()) }
    }),
    poseidon: [1, 2, 3, 4, 5, 6].flatMap((n) =>
        [() => 0n, () => 1n, () => R - 1n, (i) => BigInt(i + 1), () => 1n << 253n, element, element].map((value) => {
            const inputs = Array.from({ length: n }, (_, i) => value(i))
            return { inputs: strings(inputs), hash: String(poseidon(inputs)) }
        })
    ),
    babyjub: [0n, 1n, 2n, 3n, 7n, 8n, 9n, 1n << 250n, subOrder - 1n, (subOrder - 1n) / 2n, element() % subOrder, element() % subOrder]
        .map((scalar) => {
            const point = mulPointEscalar(Base8, scalar)
            return { scalar: String(scalar), point: strings(point), packed: pack(point) }
        }),
    eddsa: [0n, 1n, R - 1n, element(), element(), element()].map((message, i) => {
        const seed = i === 0 ? Buffer.alloc(32) : bytes()
        const key = derivePublicKey(seed)
        const signature = signMessage(seed, message)
        const packed = packSignature(signature)
        verify(message, signature, key)
        same(unpackSignature(packed).R8, signature.R8, "unpackSignature")
        same(hex(packed), hex(eddsa.packSignature(eddsa.signPoseidon(seed, F.e(message)))), "zk-kit and circomlibjs signatures")
        return {
            seed: hex(seed),
            key: strings(key),
            packedKey: pack(key),
            message: String(message),
            r8: strings(signature.R8),
            s: String(signature.S),
            packed: hex(packed)
        }
    }),
    fields: {
        text: [["recipient", "merchant-1"], ["asset", "eip155:8453/erc20:usdc"], ["tx-hash", "Überweisung"], ["domain", "nullifier"]]
            .map(([domain, text]) => ({ domain, text, field: String(textToField(domain, text)) })),
        bytes32: [Buffer.alloc(32), Buffer.alloc(32, 255), bytes()].map((value) => ({
            bytes: hex(value),
            field: String(bytes32ToField(value))
        }))
    },
    rows: [[1, 1, 0, 0], [4, 3, 3, 2], [5, 15, 4, 14], [6, 16, 1, 15], [21, 8, 16, 6], [3, 60, 2, 59]].map(
        ([count, keys, index, column]) => dataset(rowsOf(count, keys), index, column)
    )
}

const check = process.argv.includes("--check")
for (const [name, vectors] of Object.entries(files)) {
    const url = new URL(`${name}.json`, import.meta.url)
    const text = `${JSON.stringify(vectors, null, 2)}\n`
    if (check) assert(readFileSync(url, "utf8") === text, `${name}.json is not what the libraries make: run node generate.mjs`)
    else writeFileSync(url, text)
}

// Made by the Rust code (`UPDATE_VECTORS=1 cargo test -p prooflane-circuits`), judged here.
const rust = JSON.parse(readFileSync(new URL("rust-signatures.json", import.meta.url)))
for (const { key, message, r8, s, packed } of rust) {
    const signature = unpackSignature(Buffer.from(packed.slice(2), "hex"))
    same(signature.R8, r8, "packed R8")
    same(signature.S, s, "packed S")
    verify(BigInt(message), { R8: r8.map(BigInt), S: BigInt(s) }, key.map(BigInt))
}
console.log(`${Object.keys(files).length} files of vectors ${check ? "are current" : "written"}, ${rust.length} Rust signatures verify`)
process.exit(0) // circomlibjs leaves worker threads behind.
