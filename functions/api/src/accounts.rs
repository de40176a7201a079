//! Routes of accounts.

use crate::Api;
use crate::caller::{Body, Caller, Path};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use prooflane_client::wire::{AccountList, AccountView, MakeDeposit, Problem as ProblemDoc};
use prooflane_coordinator::{Account, Role};
use prooflane_market::{Credits, LedgerAccount};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(deposit))
}

fn view(account: Account) -> AccountView {
    AccountView {
        name: account.name,
        balance: account.balance,
        stake: account.stake,
    }
}

/// What accounts hold: all of them for operators, your own and your provers' for others.
#[utoipa::path(get, path = "/v1/accounts", tag = "accounts", responses(
    (status = 200, description = "The accounts", body = AccountList),
))]
async fn list(State(api): State<Api>, caller: Caller) -> Result<Json<AccountList>, Problem> {
    let accounts = match caller.0.name() {
        Some(name) if !caller.0.is_operator() => {
            let mut own = vec![LedgerAccount::Requester(name.to_owned())];
            let provers = api.coordinator.provers().await?;
            own.extend(
                provers
                    .into_iter()
                    .filter(|prover| prover.owner.as_deref() == Some(name))
                    .map(|prover| LedgerAccount::Prover(prover.prover_id)),
            );
            let mut accounts = Vec::new();
            for account in own {
                accounts.push(api.coordinator.account(&account.to_string()).await?);
            }
            accounts
        }
        _ => api.coordinator.accounts().await?,
    };
    Ok(Json(AccountList {
        accounts: accounts.into_iter().map(view).collect(),
    }))
}

/// Pay credits in (operators).
///
/// The account is a requester's (`requester:<name>`), a prover's (`prover:<id>`) or a prover's stake
/// (`stake:<id>`). Safe to repeat with the same `deposit_id`.
#[utoipa::path(post, path = "/v1/accounts/{name}/deposits", tag = "accounts",
    params(("name" = String, Path)), request_body = MakeDeposit, responses(
    (status = 201, description = "The account", body = AccountView),
    (status = 200, description = "The account; an earlier, equal deposit was made", body = AccountView),
    (status = 400, description = "`invalid_request`", body = ProblemDoc),
    (status = 403, description = "`forbidden`", body = ProblemDoc),
    (status = 409, description = "`deposit_id_reused`", body = ProblemDoc),
))]
async fn deposit(
    State(api): State<Api>,
    caller: Caller,
    Path(name): Path<String>,
    Body(body): Body<MakeDeposit>,
) -> Result<(StatusCode, Json<AccountView>), Problem> {
    caller.demand(Role::Operator)?;
    let account: LedgerAccount = name
        .parse()
        .map_err(|error| Problem::new("invalid_request", format!("account: {error}")))?;
    let amount = Credits(body.amount);
    let deposited = api
        .coordinator
        .deposit(&account, amount, &body.deposit_id)
        .await?;
    let status = if deposited.created {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(view(deposited.account))))
}
