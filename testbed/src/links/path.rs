//! The paths of the links service, and the methods that each takes.

use hyper::Method;

use crate::links::code::LinkCode;

/// What of the service a path means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkPath {
    /// `/links`
    Collection,
    /// `/{code}`
    Redirect(LinkCode),
    /// `/links/{code}`
    One(LinkCode),
    /// `/links/{code}/stats`
    Stats(LinkCode),
    /// `/metrics`
    Metrics,
    /// `/admin/reload`
    Reload,
}

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkAction {
    Create,
    Visit(LinkCode),
    Delete(LinkCode),
    Tell(LinkCode),
    Measure,
    Reload,
}

impl LinkPath {
    pub(crate) fn parse(path: &str) -> Option<LinkPath> {
        match path {
            "/links" => return Some(LinkPath::Collection),
            "/metrics" => return Some(LinkPath::Metrics),
            "/admin/reload" => return Some(LinkPath::Reload),
            _ => {}
        }
        match path.strip_prefix("/links/") {
            None => LinkCode::parse(path.strip_prefix('/')?).map(LinkPath::Redirect),
            Some(rest) => match rest.strip_suffix("/stats") {
                None => LinkCode::parse(rest).map(LinkPath::One),
                Some(code) => LinkCode::parse(code).map(LinkPath::Stats),
            },
        }
    }

    /// Whether it is there for whoever looks after the service. No behaviour applies to it.
    pub(crate) fn is_for_operators(self) -> bool {
        matches!(self, LinkPath::Metrics | LinkPath::Reload)
    }

    /// What a method does here, or which would do something.
    pub(crate) fn action(self, method: &Method) -> Result<LinkAction, &'static str> {
        let (action, method_of_it) = match self {
            LinkPath::Collection => (LinkAction::Create, Method::POST),
            LinkPath::Redirect(code) => (LinkAction::Visit(code), Method::GET),
            LinkPath::One(code) => (LinkAction::Delete(code), Method::DELETE),
            LinkPath::Stats(code) => (LinkAction::Tell(code), Method::GET),
            LinkPath::Metrics => (LinkAction::Measure, Method::GET),
            LinkPath::Reload => (LinkAction::Reload, Method::POST),
        };
        match method_of_it {
            Method::GET if [Method::GET, Method::HEAD].contains(method) => Ok(action),
            Method::GET => Err("GET, HEAD"),
            of_it if of_it == *method => Ok(action),
            Method::DELETE => Err("DELETE"),
            _ => Err("POST"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_methods_lead_to_actions() {
        let code = LinkCode::parse("0aZ9bbbb").expect("a code");
        let cases = [
            ("/links", Method::POST, Ok(LinkAction::Create)),
            ("/links", Method::GET, Err("POST")),
            ("/0aZ9bbbb", Method::GET, Ok(LinkAction::Visit(code))),
            ("/0aZ9bbbb", Method::HEAD, Ok(LinkAction::Visit(code))),
            ("/0aZ9bbbb", Method::POST, Err("GET, HEAD")),
            ("/links/0aZ9bbbb", Method::DELETE, Ok(LinkAction::Delete(code))),
            ("/links/0aZ9bbbb", Method::GET, Err("DELETE")),
            ("/links/0aZ9bbbb/stats", Method::GET, Ok(LinkAction::Tell(code))),
            ("/metrics", Method::GET, Ok(LinkAction::Measure)),
            ("/admin/reload", Method::POST, Ok(LinkAction::Reload)),
            ("/admin/reload", Method::GET, Err("POST")),
        ];
        for (path, method, action) in cases {
            assert_eq!(LinkPath::parse(path).expect(path).action(&method), action, "{method} {path}");
        }
    }

    #[test]
    fn what_is_no_path_of_the_service_is_none() {
        for path in ["/", "/link", "/links/", "/links/short", "/links/0aZ9bbbb/", "/0aZ9bbbb/stats", "*", ""]
        {
            assert_eq!(LinkPath::parse(path), None, "{path}");
        }
    }
}
