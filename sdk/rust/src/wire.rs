//! Requests and answers of the HTTP API. Times are milliseconds since the Unix epoch, spans are
//! milliseconds, amounts are integer credits, ratios lie between 0 and 1.

use prooflane_market::{CommitmentDigest, Status, Transcript};
use prooflane_verifier::snarkjs::SnarkjsProof;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use uuid::Uuid;

/// A type of the wire: serialized both ways, described for OpenAPI.
macro_rules! wire {
    ($($item:item)*) => {$(
        #[derive(Clone, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        $item
    )*};
}

/// The dataset ledger's.
pub mod ledger;

fn one_level() -> u8 {
    1
}
fn middle() -> u8 {
    50
}
fn default_reward() -> u64 {
    SubmitTask::DEFAULT_REWARD
}
fn one() -> usize {
    1
}
fn levels() -> Vec<u8> {
    vec![1, 2, 3]
}
fn promised() -> u64 {
    30_000
}

wire! {
    /// `POST /v1/tasks`. The inputs may be private, so there is no `Debug`.
    #[serde(deny_unknown_fields)]
    pub struct SubmitTask {
        /// Chosen by you, so that a retry returns the same task; else by the network.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub task_id: Option<Uuid>,
        /// `name@version`.
        pub circuit: String,
        /// The circuit's inputs; `GET /v1/circuits` shows an example of each. None where they were
        /// uploaded.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        pub inputs: Value,
        /// The upload that holds the inputs as JSON (`POST /v1/uploads`), where they are too large for
        /// a request. It is used once. Only at privacy level 1.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub upload: Option<String>,
        /// 1: any prover; 2: provers you or the operator allow; 3 and above: the operator's fleet.
        #[serde(default = "one_level")]
        pub privacy_level: u8,
        /// The most you pay, held in escrow until the task ends.
        #[serde(default = "default_reward")]
        pub reward_amount: u64,
        /// 0 to 100, higher first.
        #[serde(default = "middle")]
        pub priority: u8,
        /// The account that pays; your key's own where not given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub requester: Option<String>,
        /// When it expires unproved.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub deadline: Option<u64>,
        /// The least reputation a prover needs, 0 to 1.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub min_reputation: Option<f64>,
        /// How often it may be attempted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub max_attempts: Option<u32>,
        /// Provers you allow for privacy level 2.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub allowed_provers: Vec<String>,
    }

    /// `POST /v1/uploads`.
    #[serde(deny_unknown_fields)]
    pub struct BeginUpload {
        /// How many bytes: at most 16 MiB of inputs, at most 64 MiB of a witness or of evidence.
        pub bytes: u64,
        /// Their SHA-256, 64 hexadecimal digits.
        pub sha256: String,
        /// The account whose task it is for; your key's own where not given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub requester: Option<String>,
    }

    /// An upload that can be made now: `PUT` the bytes to `url` with these headers. 412 says that they
    /// are there already.
    pub struct UploadView {
        /// Its name, for the task's `upload`.
        pub upload: String,
        /// Where. Relative to the network where the network itself takes them: then with your key.
        pub url: String,
        /// Headers that must be sent, exactly.
        pub headers: BTreeMap<String, String>,
        /// Until when `url` takes them.
        pub expires_at: u64,
    }

    /// One attempt at a task.
    pub struct AttemptView {
        /// 1 for the first.
        pub number: u32,
        /// Whose.
        pub prover: String,
        /// What a verified proof pays.
        pub price: u64,
        /// When it was won.
        pub assigned_at: u64,
        /// When the prover started.
        pub claimed_at: Option<u64>,
        /// How it ended: `proved`, `failed`, `abandoned`, `unclaimed`, `invalid`, `overtaken`,
        /// `outage`, `key_replaced`.
        pub end: Option<String>,
    }

    /// Why a task is where it is, in words.
    pub struct ExplanationView {
        /// Why it is where it is.
        pub why: String,
        /// What happens next, without anyone doing anything.
        pub next: String,
    }

    /// A task.
    pub struct TaskView {
        /// Its name.
        pub task_id: Uuid,
        /// `name@version`.
        pub circuit: String,
        /// Where it is.
        #[cfg_attr(feature = "openapi", schema(value_type = String, example = "pending"))]
        pub status: Status,
        /// The account that pays.
        pub requester: String,
        /// How private the inputs are.
        pub privacy_level: u8,
        /// The ceiling of its auction.
        pub reward_amount: u64,
        /// 0 to 100.
        pub priority: u8,
        /// When it expires unproved.
        pub deadline: Option<u64>,
        /// The least reputation a prover needs.
        pub min_reputation: f64,
        /// How often it may be attempted.
        pub max_attempts: u32,
        /// When it came in.
        pub created_at: u64,
        /// When it last changed.
        pub updated_at: u64,
        /// Who holds it, or who proved it.
        pub assigned_prover: Option<String>,
        /// What the running or winning attempt pays.
        pub price: Option<u64>,
        /// Of the proof.
        pub quality: Option<f64>,
        /// The public inputs a proof must have, in the circuit's order: decimal strings, or 64
        /// hexadecimal digits where the circuit says that it is a digest.
        pub public_inputs: Vec<String>,
        /// The verifying key that decides.
        pub key_id: String,
        /// Every attempt so far.
        pub attempts: Vec<AttemptView>,
        /// From when any eligible prover may prove it without an assignment.
        pub open_from: Option<u64>,
        /// In words.
        pub explanation: ExplanationView,
    }

    /// `GET /v1/tasks`.
    pub struct TaskList {
        /// Newest first.
        pub tasks: Vec<TaskView>,
        /// Give it back as `after` for the next page; none on the last.
        pub next: Option<String>,
    }

    /// `GET /v1/tasks/{id}/proof`.
    pub struct ProofView {
        /// Of which task.
        pub task_id: Uuid,
        /// `name@version`.
        pub circuit: String,
        /// The verifying key.
        pub key_id: String,
        /// `development` for keys whose maker could forge proofs.
        pub provenance: String,
        /// As snarkjs writes and reads it.
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        pub proof: SnarkjsProof,
        /// As snarkjs calls `publicSignals`.
        pub public_inputs: Vec<String>,
        /// The same proof in 128 bytes, as `0x` hex.
        pub compact: String,
        /// Who made it.
        pub prover: String,
        /// What it cost.
        pub price: u64,
        /// Of the proof.
        pub quality: f64,
    }

    /// `POST /v1/provers`.
    #[serde(deny_unknown_fields)]
    pub struct RegisterProver {
        /// 1 to 64 of `A-Z a-z 0-9 _ -`; made up by the network where not given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub prover_id: Option<String>,
        /// Assignments it can hold at once.
        pub capacity: u32,
        /// The operator's own (operators only).
        #[serde(default)]
        pub fleet: bool,
        /// Allowed for privacy level 2 (operators only).
        #[serde(default)]
        pub trusted: bool,
    }

    /// An ask.
    pub struct AskView {
        /// Its name.
        pub ask_id: Uuid,
        /// Circuits offered; empty for all.
        pub circuits: Vec<String>,
        /// Credits a proof.
        pub price: u64,
        /// Proofs at once.
        pub capacity: u32,
        /// Privacy levels offered; 3 stands for all above.
        pub levels: Vec<u8>,
        /// Time within which a proof is promised.
        pub promised_ms: u64,
        /// When it stops counting.
        pub expires_at: Option<u64>,
    }

    /// A prover.
    pub struct ProverView {
        /// Its name.
        pub prover_id: String,
        /// The operator's own.
        pub fleet: bool,
        /// Allowed for privacy level 2.
        pub trusted: bool,
        /// Assignments it can hold at once.
        pub capacity: u32,
        /// Assignments it holds.
        pub active: usize,
        /// 0 to 1; 0.5 for a newcomer.
        pub reputation: f64,
        /// Attempts that ended in a valid proof.
        pub proved: u64,
        /// Attempts that did not.
        pub failed: u64,
        /// Its asks.
        pub asks: Vec<AskView>,
        /// When it registered.
        pub registered_at: u64,
        /// When it was last heard of.
        pub seen_at: u64,
        /// Until when it is not assigned anything because it fails repeatedly.
        pub paused_until: Option<u64>,
        /// Why that is, in words.
        pub paused_because: Option<String>,
    }

    /// `GET /v1/provers`.
    pub struct ProverList {
        /// By name.
        pub provers: Vec<ProverView>,
    }

    /// `POST /v1/provers/{id}/asks`.
    #[serde(deny_unknown_fields)]
    pub struct PlaceAsk {
        /// Replaces the ask of that id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub ask_id: Option<Uuid>,
        /// Circuits offered; empty for all.
        #[serde(default)]
        pub circuits: Vec<String>,
        /// Credits a proof.
        pub price: u64,
        /// Proofs at once.
        pub capacity: u32,
        /// Privacy levels offered; 3 stands for all above.
        #[serde(default = "levels")]
        pub levels: Vec<u8>,
        /// Time within which a proof is promised, in milliseconds.
        #[serde(default = "promised")]
        pub promised_ms: u64,
        /// When it stops counting.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub expires_at: Option<u64>,
    }

    /// `POST /v1/provers/{id}/claim`.
    #[serde(deny_unknown_fields)]
    pub struct Claim {
        /// At most this many.
        #[serde(default = "one")]
        pub max: usize,
        /// How long to wait for the first, at most 25,000.
        #[serde(default)]
        pub wait_ms: u64,
        /// Tasks you are working on: those in progress that are missing here are given to you again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub holding: Option<Vec<Uuid>>,
    }

    /// A task to prove. Its inputs may be private, so there is no `Debug`.
    pub struct AssignmentView {
        /// Which task.
        pub task_id: Uuid,
        /// The fencing token; name it in every message about this assignment.
        pub attempt: u32,
        /// What everything that is done for the task is logged under: a W3C trace id.
        #[serde(default)]
        pub trace: String,
        /// `name@version`.
        pub circuit: String,
        /// The verifying key that decides.
        pub key_id: String,
        /// The circuit's inputs; null where they are too large for an answer.
        pub inputs: Value,
        /// The URL that serves the inputs as JSON, for a while, where they are not here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub inputs_at: Option<String>,
        /// The public inputs that the proof must have.
        pub public_inputs: Vec<String>,
        /// What a verified proof pays.
        pub price: u64,
        /// When the lease runs out without a heartbeat.
        pub lease_expires_at: u64,
    }

    /// The answer to a claim.
    pub struct Claimed {
        /// None if the time was up.
        pub assignments: Vec<AssignmentView>,
    }

    /// `POST /v1/assignments/{task}/{attempt}/heartbeat`.
    #[serde(deny_unknown_fields)]
    pub struct Heartbeat {
        /// Who.
        pub prover_id: String,
    }

    /// The extended lease.
    pub struct LeaseView {
        /// When it runs out.
        pub lease_expires_at: u64,
    }

    /// A proof in one of its forms.
    #[serde(
        untagged,
        expecting = "expected a proof: 128 bytes as 0x hex, an object as snarkjs writes it, or an upload with evidence"
    )]
    pub enum ProofForm {
        /// 128 bytes as `0x` hex.
        Compact(String),
        /// Evidence, which was uploaded.
        Uploaded(EvidenceAt),
        /// As snarkjs writes it.
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        Snarkjs(Box<SnarkjsProof>),
    }

    /// Evidence that was uploaded (`POST /v1/uploads`). The upload is used once.
    #[serde(deny_unknown_fields)]
    pub struct EvidenceAt {
        /// The upload's name.
        pub upload: String,
    }

    /// `POST /v1/assignments/{task}/{attempt}/result`.
    #[serde(deny_unknown_fields)]
    pub struct SubmitResult {
        /// Who.
        pub prover_id: String,
        /// The proof.
        pub proof: ProofForm,
    }

    /// What the network says to a proof.
    pub struct VerdictView {
        /// Whether the task is completed with it.
        pub accepted: bool,
        /// `Pass` or `Fail`.
        pub verification_result: String,
        /// 0 to 1.
        pub quality_score: f64,
    }

    /// `POST /v1/assignments/{task}/{attempt}/failure`.
    #[serde(deny_unknown_fields)]
    pub struct ReportFailure {
        /// Who.
        pub prover_id: String,
        /// Why; shown to the requester, so without private inputs.
        #[serde(default)]
        pub message: String,
    }

    /// A circuit of the network.
    pub struct CircuitView {
        /// `name@version`.
        pub id: String,
        /// What it says.
        pub about: String,
        /// Its public inputs, in order.
        pub public_inputs: Vec<String>,
        /// Constraints; none where proofs are not about a fixed system of them.
        pub constraints: Option<usize>,
        /// The verifying key, or the proof system where there is none.
        pub key_id: String,
        /// `development` for keys whose maker could forge proofs, `transparent` where there is no key.
        pub provenance: String,
        /// Inputs that can be proved.
        pub example: Value,
    }

    /// `GET /v1/circuits`.
    pub struct CircuitList {
        /// By id.
        pub circuits: Vec<CircuitView>,
    }

    /// A proof to verify.
    #[serde(deny_unknown_fields)]
    pub struct VerifyOne {
        /// `name@version`.
        pub circuit: String,
        /// The proof.
        pub proof: ProofForm,
        /// The public inputs, in the circuit's order.
        pub public_inputs: Vec<String>,
    }

    /// `POST /v1/verify`: one proof or `{"proofs": [...]}`.
    #[serde(untagged)]
    #[allow(clippy::large_enum_variant, reason = "one a request, never in bulk")]
    pub enum VerifyRequest {
        /// Many.
        Many(VerifyMany),
        /// One.
        One(VerifyOne),
    }

    /// Many proofs, verified together.
    #[serde(deny_unknown_fields)]
    pub struct VerifyMany {
        /// At most 1,000.
        pub proofs: Vec<VerifyOne>,
    }

    /// What became of one of them.
    pub struct VerifyResult {
        /// Whether it verifies.
        pub verified: bool,
        /// Why not.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub reason: Option<String>,
    }

    /// The answer to a verification.
    pub struct Verified {
        /// Whether all verify.
        pub verified: bool,
        /// One for each, in order.
        pub results: Vec<VerifyResult>,
    }

    /// A BabyJubJub public key.
    #[serde(deny_unknown_fields)]
    pub struct PointView {
        /// Decimal or `0x` hex.
        pub x: String,
        /// Decimal or `0x` hex.
        pub y: String,
    }

    /// `POST /v1/payments/redeem`: what you ask for, and the proof that it was paid.
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    pub struct Redeem {
        /// The proof.
        pub proof: ProofForm,
        /// The attestor you trust; the network's own where not given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub attestor_key: Option<PointView>,
        /// You, as you are named in receipts.
        pub recipient_key: String,
        /// The asset you accept, as it is named in receipts.
        pub asset: String,
        /// The least amount.
        pub min_amount: String,
        /// The greatest age of the payment, in seconds.
        pub max_block_age: String,
        /// The time the proof was made for, in Unix seconds.
        pub current_time: u64,
        /// What is being paid for, as a field element.
        pub binding: String,
        /// The payment's nullifier, from the proof's public inputs.
        pub nullifier: String,
        /// For how long a proof counts after its time, in seconds, beside 60 seconds for clocks that
        /// differ; at most 3600.
        #[serde(default)]
        pub window: u64,
        /// Your own random name for this attempt. Only the attempt that claimed a payment is admitted
        /// by it; without a name, whoever repeats the request is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub attempt: Option<String>,
        /// An attempt of yours whose answer never came, which this one takes over from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub replaces: Option<String>,
    }

    /// Whether the payment is admitted.
    pub struct RedeemAnswer {
        /// Yes, once; the same request again gets the same answer.
        pub admitted: bool,
        /// `admitted`, `invalid_proof`, `outside_window`, `already_spent`, `repeated`.
        pub reason: String,
    }

    /// `POST /v1/attestations`: a payment that was made.
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    pub struct Attest {
        /// The payer's commitment, from its wallet.
        pub payer_commitment: String,
        /// Who was paid, as they are named in payment requirements.
        pub recipient_key: String,
        /// In which asset: `network/asset` of payment requirements.
        pub asset: String,
        /// How much, in the asset's smallest unit.
        pub actual_amount: String,
        /// When, in Unix seconds; now where not given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub payment_time: Option<u64>,
        /// In which transaction: `0x` and 64 hexadecimal digits, or any text.
        pub tx_hash: String,
    }

    /// An attested payment: what an attestor hands to a payer.
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    pub struct ReceiptView {
        /// Who signed.
        pub attestor_key: PointView,
        /// The payer's commitment.
        pub payer_commitment: String,
        /// Who was paid.
        pub recipient_key: String,
        /// In which asset.
        pub asset: String,
        /// How much.
        pub actual_amount: String,
        /// When, in Unix seconds.
        pub payment_time: u64,
        /// In which transaction.
        pub tx_hash: String,
        /// The signature: 64 bytes as `0x` hex.
        pub signature: String,
    }

    /// `POST /v1/quote`: what would this task cost now? Nothing is written.
    #[serde(deny_unknown_fields)]
    pub struct QuoteRequest {
        /// `name@version`.
        pub circuit: String,
        /// The ceiling.
        #[serde(default = "default_reward")]
        pub reward_amount: u64,
        /// As for a task.
        #[serde(default = "one_level")]
        pub privacy_level: u8,
        /// As for a task.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub min_reputation: Option<f64>,
        /// As for a task.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub allowed_provers: Vec<String>,
    }

    /// The answer to a quote.
    pub struct QuoteView {
        /// Whether anyone would take it.
        pub available: bool,
        /// What it would cost.
        pub price: Option<u64>,
        /// Who would prove it.
        pub prover: Option<String>,
        /// How many would bid.
        pub bids: usize,
        /// Who could take it, best score first.
        pub takers: Vec<TakerView>,
        /// In words.
        pub why: String,
    }

    /// A prover that would bid.
    pub struct TakerView {
        /// Who.
        pub prover: String,
        /// What it asks.
        pub price: u64,
        /// The time it promises.
        pub promised_ms: u64,
        /// Its score in the auction, 0 to 1.
        pub score: f64,
    }

    /// The auction that assigned an attempt. Its winner and price can be recomputed from it.
    pub struct TranscriptView {
        /// Which attempt.
        pub attempt: u32,
        /// Everything that the auction was decided from.
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        pub transcript: Transcript,
    }

    /// `GET /v1/tasks/{id}/transcripts`.
    pub struct TranscriptList {
        /// One for each attempt, oldest first.
        pub transcripts: Vec<TranscriptView>,
    }

    /// `POST /v1/tasks/{id}/fulfilment/join`.
    #[serde(deny_unknown_fields)]
    pub struct Join {
        /// Who.
        pub prover_id: String,
    }

    /// A task whose assigned prover had its time.
    pub struct LateTaskView {
        /// Which task.
        pub task_id: Uuid,
        /// `name@version`.
        pub circuit: String,
        /// Since when it has been open to anyone, in milliseconds since 1970.
        pub open_from: u64,
        /// What the first verified proof is paid, unless the task is assigned anew meanwhile.
        pub price: u64,
    }

    /// `GET /v1/provers/{id}/late`.
    pub struct LateTasks {
        /// Those that the prover could join now, at most 100.
        pub tasks: Vec<LateTaskView>,
    }

    /// A task that is open to anyone. Its inputs may be private, so there is no `Debug`.
    pub struct OpenTaskView {
        /// Which task.
        pub task_id: Uuid,
        /// `name@version`.
        pub circuit: String,
        /// The verifying key that decides.
        pub key_id: String,
        /// The circuit's inputs; null where they are too large for an answer.
        pub inputs: Value,
        /// The URL that serves the inputs as JSON, for a while, where they are not here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub inputs_at: Option<String>,
        /// The public inputs that the proof must have.
        pub public_inputs: Vec<String>,
        /// What the first verified proof is paid, unless the task is assigned anew meanwhile.
        pub price: u64,
    }

    /// `POST /v1/tasks/{id}/fulfilment/commitment`.
    #[serde(deny_unknown_fields)]
    pub struct Commit {
        /// Who.
        pub prover_id: String,
        /// 64 hexadecimal digits: BLAKE3 in its key derivation mode with the context
        /// `prooflane commitment v1`, over the 16 bytes of the task's id, the prover's id, the bytes
        /// of the proof (128, or evidence), and the 32 bytes of the salt.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        pub commitment: CommitmentDigest,
    }

    /// A commitment that was taken.
    pub struct CommittedView {
        /// From when the proof may be revealed.
        pub reveal_from: u64,
    }

    /// `POST /v1/tasks/{id}/fulfilment/reveal`.
    #[serde(deny_unknown_fields)]
    pub struct Reveal {
        /// Who.
        pub prover_id: String,
        /// The proof.
        pub proof: ProofForm,
        /// The salt of its commitment: 64 hexadecimal digits.
        pub salt: String,
    }

    /// What an account holds.
    pub struct AccountView {
        /// `requester:<name>`, `prover:<id>`, `network:mint` (which owes what was ever granted or
        /// deposited) or `network:slashed`.
        pub name: String,
        /// Free credits; negative only for the mint.
        pub balance: i64,
        /// Credits at stake, for provers.
        pub stake: i64,
    }

    /// `GET /v1/accounts`.
    pub struct AccountList {
        /// All of them for operators, your own for others.
        pub accounts: Vec<AccountView>,
    }

    /// `POST /v1/accounts/{name}/deposits` (operators).
    #[serde(deny_unknown_fields)]
    pub struct MakeDeposit {
        /// Names the deposit, so that a repeat changes nothing: 1 to 64 of `A-Z a-z 0-9 _ - . :`.
        pub deposit_id: String,
        /// Credits.
        pub amount: u64,
    }

    /// `POST /v1/keys` (operators).
    #[serde(deny_unknown_fields)]
    pub struct CreateKey {
        /// The account it acts for.
        pub name: String,
        /// What it is good for: `requester`, `prover`, `operator`.
        pub roles: Vec<String>,
    }

    /// A new API key; this is the only time that it is shown.
    pub struct CreatedKey {
        /// The key.
        pub api_key: String,
        /// The account it acts for.
        pub name: String,
        /// What it is good for.
        pub roles: Vec<String>,
    }

    /// An API key that was made.
    pub struct KeyView {
        /// What it is revoked by.
        pub key_id: String,
        /// The account it acts for.
        pub name: String,
        /// What it is good for.
        pub roles: Vec<String>,
    }

    /// `GET /v1/keys` (operators).
    pub struct KeyList {
        /// By the name of their holders.
        pub keys: Vec<KeyView>,
    }

    /// A problem document (RFC 9457).
    #[derive(Debug)]
    pub struct Problem {
        /// A link to the code's section in the documentation.
        #[serde(rename = "type")]
        pub kind: String,
        /// What kind of problem it is.
        pub title: String,
        /// The HTTP status.
        pub status: u16,
        /// What is wrong here.
        pub detail: String,
        /// Stable; `docs/errors.md` says what to do.
        pub code: String,
    }

    /// `GET /health`.
    pub struct Health {
        /// `healthy`.
        pub status: String,
        /// `prooflane`.
        pub service: String,
        /// The version that runs.
        pub version: String,
    }
}

impl SubmitTask {
    /// What a task pays at most where it does not say.
    pub const DEFAULT_REWARD: u64 = 100;

    /// A task with default terms.
    #[must_use]
    pub fn new(circuit: impl Into<String>, inputs: Value) -> Self {
        Self {
            task_id: None,
            circuit: circuit.into(),
            inputs,
            upload: None,
            privacy_level: 1,
            reward_amount: Self::DEFAULT_REWARD,
            priority: middle(),
            requester: None,
            deadline: None,
            min_reputation: None,
            max_attempts: None,
            allowed_provers: Vec::new(),
        }
    }
}
