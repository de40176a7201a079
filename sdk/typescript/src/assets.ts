import type { DefaultAsset, Money, Network } from "@x402/core/types";
import { parseMoney } from "@x402/core/utils";

/** An asset that is worth a dollar a unit, so that prices and spending limits can be told in dollars. */
export interface Asset extends DefaultAsset {
  /** The network it is on, CAIP-2. */
  network: Network;
  /** As requirements name it; receipts name it `network/asset`. */
  asset: string;
}

/** The assets that are known where none are given. The first of a network is that of a bare `$0.01`. */
export const DEFAULT_ASSETS: readonly Asset[] = [
  {
    network: "eip155:8453",
    asset: "erc20:0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
    decimals: 6,
    symbol: "USDC",
  },
  {
    network: "eip155:84532",
    asset: "erc20:0x036CbD53842c5426634e7929541eC2318f3dCF7e",
    decimals: 6,
    symbol: "USDC",
  },
];

/** The asset of this name on this network; addresses may be written in either case. */
export function findAsset(assets: readonly Asset[], asset: string, network: string): Asset | undefined {
  return assets.find(
    (known) => known.network === network && known.asset.toLowerCase() === asset.toLowerCase(),
  );
}

/**
 * A price such as `"$0.01"`, `0.01` or `"0.01 USDC"` in an asset's smallest unit.
 *
 * @throws RangeError where no asset is known for it, or where the asset cannot express it.
 */
export function inSmallestUnit(
  assets: readonly Asset[],
  price: Money,
  network: string,
): { asset: string; amount: string } {
  const { amount, symbol } = parseMoney(price);
  const asset = assets.find(
    (known) => known.network === network && (symbol === undefined || known.symbol.toUpperCase() === symbol),
  );
  if (asset === undefined) {
    throw new RangeError(
      `price: expected an asset for ${JSON.stringify(price)} on ${network}, found none; configure one in \`assets\`, or give the price as {asset, amount}`,
    );
  }
  const [whole = "", fraction = ""] = amount.split(".");
  if (!/^0*$/.test(fraction.slice(asset.decimals))) {
    throw new RangeError(
      `price: expected at most ${asset.decimals} decimals of ${asset.symbol}, got ${JSON.stringify(price)}`,
    );
  }
  const digits = whole + fraction.slice(0, asset.decimals).padEnd(asset.decimals, "0");
  return { asset: asset.asset, amount: digits.replace(/^0+(?=.)/, "") };
}
