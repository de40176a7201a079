//! Instance metadata and the Auto Scaling service, as their clients see them.

use crate::harness::PATIENCE;
use aws_config::{Region, SdkConfig};
use aws_credential_types::Credentials;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use prooflane_fleet::{AutoScaling, Group, Machine, Notice};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SPOT: &str = "/latest/meta-data/spot/instance-action";
const TARGET: &str = "/latest/meta-data/autoscaling/target-lifecycle-state";
const TTL: &str = "x-aws-ec2-metadata-token-ttl-seconds";
const OFTEN: Duration = Duration::from_millis(10);

/// Metadata of version 2: nothing without the newest token.
#[derive(Default)]
struct Metadata {
    paths: BTreeMap<String, String>,
    tokens: u32,
    refused: u32,
}

type Shared<T> = Arc<Mutex<T>>;

async fn token(State(metadata): State<Shared<Metadata>>, headers: HeaderMap) -> Response {
    let mut metadata = metadata.lock().unwrap();
    let Some(ttl) = headers.get(TTL) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    metadata.tokens += 1;
    ([(TTL, ttl.clone())], format!("token-{}", metadata.tokens)).into_response()
}

async fn read(State(metadata): State<Shared<Metadata>>, headers: HeaderMap, uri: Uri) -> Response {
    let mut metadata = metadata.lock().unwrap();
    let newest = format!("token-{}", metadata.tokens);
    let token = headers.get("x-aws-ec2-metadata-token");
    if token.is_none_or(|token| token != newest.as_str()) {
        metadata.refused += 1;
        return StatusCode::UNAUTHORIZED.into_response();
    }
    match metadata.paths.get(uri.path()) {
        Some(text) => text.clone().into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

async fn metadata(paths: &[(&str, &str)]) -> (String, Shared<Metadata>) {
    let shared: Shared<Metadata> = Shared::default();
    let paths = paths
        .iter()
        .map(|(path, text)| (path.to_string(), text.to_string()));
    shared.lock().unwrap().paths = paths.collect();
    let router = Router::new()
        .route("/latest/api/token", put(token))
        .fallback(get(read))
        .with_state(shared.clone());
    (serve(router).await, shared)
}

async fn config(endpoint: &str) -> SdkConfig {
    prooflane_store_aws::loader()
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "tests"))
        .endpoint_url(endpoint)
        .load()
        .await
}

async fn machine(url: &str) -> Machine {
    Machine::at(&config(url).await, url).unwrap()
}

#[tokio::test]
async fn a_machine_that_stays_is_not_told_anything() {
    let (url, _) = metadata(&[(TARGET, "InService")]).await;
    assert_eq!(machine(&url).await.notice().await.unwrap(), None);
    // Without a group there is no such path.
    let (url, _) = metadata(&[]).await;
    assert_eq!(machine(&url).await.notice().await.unwrap(), None);
}

#[tokio::test]
async fn a_spot_notice_and_a_lifecycle_state_are_heard() {
    let taken_back = r#"{"action":"terminate","time":"2030-01-01T00:00:00Z"}"#;
    for (path, text, expected) in [
        (SPOT, taken_back, Notice::Spot),
        (TARGET, "Terminated", Notice::Terminated),
    ] {
        let (url, server) = metadata(&[]).await;
        let machine = machine(&url).await;
        assert_eq!(machine.notice().await.unwrap(), None);
        let mut goes = std::pin::pin!(machine.goes(OFTEN));
        tokio::time::timeout(OFTEN * 3, &mut goes)
            .await
            .unwrap_err();
        server
            .lock()
            .unwrap()
            .paths
            .insert(path.into(), text.into());
        let notice = tokio::time::timeout(PATIENCE, goes).await.unwrap();
        assert_eq!(notice, expected);
        assert_eq!(
            server.lock().unwrap().refused,
            0,
            "every request had a token"
        );
    }
}

#[tokio::test]
async fn every_request_has_a_token_and_the_token_is_kept() {
    let (url, server) = metadata(&[("/latest/meta-data/instance-id", "i-0abc")]).await;
    let machine = machine(&url).await;
    for _ in 0..3 {
        assert_eq!(machine.instance_id().await.unwrap(), "i-0abc");
    }
    let server = server.lock().unwrap();
    assert_eq!((server.tokens, server.refused), (1, 0));
}

#[tokio::test]
async fn a_machine_without_metadata_just_works_on() {
    // A port that nobody listens on.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let machine = machine(&url).await;
    machine.notice().await.unwrap_err();
    let goes = machine.goes(OFTEN);
    tokio::time::timeout(OFTEN * 3, goes).await.unwrap_err();
}

/// Notes every call of Auto Scaling's Query protocol.
async fn group_call(State(calls): State<Shared<Vec<String>>>, body: String) -> String {
    let action = body
        .split('&')
        .find_map(|pair| pair.strip_prefix("Action="));
    let action = action.unwrap().to_owned();
    calls.lock().unwrap().push(body);
    format!(
        "<{action}Response xmlns=\"http://autoscaling.amazonaws.com/doc/2011-01-01/\">\
           <{action}Result/><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>\
         </{action}Response>"
    )
}

#[tokio::test]
async fn the_group_hears_it_in_its_own_protocol() {
    let calls: Shared<Vec<String>> = Shared::default();
    let router = Router::new()
        .route("/", post(group_call))
        .with_state(calls.clone());
    let service = serve(router).await;
    let (url, _) = metadata(&[("/latest/meta-data/instance-id", "i-0abc")]).await;
    let (config, machine) = (config(&service).await, machine(&url).await);
    let group = AutoScaling::new(
        &config,
        machine.clone(),
        "fleet".into(),
        Some("drain".into()),
    );
    group.protect(true).await.unwrap();
    group.protect(false).await.unwrap();
    group.still_draining().await.unwrap();
    group.drained().await.unwrap();
    let calls: Vec<String> = calls.lock().unwrap().drain(..).collect();
    let expected = [
        &[
            "Action=SetInstanceProtection",
            "InstanceIds.member.1=i-0abc",
            "ProtectedFromScaleIn=true",
        ][..],
        &["Action=SetInstanceProtection", "ProtectedFromScaleIn=false"],
        &[
            "Action=RecordLifecycleActionHeartbeat",
            "LifecycleHookName=drain",
            "InstanceId=i-0abc",
        ],
        &[
            "Action=CompleteLifecycleAction",
            "LifecycleHookName=drain",
            "InstanceId=i-0abc",
            "LifecycleActionResult=CONTINUE",
        ],
    ];
    assert_eq!(calls.len(), expected.len());
    for (call, parts) in calls.iter().zip(expected) {
        assert!(call.contains("AutoScalingGroupName=fleet"), "{call}");
        for part in parts {
            assert!(call.contains(part), "{call} lacks {part}");
        }
    }
    // Without a hook nobody waits to be told.
    let group = AutoScaling::new(&config, machine, "fleet".into(), None);
    group.drained().await.unwrap();
}

#[tokio::test]
async fn what_the_group_says_against_it_is_an_error_with_its_words() {
    let refuse = || async {
        let said = "<ErrorResponse xmlns=\"http://autoscaling.amazonaws.com/doc/2011-01-01/\">\
             <Error><Type>Sender</Type><Code>ValidationError</Code>\
             <Message>No active Lifecycle Action found</Message></Error>\
             <RequestId>1</RequestId></ErrorResponse>";
        (StatusCode::BAD_REQUEST, said)
    };
    let service = serve(Router::new().route("/", post(refuse))).await;
    let (url, _) = metadata(&[("/latest/meta-data/instance-id", "i-0abc")]).await;
    let (config, machine) = (config(&service).await, machine(&url).await);
    let group = AutoScaling::new(&config, machine, "fleet".into(), Some("drain".into()));
    let error = group.drained().await.unwrap_err().to_string();
    assert_eq!(error, "ValidationError: No active Lifecycle Action found");
}
