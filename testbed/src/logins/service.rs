//! The logins service: from a request to what it is answered, with the tokens, the ledger and the counts behind it.

use form_urlencoded::parse as pairs;
use hyper::body::Bytes;
use hyper::header::{
    AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderMap, HeaderValue, SET_COOKIE, WWW_AUTHENTICATE,
};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use serde::Deserialize;
use serde_json::json;

use crate::logins::ledger::{EntryKind, ID_BYTES_MAX, VisitLedger};
use crate::logins::path::{LoginAction, LoginPath};
use crate::logins::tokens::{LoginToken, TokenStore};
use crate::payload::Payload;
use crate::quantity::ValueError;
use crate::response::{empty, json as json_response, method_not_allowed, problem};

/// The largest body that a request may have.
pub(crate) const BODY_BYTES_MAX: usize = 16 * 1024;

const NAME_BYTES_MAX: usize = 256;

/// A server's logins and its ledger.
#[derive(Debug)]
pub(crate) struct LoginService {
    tokens: TokenStore,
    ledger: VisitLedger,
    counts: LoginCounts,
}

/// What is asked of the service, once the request was read.
pub(crate) struct LoginRequest<'a> {
    pub(crate) path: &'a LoginPath,
    pub(crate) head: &'a Parts,
    /// `None` if it was longer than it may be.
    pub(crate) body: Option<Bytes>,
}

/// What happened since the ledger was last emptied.
#[derive(Debug, Default)]
struct LoginCounts {
    logins: u64,
    /// Without a token, or with one that nobody has.
    unauthorized: u64,
    /// With the token of somebody else than it was said to be of.
    mismatches: u64,
}

/// Who logs in. What else a body says is not looked at: whatever the password, it is the right one.
#[derive(Deserialize)]
struct Credentials {
    #[serde(alias = "user")]
    name: String,
}

impl LoginService {
    /// The seed decides the tokens.
    pub(crate) fn new(seed: u64) -> LoginService {
        let (ledger, counts) = (VisitLedger::default(), LoginCounts::default());
        LoginService { tokens: TokenStore::new(seed), ledger, counts }
    }

    pub(crate) fn answer(&mut self, request: LoginRequest<'_>) -> Response<Payload> {
        let LoginRequest { path, head, body } = request;
        let Some(body) = body else {
            let message = format!("a request has at most {BODY_BYTES_MAX} bytes");
            return problem(StatusCode::PAYLOAD_TOO_LARGE, &message);
        };
        match path.action(&head.method) {
            Ok(LoginAction::Login) => self.login(&head.headers, &body),
            Ok(LoginAction::Logout) => self.logout(&head.headers),
            Ok(LoginAction::Look) => self.look(head),
            Ok(LoginAction::Enter) => self.enter(path, head),
            Ok(LoginAction::Tell) => self.tell(head),
            Ok(LoginAction::Empty) => {
                (self.ledger, self.counts) = (VisitLedger::default(), LoginCounts::default());
                empty(StatusCode::NO_CONTENT)
            }
            Err(allowed) => method_not_allowed(allowed),
        }
    }

    fn login(&mut self, headers: &HeaderMap, body: &[u8]) -> Response<Payload> {
        let name = match name(headers, body) {
            Ok(name) => name,
            Err(error) => return problem(StatusCode::BAD_REQUEST, &error.to_string()),
        };
        let Some(token) = self.tokens.login(name.clone()) else {
            let message = format!("{} are logged in, and there is no room for more", self.tokens.count());
            return problem(StatusCode::INSUFFICIENT_STORAGE, &message);
        };
        self.counts.logins += 1;
        let answer = json!({ "token": token.to_string(), "user": name });
        let mut response = json_response(StatusCode::CREATED, answer.to_string() + "\n");
        let cookie = HeaderValue::from_str(&format!("session={token}; Path=/; HttpOnly"));
        response.headers_mut().insert(SET_COOKIE, cookie.expect("letters and digits"));
        response
    }

    fn logout(&mut self, headers: &HeaderMap) -> Response<Payload> {
        match token(headers).filter(|token| self.tokens.find(*token).is_some()) {
            Some(token) => {
                self.tokens.logout(token);
                empty(StatusCode::NO_CONTENT)
            }
            None => self.refuse(),
        }
    }

    fn look(&mut self, head: &Parts) -> Response<Payload> {
        let Some(login) = token(&head.headers).and_then(|token| self.tokens.find(token)) else {
            return self.refuse();
        };
        // Both may be given, and then both have to be right.
        let in_query = query_value(head, "user");
        let in_header =
            head.headers.get("x-user").map(|user| String::from_utf8_lossy(user.as_bytes()).into_owned());
        if let Some(other) = in_query.into_iter().chain(in_header).find(|said| *said != login.user) {
            self.counts.mismatches += 1;
            return problem(
                StatusCode::CONFLICT,
                &format!("this is the token of `{}`, not of `{other}`", login.user),
            );
        }
        login.visits += 1;
        let answer = json!({ "user": login.user, "visits": login.visits });
        json_response(StatusCode::OK, answer.to_string() + "\n")
    }

    fn enter(&mut self, path: &LoginPath, head: &Parts) -> Response<Payload> {
        let id = match path {
            LoginPath::Entry(id) => Some(id.clone()),
            _ => query_value(head, "id"),
        };
        let Some(id) = id.filter(|id| (1..=ID_BYTES_MAX).contains(&id.len())) else {
            let message =
                format!("who came? write /ledger?id=ID or /ledger/ID, of 1 to {ID_BYTES_MAX} bytes");
            return problem(StatusCode::BAD_REQUEST, &message);
        };
        let (entry, kind) = self.ledger.enter(&id);
        let kind = match kind {
            EntryKind::First => "first",
            EntryKind::Repeated => "repeated",
            EntryKind::Untracked => "untracked",
        };
        json_response(StatusCode::OK, json!({ "id": id, "entry": entry, "is": kind }).to_string() + "\n")
    }

    fn tell(&self, head: &Parts) -> Response<Payload> {
        let listed = query_value(head, "list").map_or(Ok(0), |listed| listed.parse());
        let Ok(listed) = listed else {
            return problem(
                StatusCode::BAD_REQUEST,
                "`list` is how many of the first entries to tell, such as 100",
            );
        };
        let mut told = self.ledger.told(listed);
        for (key, count) in [
            ("logins", self.counts.logins),
            ("logged_in", self.tokens.count() as u64),
            ("unauthorized", self.counts.unauthorized),
            ("mismatches", self.counts.mismatches),
        ] {
            told[key] = count.into();
        }
        json_response(StatusCode::OK, told.to_string() + "\n")
    }

    fn refuse(&mut self) -> Response<Payload> {
        self.counts.unauthorized += 1;
        let message = "no token, or one that nobody has; POST /session gives one";
        let mut response = problem(StatusCode::UNAUTHORIZED, message);
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        response
    }
}

/// Who wants to log in, by a body of JSON or of a form.
fn name(headers: &HeaderMap, body: &[u8]) -> Result<String, ValueError> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|content_type| content_type.to_str().ok());
    let is_form = content_type.is_some_and(|text| text.starts_with("application/x-www-form-urlencoded"));
    let name = if is_form {
        let mut pairs = pairs(body);
        let name = pairs.find(|(key, _)| key == "name" || key == "user").map(|(_, name)| name.into_owned());
        name.ok_or_else(|| ValueError::new("the form says no `name`; write name=NAME&pass=PASS"))?
    } else {
        let read = serde_json::from_slice::<Credentials>(body);
        let example = "{\"name\": \"NAME\", \"pass\": \"PASS\"}";
        read.map_err(|error| ValueError::new(format!("the body is no login: {error}; write {example}")))?.name
    };
    if (1..=NAME_BYTES_MAX).contains(&name.len()) {
        Ok(name)
    } else {
        Err(ValueError::new(format!("`name` has 1 to {NAME_BYTES_MAX} bytes")))
    }
}

/// The token of a request: as a bearer has it, or else as a cookie.
fn token(headers: &HeaderMap) -> Option<LoginToken> {
    if let Some(authorization) = headers.get(AUTHORIZATION) {
        return LoginToken::parse(authorization.to_str().ok()?.strip_prefix("Bearer ")?);
    }
    // HTTP/2 may send each cookie in a field of its own.
    let fields = headers.get_all(COOKIE).into_iter().filter_map(|field| field.to_str().ok());
    let mut cookies = fields.flat_map(|field| field.split(';'));
    cookies.find_map(|cookie| cookie.trim().strip_prefix("session=")).and_then(LoginToken::parse)
}

fn query_value(head: &Parts, wanted: &str) -> Option<String> {
    let query = head.uri.query()?;
    pairs(query.as_bytes()).find(|(key, _)| key == wanted).map(|(_, value)| value.into_owned())
}
