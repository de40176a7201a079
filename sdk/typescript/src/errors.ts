/** Why a payment was not made. */
export type PaymentErrorCode =
  /** The requirements are not ones of this scheme, or cannot be read. */
  | "unsupported_requirements"
  /** The answer's binding is for another request than the one that was made. */
  | "wrong_binding"
  /** No receipt fits that this wallet has not used before. */
  | "no_receipt"
  /** The prover proves for another verifying key than the one asked for. */
  | "wrong_key"
  /** There is no proof, or not the one asked for. */
  | "no_proof";

/** Nothing was paid; `message` says what was expected, what was found, and what to do. */
export class PaymentError extends Error {
  override readonly name = "PaymentError";

  constructor(
    readonly code: PaymentErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
