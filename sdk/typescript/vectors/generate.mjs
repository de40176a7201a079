// Vectors of docs/x402.md, made without the package: hashes by node:crypto, points by circomlibjs and, as a second opinion, zk-kit.
// `node vectors/generate.mjs` writes x402.json; with `--check` it compares.
import { createHash, createHmac } from "node:crypto"
import { readFileSync, writeFileSync } from "node:fs"
import { packPoint as packByZkKit } from "@zk-kit/baby-jubjub"
import { buildBabyjub } from "circomlibjs"

const ORDER = 21888242871839275222246405745257275088548364400416034343698204186575808495617n
const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest("hex")
const fieldOfText = (domain, text) => BigInt(`0x${sha256(`prooflane/${domain}/v1`, Buffer.from([0]), text)}`) % ORDER
const fieldToHex = (value) => `0x${value.toString(16).padStart(64, "0")}`

function nonce({ secret, origin, time, random }) {
    const time8 = Buffer.alloc(8)
    time8.writeBigUInt64BE(BigInt(time))
    const stamp = Buffer.concat([time8, Buffer.from(random, "hex")])
    const hmac = createHmac("sha256", Buffer.from(secret, "hex"))
    const tag = hmac.update("prooflane x402 nonce v1").update(stamp).update(origin).digest().subarray(0, 16)
    return Buffer.concat([stamp, tag]).toString("hex")
}

function binding({ method, origin, path, body, nonce }) {
    const lines = [method.toUpperCase(), origin, path, sha256(Buffer.from(body, "hex")), nonce]
    return fieldToHex(fieldOfText("x402-binding", lines.join("\n")))
}

const texts = [
    { domain: "recipient", text: "merchant-1" },
    { domain: "asset", text: "eip155:84532/erc20:0x036CbD53842c5426634e7929541eC2318f3dCF7e" },
    { domain: "x402-binding", text: "" },
    { domain: "recipient", text: "Café 🧾\n" },
]

const secrets = ["00".repeat(32), "ff".repeat(32), sha256("secret")]
const nonces = secrets.flatMap((secret) => [
    { secret, origin: "https://api.example.com", time: 1732233600, random: "0011223344556677" },
    { secret, origin: "http://127.0.0.1:4021", time: 4294967296, random: "ffffffffffffffff" },
    { secret, origin: "https://xn--caf-dma.example", time: 0, random: "0000000000000000" },
])

const issued = nonce(nonces[0])
const hex = (text) => Buffer.from(text).toString("hex")
const requests = [
    { method: "GET", origin: "https://api.example.com", path: "/", body: "", nonce: issued },
    { method: "POST", origin: "https://api.example.com", path: "/reports?year=2026", body: "", nonce: issued },
    { method: "post", origin: "https://api.example.com", path: "/reports?year=2026", body: hex('{"a": 1}'), nonce: issued },
    { method: "PUT", origin: "http://127.0.0.1:4021", path: "/caf%C3%A9/a%2Fb?q=%F0%9F%A7%BE&q=", body: "00ff800a", nonce: issued },
    { method: "DELETE", origin: "https://api.example.com", path: "/x?", body: hex("x".repeat(1000)), nonce: nonce(nonces[5]) },
]

const babyjub = await buildBabyjub()
const points = Array.from({ length: 16 }, (_, i) => {
    const point = babyjub.mulPointEscalar(babyjub.Base8, BigInt(`0x${sha256(`attestor ${i}`)}`))
    const [x, y] = point.map((coordinate) => BigInt(babyjub.F.toString(coordinate)))
    const packed = Buffer.from(babyjub.packPoint(point)).toString("hex")
    // zk-kit packs into the integer that circomlib's bytes are, little-endian.
    const again = Buffer.from(packByZkKit([x, y]).toString(16).padStart(64, "0"), "hex").reverse().toString("hex")
    if (packed !== again) throw new Error(`circomlibjs and zk-kit differ: ${packed}, ${again}`)
    return { x: String(x), y: String(y), packed }
})

const vectors = {
    texts: texts.map((it) => ({ ...it, field: fieldToHex(fieldOfText(it.domain, it.text)) })),
    nonces: nonces.map((it) => ({ ...it, nonce: nonce(it) })),
    bindings: requests.map((it) => ({ ...it, binding: binding(it) })),
    points,
}
const text = `${JSON.stringify(vectors, null, 2)}\n`
const file = new URL("x402.json", import.meta.url)
if (!process.argv.includes("--check")) writeFileSync(file, text)
else if (readFileSync(file, "utf8") !== text) throw new Error("x402.json differs from what generate.mjs makes")
