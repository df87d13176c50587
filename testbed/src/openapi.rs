//! What is answered over HTTP, for programs: the document that `/openapi.json` is.

/// OpenAPI 3.1.
pub(crate) const DOCUMENT: &str = include_str!("../openapi.json");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::links::LinkPath;
    use crate::logins::LoginPath;
    use crate::route::Route;
    use serde_json::Value;
    use std::collections::BTreeSet;

    /// What stands in for what a path leaves open.
    const FILLED: [(&str, &str); 4] =
        [("{n}", "10"), ("{status}", "204"), ("{code}", "0aZ9bbbb"), ("{id}", "7")];

    /// Every path of a route. There is no default case, so that a new route asks for its own.
    fn paths(route: &Route) -> &'static [&'static str] {
        match route {
            Route::Root => &["/"],
            Route::Bytes(_) => &["/bytes/{n}"],
            Route::Chunked(_) => &["/chunked/{n}"],
            Route::Status(_) => &["/status/{status}"],
            Route::Echo => &["/echo"],
            Route::WebSocket => &["/ws"],
            Route::Stats => &["/stats"],
            Route::Redirect(_) => &["/redirect/{n}"],
            Route::OpenApi => &["/openapi.json"],
            Route::Links(path) => match path {
                LinkPath::Collection => &["/links"],
                LinkPath::Redirect(_) => &["/{code}"],
                LinkPath::One(_) => &["/links/{code}"],
                LinkPath::Stats(_) => &["/links/{code}/stats"],
                LinkPath::Metrics => &["/metrics"],
                LinkPath::Reload => &["/admin/reload"],
            },
            Route::Logins(path) => match path {
                LoginPath::Session => &["/session"],
                LoginPath::Private => &["/private"],
                LoginPath::Ledger => &["/ledger"],
                LoginPath::Entry(_) => &["/ledger/{id}"],
            },
            // A call is known by its content type, and the others are none.
            Route::Call | Route::Unknown | Route::Malformed(_) => &[],
        }
    }

    fn document() -> Value {
        serde_json::from_str(DOCUMENT).expect("JSON")
    }

    fn filled(path: &str) -> String {
        FILLED.iter().fold(path.to_owned(), |path, (open, value)| path.replace(open, value))
    }

    #[test]
    fn every_path_of_the_document_is_the_route_that_it_says() {
        let document = document();
        for path in document["paths"].as_object().expect("paths").keys() {
            let route = Route::parse(&filled(path));
            assert!(paths(&route).contains(&path.as_str()), "{path} is {route:?}");
        }
    }

    #[test]
    fn every_route_is_in_the_document() {
        let routes = "/ /bytes/1 /chunked/1 /status/200 /echo /ws /stats /redirect/1 /openapi.json /links /0aZ9bbbb \
                      /links/0aZ9bbbb /links/0aZ9bbbb/stats /metrics /admin/reload /session /private /ledger /ledger/7";
        let expected: BTreeSet<&str> =
            routes.split_whitespace().flat_map(|path| paths(&Route::parse(path))).copied().collect();
        let document = document();
        let told: BTreeSet<&str> =
            document["paths"].as_object().expect("paths").keys().map(String::as_str).collect();
        assert_eq!((told, expected.len()), (expected, routes.split_whitespace().count()));
    }

    #[test]
    fn methods_and_parameters_are_those_that_are_taken() {
        let document = document();
        assert_eq!(document["openapi"], "3.1.0");
        for (path, item) in document["paths"].as_object().expect("paths") {
            let named = item["parameters"].as_array().map_or(0, Vec::len);
            assert_eq!(named, path.matches('{').count(), "{path}");
            let operations = item.as_object().expect("a path").iter().filter(|(key, _)| *key != "parameters");
            for (method, operation) in operations {
                let method = method.to_uppercase().parse().expect("a method");
                let is_taken = match Route::parse(&filled(path)) {
                    Route::Links(path) => path.action(&method).is_ok(),
                    Route::Logins(path) => path.action(&method).is_ok(),
                    _ => true,
                };
                assert!(is_taken, "{method} {path}");
                assert!(
                    operation["responses"].as_object().is_some_and(|all| !all.is_empty()),
                    "{method} {path}"
                );
                assert!(
                    operation["operationId"].is_string() && operation["summary"].is_string(),
                    "{method} {path}"
                );
            }
        }
    }
}
