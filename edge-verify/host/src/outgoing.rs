//! Which hosts the component may call.

use http::Uri;
use http_body_util::BodyExt;
use std::sync::Arc;
use wasmtime_wasi_http::{Error, RequestOptions, Result, WasiBody, WasiHttpHooks};

/// Origins as the manifest's `allowed_outbound_hosts` lists them.
#[derive(Debug, Default)]
pub(crate) struct Allowed(Vec<Origin>);

#[derive(Debug, PartialEq)]
struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

impl Allowed {
    /// From `scheme://host` or `scheme://host:port` with `http` or `https`. Spin's wildcards are not
    /// understood: what a gate calls is known.
    ///
    /// # Errors
    /// With the first that is something else.
    pub(crate) fn parse<'a>(
        hosts: impl IntoIterator<Item = &'a str>,
    ) -> std::result::Result<Self, String> {
        let parse = |text: &'a str| {
            let uri = text.parse::<Uri>().ok();
            let plain = uri
                .as_ref()
                .is_some_and(|uri| uri.path() == "/" && uri.query().is_none());
            let origin = uri.as_ref().and_then(origin).filter(|_| plain);
            origin.ok_or_else(|| text.to_owned())
        };
        hosts
            .into_iter()
            .map(parse)
            .collect::<std::result::Result<_, _>>()
            .map(Self)
    }

    fn allows(&self, uri: &Uri) -> bool {
        origin(uri).is_some_and(|origin| self.0.contains(&origin))
    }
}

fn origin(uri: &Uri) -> Option<Origin> {
    let scheme = uri.scheme_str()?;
    let default = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let authority = uri.authority()?;
    let host = authority.host();
    if authority.as_str().contains(['@', '*']) || host.is_empty() {
        return None;
    }
    Some(Origin {
        scheme: scheme.to_owned(),
        host: host.to_ascii_lowercase(),
        port: authority.port_u16().unwrap_or(default),
    })
}

/// Sends what is allowed, and refuses the rest.
pub(crate) struct Outgoing(pub(crate) Arc<Allowed>);

type Finish = Box<dyn Future<Output = Result<()>> + Send>;
type Sent = Result<(http::Response<WasiBody>, Finish)>;

impl WasiHttpHooks for Outgoing {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Finish,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let allowed = self.0.allows(request.uri());
        Box::new(async move {
            if !allowed {
                let uri = request.uri();
                tracing::warn!(?uri, "not among the manifest's allowed_outbound_hosts");
                return Err(Error::HttpRequestDenied);
            }
            let (response, finish) =
                wasmtime_wasi_http::default_send_request(request, options).await?;
            Ok((
                response.map(BodyExt::boxed_unsync),
                Box::new(finish) as Finish,
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let hosts = ["https://api.example.com", "http://127.0.0.1:8080"];
        let allowed = Allowed::parse(hosts).unwrap();
        for (uri, expected) in [
            ("https://api.example.com/a?b", true),
            ("https://API.example.com:443/", true),
            ("http://127.0.0.1:8080/v1", true),
            ("http://api.example.com/", false),
            ("https://api.example.com:444/", false),
            ("https://api.example.com.evil.example/", false),
            ("https://api.example.com@evil.example/", false),
            ("https://evil.example@api.example.com/", false),
            ("http://127.0.0.1/", false),
            ("/a", false),
        ] {
            assert_eq!(allowed.allows(&uri.parse().unwrap()), expected, "{uri}");
        }
    }

    #[test]
    fn what_is_not_an_origin_is_refused() {
        for text in [
            "api.example.com",
            "ftp://api.example.com",
            "https://*.example.com",
            "https://a.example/path",
            "https://a.example?q",
            "*://*:*",
            "",
        ] {
            assert_eq!(Allowed::parse([text]).unwrap_err(), text);
        }
    }
}
