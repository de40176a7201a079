import { wrapFetchWithPayment, x402Client } from "@x402/fetch";
import { checkedFetch, networkProver, zkGroth16Client } from "@prooflane/x402";
import { readWallet, receiptFolder } from "@prooflane/x402/node";

const prover = networkProver({ url: "https://prooflane.example.com", apiKey: process.env.PROOFLANE_API_KEY });
const wallet = await readWallet("wallet.json");
const scheme = zkGroth16Client({ wallet, receipts: receiptFolder("receipts"), prover });
const pay = wrapFetchWithPayment(checkedFetch(), new x402Client().register("eip155:*", scheme));
const response = await pay("https://api.example.com/reports?year=2026", { method: "POST", body: "{}" });
console.log(response.status, await response.text());
