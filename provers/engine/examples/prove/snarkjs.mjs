// snarkjs as a prover: proves once, then once for each line "prove", and says each time how many milliseconds it took.
import { createRequire } from "node:module"
import { createInterface } from "node:readline"
import { readFileSync } from "node:fs"

const [folder, zkey, wtns] = process.argv.slice(2)
const { groth16 } = createRequire(`${folder}/package.json`)("snarkjs")
const [key, witness] = [zkey, wtns].map((file) => new Uint8Array(readFileSync(file)))
const prove = async () => {
    const started = performance.now()
    await groth16.prove(key, witness)
    console.log(performance.now() - started)
}
await prove()
for await (const _ of createInterface({ input: process.stdin })) await prove()
process.exit(0)
