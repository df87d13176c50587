//! OpenAPI documents in JSON and YAML.

use crate::{assert_noted, plan, read, table};
use proptest::prelude::*;
use vajra_import::{Made, OpenApiChoices, from_openapi};

const SHOP: &str = include_str!("data/shop.yaml");

fn made(text: &str, choices: &OpenApiChoices) -> Made {
    from_openapi(text, "shop.yaml", choices).unwrap_or_else(|wrong| panic!("{wrong}"))
}

fn operations(words: &[&str]) -> OpenApiChoices {
    OpenApiChoices { operations: words.iter().map(|word| (*word).to_owned()).collect(), ..Default::default() }
}

#[test]
fn operations_that_change_nothing_are_a_mix_that_runs() {
    let made = made(SHOP, &OpenApiChoices::default());
    let steps: Vec<String> = plan(&made).scenarios[0].steps().iter().map(|step| step.name.clone()).collect();
    assert_eq!(steps, ["listItems", "getItem", "GET /search"]);
    let table = table(&made);
    assert_eq!(table["url"].as_str(), Some("https://shop.local:8443"));
    let path = |at: usize| table["request"][at]["get"].as_str().unwrap().to_owned();
    assert_eq!(path(0), "/v1/items?page={{rand 1 50}}&sort=by%20name");
    assert_eq!(path(1), "/v1/items/{{uuid}}");
    assert_eq!(path(2), "/v1/search?q=red%20shoes");
    assert_eq!(table["request"][1]["headers"]["X-Tenant"].as_str(), Some("acme"));
    assert_noted(&made, &["3 operations that may change something are left out", "--all"]);
}

#[test]
fn bodies_are_made_from_their_schemas_and_credentials_are_variables() {
    let made = made(SHOP, &operations(&["addItem", "POST /login", "upload"]));
    let table = table(&made);
    let add = &table["request"][0];
    assert_eq!(add["post"].as_str(), Some("/v1/items"));
    assert_eq!(add["json"]["name"].as_str(), Some("text"));
    assert_eq!(add["json"]["colour"].as_str(), Some("{{pick red green}}"));
    assert_eq!(add["json"]["price"].as_str(), Some("{{rand 1 99 | number}}"));
    assert_eq!(add["json"]["tags"].as_array().unwrap().len(), 2);
    assert!(add["json"].get("parent").is_none(), "a schema that holds itself is made once");
    assert!(add["json"].get("id").is_none(), "what is only read is not sent");
    assert_eq!(add["headers"]["Authorization"].as_str(), Some("Bearer {{env API_TOKEN}}"));
    assert_eq!(table["request"][1]["form"]["name"].as_str(), Some("me"));
    assert_eq!(table["request"][2]["headers"]["X-Key"].as_str(), Some("{{env API_KEY}}"));
    assert_noted(&made, &["API_KEY (the key of the API), API_TOKEN (an access token)"]);
}

#[test]
fn the_same_document_in_json_makes_the_same_plan() {
    let json = r#"{"openapi": "3.0.3", "servers": [{"url": "http://a"}, {"url": "http://{host}/v2", "variables": {"host": {"default": "b"}}}],
        "paths": {"/x/{id}": {"parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "integer"}}],
            "get": {"responses": {"200": {"description": "x"}}}}}}"#;
    let yaml = "openapi: 3.0.3\nservers:\n- url: http://a\n- url: http://{host}/v2\n  variables: {host: {default: b}}\npaths:\n  /x/{id}:\n    \
                parameters:\n    - {name: id, in: path, required: true, schema: {type: integer}}\n    get:\n      responses:\n        200: {description: x}\n";
    let second = OpenApiChoices { server: Some("2".into()), ..Default::default() };
    assert_eq!(made(json, &second), made(yaml, &second));
    let table = table(&made(yaml, &second));
    assert_eq!(table["url"].as_str(), Some("http://b"));
    assert_eq!(table["request"][0]["get"].as_str(), Some("/v2/x/{{rand 1 1000}}"));
    let own = OpenApiChoices { server: Some("http://c/api".into()), ..Default::default() };
    assert_eq!(crate::table(&made(yaml, &own))["request"][0]["get"].as_str(), Some("/api/x/{{rand 1 1000}}"));
}

#[test]
fn what_cannot_be_imported_is_told_with_what_to_do() {
    let empty = "openapi: 3.1.0\nservers: [{url: 'http://h'}]\npaths: {}\n";
    let relative = "openapi: 3.1.0\nservers: [{url: /v1}]\npaths: {/a: {get: {}}}\n";
    for (text, choices, problem, fix) in [
        ("swagger: '2.0'\n", OpenApiChoices::default(), "Swagger 2.0", "convert it"),
        ("openapi: 4.0.0\n", OpenApiChoices::default(), "OpenAPI 4.0.0", "3.0 and 3.1"),
        ("a: 1\n", OpenApiChoices::default(), "no OpenAPI document", "openapi"),
        ("{", OpenApiChoices::default(), "is no JSON", "correct it"),
        ("a: [\n", OpenApiChoices::default(), "is no YAML", "correct it"),
        (empty, OpenApiChoices::default(), "no operations", "paths"),
        (relative, OpenApiChoices::default(), "`/v1` names no host", "--server"),
        (SHOP, operations(&["getItme"]), "no operation `getItme`", "listItems"),
        (
            SHOP,
            OpenApiChoices { server: Some("7".into()), ..Default::default() },
            "no number 7",
            "count from 1",
        ),
    ] {
        let wrong = from_openapi(text, "x.yaml", &choices).unwrap_err();
        assert!(
            wrong.problem.contains(problem) && wrong.fix.contains(fix) && !wrong.place.is_empty(),
            "{wrong}"
        );
    }
}

#[test]
fn words_that_older_yaml_takes_for_truth_values_are_texts() {
    let text = "openapi: 3.1.0\nservers: [{url: 'http://h'}]\npaths: {'/{n}': {get: {parameters: [{name: n, in: path, required: true, \
                example: on}]}}}\n";
    let made = made(text, &OpenApiChoices::default());
    assert_eq!(table(&made)["request"][0]["get"].as_str(), Some("/on"));
}

#[test]
fn what_a_document_says_and_no_plan_can_have_is_left_out_with_a_note() {
    let text = "openapi: 3.1.0\nservers: [{url: 'http://h'}]\npaths: {'/a/{{id}}': {get: {parameters: [{name: 'X Y', in: header, \
                required: true, example: on}]}}, x-own: {get: {}}, '/b': {post: {requestBody: {content: {application/json: {schema: \
                {properties: {'{{n}}': {type: integer}, m: {const: 1}}}}}}}}}\n";
    let made = made(text, &OpenApiChoices { is_all: true, ..Default::default() });
    let requests = table(&made)["request"].as_array().unwrap().clone();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0]["get"].as_str(), Some("/a/%7B%7Bid%7D%7D"));
    assert!(requests[0].get("headers").is_none());
    assert_eq!(requests[1]["json"].as_table().unwrap().keys().collect::<Vec<_>>(), ["m"]);
    assert_noted(&made, &["the header X Y is left out: no header is called so"]);
    assert_noted(&made, &["the path has a part that no parameter describes: /a/"]);
}

#[test]
fn a_document_that_grows_without_end_is_refused() {
    let level = |at: usize| format!("l{at}: &l{at} [{}]\n", vec![format!("*l{}", at - 1); 10].join(", "));
    let text = format!("openapi: 3.1.0\nl0: &l0 [x]\n{}", (1..12).map(level).collect::<String>());
    let wrong = from_openapi(&text, "x.yaml", &OpenApiChoices::default()).unwrap_err();
    assert!(wrong.problem.contains("is no YAML"), "{wrong}");
    let deep = format!("openapi: 3.1.0\na: {}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(from_openapi(&deep, "x.yaml", &OpenApiChoices::default()).is_err());
    let deep = format!("{{\"openapi\": \"3.1.0\", \"a\": {}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(from_openapi(&deep, "x.json", &OpenApiChoices::default()).is_err());
}

proptest! {
    #[test]
    fn a_document_that_was_changed_anywhere_is_a_plan_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), "[ -~\n\u{e9}]{0,3}"), 1..8),
    ) {
        let mut letters: Vec<String> = SHOP.chars().map(String::from).collect();
        for (at, text) in &changes {
            let at = at.index(letters.len());
            letters[at].clone_from(text);
        }
        let all = OpenApiChoices { is_all: true, ..Default::default() };
        if let Ok(made) = from_openapi(&letters.concat(), "changed.yaml", &all) {
            prop_assert!(read(&made.plan).is_ok(), "{:#?}\n{}", read(&made.plan).err(), made.plan);
        }
    }
}
