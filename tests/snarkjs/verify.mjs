// Lets snarkjs judge folders that hold verification_key.json, public.json and proof.json: it must accept each proof, and refuse it
// with any public input changed by one and with any of its points replaced. Prints one line of JSON for each folder.
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { curves, groth16 } from "snarkjs"

const R = 21888242871839275222246405745257275088548364400416034343698204186575808495617n
const silent = { info() {}, debug() {}, warn() {}, error() {} }

for (const folder of process.argv.slice(2)) {
    const read = (name) => JSON.parse(readFileSync(join(folder, name), "utf8"))
    const [key, inputs, proof] = ["verification_key.json", "public.json", "proof.json"].map(read)
    const verify = (inputs, proof) => groth16.verify(key, inputs, proof, silent)

    const accepted = await verify(inputs, proof)
    let refused = 0
    for (const i of inputs.keys()) {
        const changed = inputs.with(i, String((BigInt(inputs[i]) + 1n) % R))
        refused += !(await verify(changed, proof))
    }
    const points = [
        { pi_a: proof.pi_c },
        { pi_c: proof.pi_a },
        { pi_b: key.vk_gamma_2 },
        { pi_a: [proof.pi_a[0], String(BigInt(proof.pi_a[1]) + 1n), "1"] },
    ]
    for (const point of points) refused += !(await verify(inputs, { ...proof, ...point }))
    console.log(JSON.stringify({ accepted, inputs: inputs.length, refused, changes: inputs.length + points.length }))
}
// snarkjs keeps worker threads that would keep the process alive.
await (await curves.getCurveFromName("bn128")).terminate()
