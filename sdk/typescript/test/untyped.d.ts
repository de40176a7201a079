declare module "snarkjs" {
  export const groth16: {
    verify(key: unknown, inputs: readonly string[], proof: unknown, logger?: unknown): Promise<boolean>;
  };
  interface Group {
    /** A compressed point in ffjavascript's form: big-endian, flags in the first byte. */
    fromRprCompressed(bytes: Uint8Array, offset: number): Uint8Array;
    toObject(point: Uint8Array): unknown[];
    isValid(point: Uint8Array): boolean;
  }
  export const curves: {
    getCurveFromName(name: string): Promise<{ G1: Group; G2: Group; terminate(): Promise<void> }>;
  };
}
declare module "circomlibjs" {
  export function buildBabyjub(): Promise<{
    F: { e(value: string | bigint): unknown; toString(value: unknown): string };
    p: bigint;
    Base8: [unknown, unknown];
    mulPointEscalar(point: [unknown, unknown], scalar: bigint): [unknown, unknown];
    packPoint(point: [unknown, unknown]): Uint8Array;
  }>;
}
