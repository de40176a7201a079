export { DEFAULT_ASSETS, type Asset } from "./assets.ts";
export { binding, type BoundRequest } from "./binding.ts";
export { checkedFetch } from "./checked-fetch.ts";
export { zkGroth16Client, type PaymentProgress, type ZkGroth16ClientOptions } from "./client.ts";
export { PaymentError, type PaymentErrorCode } from "./errors.ts";
export { fieldOfText, fieldToHex, FIELD_ORDER } from "./field.ts";
export { networkProver, type NetworkProverOptions, type TaskEvent } from "./network.ts";
export { nonces, nonceTime, type Nonces } from "./nonce.ts";
export {
  compactProof,
  keyId,
  packPoint,
  type Point,
  type SnarkjsProof,
  type SnarkjsVerifyingKey,
} from "./points.ts";
export type { PaymentInputs, Proof, Prover, ProofRequest } from "./prover.ts";
export {
  parseReceipt,
  parseWallet,
  receiptsInMemory,
  transactionOf,
  type Receipt,
  type Receipts,
  type Wallet,
} from "./receipts.ts";
export {
  CIRCUIT,
  headerLength,
  MAX_HEADER_LENGTH,
  SCHEME,
  type FixedExtra,
  type PaymentPayloadV1,
  type ZkGroth16Extra,
  type ZkGroth16Payload,
} from "./scheme.ts";
export { zkGroth16Server, type ZkGroth16ServerOptions } from "./server.ts";
