//! The paths of the logins service, and the methods that each takes.

use hyper::Method;

/// What of the service a path means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LoginPath {
    /// `/session`
    Session,
    /// `/private`
    Private,
    /// `/ledger`
    Ledger,
    /// `/ledger/{id}`, the id as it is written in the path.
    Entry(String),
}

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LoginAction {
    Login,
    Logout,
    Look,
    Enter,
    Tell,
    Empty,
}

impl LoginPath {
    pub(crate) fn parse(path: &str) -> Option<LoginPath> {
        match path {
            "/session" => Some(LoginPath::Session),
            "/private" => Some(LoginPath::Private),
            "/ledger" => Some(LoginPath::Ledger),
            _ => {
                let id = path.strip_prefix("/ledger/")?;
                (!id.is_empty() && !id.contains('/')).then(|| LoginPath::Entry(id.to_owned()))
            }
        }
    }

    /// What a method does here, or which would do something.
    pub(crate) fn action(&self, method: &Method) -> Result<LoginAction, &'static str> {
        match (self, method) {
            (LoginPath::Session, &Method::POST) => Ok(LoginAction::Login),
            (LoginPath::Session, &Method::DELETE) => Ok(LoginAction::Logout),
            (LoginPath::Session, _) => Err("POST, DELETE"),
            (LoginPath::Private, &(Method::GET | Method::HEAD)) => Ok(LoginAction::Look),
            (LoginPath::Private, _) => Err("GET, HEAD"),
            (LoginPath::Ledger, &(Method::GET | Method::HEAD)) => Ok(LoginAction::Tell),
            (LoginPath::Ledger, &Method::DELETE) => Ok(LoginAction::Empty),
            (LoginPath::Ledger, &Method::POST) => Ok(LoginAction::Enter),
            (LoginPath::Ledger, _) => Err("GET, HEAD, POST, DELETE"),
            (LoginPath::Entry(_), &(Method::GET | Method::HEAD | Method::POST | Method::PUT)) => {
                Ok(LoginAction::Enter)
            }
            (LoginPath::Entry(_), _) => Err("GET, HEAD, POST, PUT"),
        }
    }

    /// Whether it is there for whoever wants to know what happened. No behaviour applies to it.
    pub(crate) fn is_for_observers(&self, method: &Method) -> bool {
        matches!(self.action(method), Ok(LoginAction::Tell | LoginAction::Empty))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_methods_lead_to_actions() {
        let cases = [
            ("/session", Method::POST, Ok(LoginAction::Login)),
            ("/session", Method::DELETE, Ok(LoginAction::Logout)),
            ("/session", Method::GET, Err("POST, DELETE")),
            ("/private", Method::HEAD, Ok(LoginAction::Look)),
            ("/private", Method::POST, Err("GET, HEAD")),
            ("/ledger", Method::GET, Ok(LoginAction::Tell)),
            ("/ledger", Method::POST, Ok(LoginAction::Enter)),
            ("/ledger", Method::DELETE, Ok(LoginAction::Empty)),
            ("/ledger", Method::PATCH, Err("GET, HEAD, POST, DELETE")),
            ("/ledger/7", Method::GET, Ok(LoginAction::Enter)),
            ("/ledger/a-b", Method::PUT, Ok(LoginAction::Enter)),
            ("/ledger/7", Method::DELETE, Err("GET, HEAD, POST, PUT")),
        ];
        for (path, method, action) in cases {
            assert_eq!(LoginPath::parse(path).expect(path).action(&method), action, "{method} {path}");
        }
    }

    #[test]
    fn what_is_no_path_of_the_service_is_none() {
        for path in ["/", "/sessions", "/session/", "/ledger/", "/ledger/a/b", "/private/x", "*", ""] {
            assert_eq!(LoginPath::parse(path), None, "{path}");
        }
    }
}
