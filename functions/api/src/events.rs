//! A task's events as they happen (server-sent events, WHATWG HTML section 9.2).

use crate::caller::{Caller, Path};
use crate::problem::Problem;
use crate::{Api, tasks};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::stream;
use prooflane_market::Task;
use std::convert::Infallible;
use std::time::{Duration, Instant};

/// A task's events, from the first or from after `Last-Event-ID`, until the task ends.
///
/// Each event's `id` is its number and its `data` a JSON object with `seq`, `at` (milliseconds) and
/// `event`. A stream that ends before the task does is resumed with `Last-Event-ID`.
#[utoipa::path(get, path = "/v1/tasks/{id}/events", tag = "tasks",
    params(("id" = uuid::Uuid, Path), ("Last-Event-ID" = Option<u32>, Header)),
    responses((status = 200, description = "The events", content_type = "text/event-stream", body = String)),
)]
pub(crate) async fn stream(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<impl IntoResponse + use<>, Problem> {
    let id = tasks::visible(&api, &caller, &id).await?.task.id();
    let after = match headers.get("last-event-id") {
        None => 0,
        Some(text) => text
            .to_str()
            .ok()
            .and_then(|text| text.trim().parse().ok())
            .ok_or_else(|| {
                Problem::new(
                    "invalid_request",
                    "Last-Event-ID: expected the number of an event",
                )
            })?,
    };
    let end = Instant::now() + api.longest_stream;
    let seen = move |task: &Task| task.events.last().map_or(0, |event| event.seq);
    let events = stream::unfold(Some(after), move |after: Option<u32>| {
        let api = api.clone();
        async move {
            let after = after?;
            let left = end.saturating_duration_since(Instant::now());
            let news = |task: &Task| seen(task) > after || task.status().is_terminal();
            let task = api.coordinator.wait(id, left, news).await.ok()?.task;
            let fresh: Vec<Result<Event, Infallible>> = task
                .events
                .iter()
                .filter(|event| event.seq > after)
                .filter_map(sse)
                .collect();
            let over = task.status().is_terminal() || left.is_zero();
            let told = api.buffered && !fresh.is_empty();
            let next = (!over && !told).then(|| seen(&task).max(after));
            Some((stream::iter(fresh), next))
        }
    });
    let events = futures::StreamExt::flatten(events);
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(10))))
}

fn sse(event: &prooflane_market::Event) -> Option<Result<Event, Infallible>> {
    let data = serde_json::to_string(event).ok()?;
    Some(Ok(Event::default().id(event.seq.to_string()).data(data)))
}
