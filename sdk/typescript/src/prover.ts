import type { Point } from "./points.ts";

/** The inputs of `payment@1` (`circuits/README.md`). They hold the payer's secret. */
export interface PaymentInputs {
  attestorKey: Point;
  recipientKey: string;
  asset: string;
  minAmount: string;
  maxBlockAge: string;
  currentTime: number;
  binding: string;
  actualAmount: string;
  payerSecret: string;
  txHash: string;
  paymentTime: number;
  signature: string;
}

/** What is to be proved. */
export interface ProofRequest {
  /** The circuit, `payment@1`. */
  circuit: string;
  /** The verifying key that will judge, see {@link keyId}. */
  key: string;
  inputs: PaymentInputs;
  /** Aborts when the proof would come too late. */
  signal: AbortSignal;
}

/** A proof and what it says. */
export interface Proof {
  /** The compact form, 128 bytes. */
  bytes: Uint8Array;
  /** The public inputs in the circuit's order, in decimal. */
  publicInputs: readonly string[];
}

/** Whoever makes proofs. */
export interface Prover {
  /**
   * @throws PaymentError `wrong_key` where it proves for another key, before anything is paid for the
   *   proof; `no_proof` where there is none.
   */
  prove(request: ProofRequest): Promise<Proof>;
}
