//! Where values may stand that are not known before the run: in steps of a flow, where each request is rendered by itself.

use super::fields::{HttpRequest, Request};
use super::mistake::Mistake;
use crate::template::{Hole, HolePlace, Piece, has_values};

const FIX: &str = "there are `{{seq}}`, `{{rand LOW HIGH}}` and `{{uuid}}`";

/// Whether some of the pieces are values that are not known when the run begins.
pub(super) fn has_unknown(pieces: &[Piece], is_given: &dyn Fn(&Hole) -> bool) -> bool {
    pieces.iter().any(|piece| matches!(piece, Piece::Value(hole) if !is_given(hole)))
}

/// In which part of a request the first hole stands that is meant: its path, one of its fields, or something else.
pub(super) fn part_of(request: &Request, is_meant: &dyn Fn(&Hole) -> bool) -> String {
    let is_in =
        |pieces: &[Piece]| pieces.iter().any(|piece| matches!(piece, Piece::Value(hole) if is_meant(hole)));
    if request.http().is_some_and(|http| is_in(&http.path)) {
        return "path".to_owned();
    }
    let field = request.fields().iter().position(|(_, value)| is_in(value));
    field.map_or(String::new(), |index| format!("headers[{index}]"))
}

/// What is wrong with the values in a request, if there are any. Of those that are given when the run begins it is known then what they
/// become.
pub(super) fn wrong(
    request: &Request,
    is_step_of_flow: bool,
    is_given: &dyn Fn(&Hole) -> bool,
) -> Option<Mistake> {
    if !request.parts().any(has_values) {
        return None;
    }
    if let Some(what) = refused_in(request, is_given) {
        return Some(Mistake::new(format!("values of a flow cannot stand in {what}"), FIX));
    }
    if !is_step_of_flow && request.parts().any(|part| has_unknown(part, is_given)) {
        let problem = "values of a flow cannot stand in a request that is no step of one";
        return Some(Mistake::new(problem, FIX));
    }
    if !is_placed(request) {
        let problem = "it has a value that is not looked at for what may not stand in its place";
        return Some(Mistake::new(
            problem,
            "let `place` say where it stands: `path`, `header`, `text` or `body`",
        ));
    }
    None
}

/// What of a request is not rendered for each by itself, or has a form that no value of any length fits.
fn refused_in(request: &Request, is_given: &dyn Fn(&Hole) -> bool) -> Option<&'static str> {
    let in_opening = |opening: &HttpRequest| {
        has_unknown(&opening.path, is_given)
            || opening.headers.iter().any(|(_, value)| has_unknown(value, is_given))
    };
    match request {
        Request::WebSocket(message) => in_opening(&message.opening).then_some("what opens a WebSocket"),
        Request::Grpc(call) => {
            call.messages.iter().any(|message| has_values(message)).then_some("messages of gRPC")
        }
        Request::Dns(_) => Some("queries of DNS"),
        Request::Http(_) | Request::Bytes(_) => None,
    }
}

/// Whether each value is looked at for what may not stand in its place.
fn is_placed(request: &Request) -> bool {
    let path = request.http().map_or(&[][..], |request| request.path.as_slice());
    let in_path = path.iter().map(|piece| (piece, HolePlace::Path));
    let fields = request.fields().iter().flat_map(|(_, value)| value);
    let in_fields = fields.map(|piece| (piece, HolePlace::Header));
    in_path.chain(in_fields).all(|(piece, place)| match piece {
        // At the beginning of a path more is asked of it, and nothing less.
        Piece::Value(hole) if place == HolePlace::Path && hole.place == HolePlace::PathStart => true,
        Piece::Value(hole) => hole.place == place,
        _ => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{
        BytesMessage, DnsQuery, GrpcCall, MessagePace, RecordType, SocketMessageKind, WebSocketMessage,
    };
    use crate::template::parse;

    fn pieces(text: &str, place: HolePlace) -> Vec<Piece> {
        parse(text).unwrap().into_iter().map(|piece| piece.placed(place)).collect()
    }

    fn http(path: &str, header: &str, place: HolePlace) -> HttpRequest {
        HttpRequest {
            method: "POST".into(),
            path: pieces(path, HolePlace::Path),
            headers: vec![("X-Key".into(), pieces(header, place))],
            body: Some(pieces("{{token}}", HolePlace::Body)),
        }
    }

    fn told(request: &Request, is_step_of_flow: bool) -> String {
        wrong(request, is_step_of_flow, &|_| false).map(|mistake| mistake.problem).unwrap_or_default()
    }

    #[test]
    fn a_request_of_a_flow_may_have_values_and_no_other() {
        let request = Request::Http(http("/{{id}}", "{{token}}", HolePlace::Header));
        assert_eq!(told(&request, true), "");
        assert!(told(&request, false).contains("no step"));
        let plain = HttpRequest { body: None, ..http("/{{seq}}", "{{uuid}}", HolePlace::Header) };
        assert_eq!(told(&Request::Http(plain), false), "");
        let bytes = BytesMessage { payload: pieces("{{token}}", HolePlace::Body) };
        assert_eq!(told(&Request::Bytes(bytes), true), "");
    }

    #[test]
    fn a_value_in_a_header_that_is_not_looked_at_for_line_ends_is_refused() {
        let request = Request::Http(http("/", "{{token}}", HolePlace::Body));
        assert!(told(&request, true).contains("not looked at"));
    }

    #[test]
    fn values_stand_in_no_opening_no_call_and_no_query() {
        let message = |path: &str| {
            Request::WebSocket(WebSocketMessage {
                opening: HttpRequest { body: None, ..http(path, "", HolePlace::Header) },
                kind: SocketMessageKind::Text,
                payload: pieces("{{token}}", HolePlace::Text),
            })
        };
        assert_eq!(told(&message("/"), true), "");
        assert!(told(&message("/{{id}}"), true).contains("what opens a WebSocket"));
        let call = |metadata: &str, message: &str| {
            Request::Grpc(GrpcCall {
                method: "a.B/C".into(),
                metadata: vec![("x".into(), pieces(metadata, HolePlace::Header))],
                messages: vec![pieces(message, HolePlace::Body)],
                count: None,
                pace: MessagePace::AtOnce,
                deadline_ns: None,
                described: None,
            })
        };
        assert_eq!(told(&call("{{token}}", "{}"), true), "");
        assert!(told(&call("", "{\"a\": {{id}}}"), true).contains("messages of gRPC"));
        let name = pieces("{{id}}.example.org", HolePlace::Body);
        let query = DnsQuery { name, record_type: RecordType::A, recursion: true, edns_bytes: None };
        assert!(told(&Request::Dns(query), true).contains("queries of DNS"));
    }
}
